package io.virtquorum.collect;

import io.virtquorum.guest.GuestException;
import java.time.Duration;

/** The moment by which a piece of work with many calls must be over. Immutable. */
public final class Deadline {
  private final long end;
  private final Duration whole;

  private Deadline(Duration whole) {
    this.whole = whole;
    this.end = System.nanoTime() + whole.toNanos();
  }

  /** Starts to count now. */
  public static Deadline in(Duration whole) {
    return new Deadline(whole);
  }

  /**
   * What is left; more than zero.
   *
   * @throws GuestException.TimedOut if nothing is
   */
  public Duration left() throws GuestException {
    long nanos = end - System.nanoTime();
    if (nanos <= 0) {
      throw new GuestException.TimedOut("The work took longer than " + whole.toMillis() + " ms");
    }
    return Duration.ofNanos(nanos);
  }

  /** What is left in whole seconds, at least 1: for programs that end themselves. */
  public long leftSeconds() throws GuestException {
    return Math.max(1, left().toSeconds());
  }
}
