package io.virtquorum.simulate;

/** What keeps programs of a guest waiting that touch its disks. For one thread. */
final class Hindrances {
  private static final long SLICE = Timeline.SECOND / 2;

  private final SimulatedGuest guest;
  private long hashesSlowlyUntil;
  private long hangsUntil;

  Hindrances(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** For a while files take longer to hash than a look may last. */
  void hashSlowly(long nanos) {
    hashesSlowlyUntil = guest.timeline.now() + nanos;
  }

  /** For a while nothing that touches a disk goes on. */
  void hang(long nanos) {
    hangsUntil = guest.timeline.now() + nanos;
  }

  boolean hangs() {
    return guest.timeline.now() < hangsUntil;
  }

  void heal() {
    hangsUntil = 0;
    hashesSlowlyUntil = 0;
  }

  /** True while nothing that is another file than before can be read to its end. */
  boolean isSlow() {
    return guest.timeline.now() < hashesSlowlyUntil;
  }

  /** Waits for disks that hang. */
  void await() {
    while (hangs()) {
      guest.timeline.sleep(SLICE);
    }
  }
}
