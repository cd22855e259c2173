package io.virtquorum.simulate;

/** What keeps programs of a guest waiting that touch its disks. For one thread. */
final class Hindrances {
  /** Longer than a look may last. */
  private static final long HASHING = 75 * Timeline.SECOND;

  private static final long SLICE = Timeline.SECOND / 2;

  private final SimulatedGuest guest;
  private long hashesSlowlyUntil;

  Hindrances(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** For a while files take longer to hash than a look may last. */
  void hashSlowly(long nanos) {
    hashesSlowlyUntil = guest.timeline.now() + nanos;
  }

  void heal() {
    hashesSlowlyUntil = 0;
  }

  /** True if a program that is quick otherwise is not, now. */
  boolean delay(String program) {
    return program.equals("hash.sh") && guest.timeline.now() < hashesSlowlyUntil;
  }

  /** Lets the time pass that a program takes now; it ends at once with what slows it down. */
  void pass(String program) {
    for (long took = 0; took < HASHING && delay(program); took += SLICE) {
      guest.work(SLICE);
    }
  }
}
