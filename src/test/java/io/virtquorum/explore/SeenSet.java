package io.virtquorum.explore;

/**
 * A set of 64-bit hashes by open addressing: 8 bytes an entry at a load of at most two thirds. Two
 * of n worlds share a hash, and one is missed, with a probability of about n&sup2;/2<sup>65</sup>:
 * three in a million for ten million worlds.
 */
final class SeenSet {
  private long[] table = new long[1 << 16];
  private int size;

  /** Adds a hash other than 0; true if it is new. */
  boolean add(long hash) {
    if (3L * (size + 1) > 2L * table.length) {
      grow();
    }
    if (!put(table, hash)) {
      return false;
    }
    size++;
    return true;
  }

  int size() {
    return size;
  }

  private static boolean put(long[] into, long hash) {
    int at = (int) hash & into.length - 1;
    while (into[at] != 0) {
      if (into[at] == hash) {
        return false;
      }
      at = at + 1 & into.length - 1;
    }
    into[at] = hash;
    return true;
  }

  private void grow() {
    long[] larger = new long[2 * table.length];
    for (long hash : table) {
      if (hash != 0) {
        put(larger, hash);
      }
    }
    table = larger;
  }
}
