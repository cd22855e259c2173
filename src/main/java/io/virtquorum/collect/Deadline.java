package io.virtquorum.collect;

import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.function.LongSupplier;

/** The moment by which a piece of work with many calls must be over. Immutable. */
public final class Deadline {
  private final LongSupplier nanoTime;
  private final long end;
  private final Duration whole;

  /**
   * Starts to count now.
   *
   * @param nanoTime as {@link System#nanoTime}
   */
  Deadline(Duration whole, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.whole = whole;
    this.end = nanoTime.getAsLong() + whole.toNanos();
  }

  /**
   * What is left; more than zero.
   *
   * @throws GuestException.TimedOut if nothing is
   */
  public Duration left() throws GuestException {
    long nanos = end - nanoTime.getAsLong();
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
