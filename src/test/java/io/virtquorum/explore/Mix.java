package io.virtquorum.explore;

import java.util.function.LongConsumer;

/** Mixes longs to 64 bits, in order (the constants and the end are MurmurHash3's). */
final class Mix implements LongConsumer {
  private long hash;

  @Override
  public void accept(long value) {
    long mixed = value * 0x87c37b91114253d5L;
    mixed = Long.rotateLeft(mixed, 31) * 0x4cf5ad432745937fL;
    hash = Long.rotateLeft(hash ^ mixed, 27) * 5 + 0x52dce729L;
  }

  /** The hash of what was taken in; never 0. */
  long end() {
    long h = hash;
    h = (h ^ h >>> 33) * 0xff51afd7ed558ccdL;
    h = (h ^ h >>> 33) * 0xc4ceb9fe1a85ec53L;
    h ^= h >>> 33;
    return h == 0 ? 1 : h;
  }
}
