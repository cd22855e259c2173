package io.virtquorum.program;

import java.time.Duration;

/**
 * A moment until which something may take, by {@link System#nanoTime}.
 *
 * @param end of it
 */
record Limit(long end) {
  static Limit in(Duration duration) {
    long nanos;
    try {
      nanos = duration.toNanos();
    } catch (ArithmeticException e) {
      nanos = Long.MAX_VALUE / 4;
    }
    return new Limit(System.nanoTime() + Math.min(nanos, Long.MAX_VALUE / 4));
  }

  /** What is left; zero if nothing is. */
  Duration left() {
    return Duration.ofNanos(Math.max(0, end - System.nanoTime()));
  }

  long leftNanos() {
    return Math.max(0, end - System.nanoTime());
  }

  boolean isOver() {
    return leftNanos() == 0;
  }

  /** So much later. */
  Limit plus(Duration more) {
    return new Limit(end + more.toNanos());
  }

  /** The earlier of this and so long from now. */
  Limit within(Duration duration) {
    Limit other = in(duration);
    return other.end - end < 0 ? other : this;
  }
}
