package io.virtquorum.collect;

import io.virtquorum.fingerprint.Digest;

/** An entry and what is known of its content. Owned by one scanner. */
final class Item {
  private final Entry entry;
  private Digest digest;
  private boolean settled;

  Item(Entry entry) {
    this.entry = entry;
  }

  Entry entry() {
    return entry;
  }

  /** The row's digest; null until it was read. */
  Digest digest() {
    return digest;
  }

  /**
   * True if a later write must show in the ctime: it was read well after the ctime's tick, and
   * written back before.
   */
  boolean settled() {
    return settled;
  }

  void read(Digest found, boolean isSettled) {
    digest = found;
    settled = isSettled;
  }
}
