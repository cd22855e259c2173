package io.virtquorum.port;

import java.time.Duration;

/**
 * A moment until which something may take.
 *
 * @param end of it, in nanoseconds of the time that it is counted by
 */
public record Limit(long end, Time time) {
  /** What is left; zero if nothing is. */
  public Duration left() {
    return Duration.ofNanos(leftNanos());
  }

  /** As {@link #left}, in nanoseconds. */
  public long leftNanos() {
    return Math.max(0, end - time.nanos());
  }

  /** True once nothing is left. */
  public boolean isOver() {
    return leftNanos() == 0;
  }

  /** So much later. */
  public Limit plus(Duration more) {
    return new Limit(end + more.toNanos(), time);
  }

  /** The earlier of this and so long from now. */
  public Limit within(Duration duration) {
    Limit other = time.in(duration);
    return other.end - end < 0 ? other : this;
  }
}
