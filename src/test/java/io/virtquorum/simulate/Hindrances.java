package io.virtquorum.simulate;

import java.util.Set;

/** What keeps programs of a guest waiting that touch its disks. For one thread. */
final class Hindrances {
  /** Longer than a look may last. */
  private static final long HASHING = 75 * Timeline.SECOND;

  private static final long SLICE = Timeline.SECOND / 2;

  /** What it has to read or write is in memory. */
  private static final Set<String> DISKLESS =
      Set.of("evidence", "address", "reach.sh", "serve.sh", "stop.sh", "tools.sh");

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

  /** True if a program that is quick otherwise is not, now. */
  boolean delay(String program) {
    return isSlow(program) || (hangs() && !DISKLESS.contains(program));
  }

  private boolean isSlow(String program) {
    return program.equals("hash.sh") && guest.timeline.now() < hashesSlowlyUntil;
  }

  /** Waits for disks that hang. */
  void await() {
    while (hangs()) {
      guest.timeline.sleep(SLICE);
    }
  }

  /** Lets the time pass that a program takes now; it ends at once with what slows it down. */
  void pass(String program) {
    for (long took = 0; took < HASHING && isSlow(program); took += SLICE) {
      guest.work(SLICE);
    }
    await();
  }
}
