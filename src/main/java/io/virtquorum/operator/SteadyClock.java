package io.virtquorum.operator;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;

/**
 * Instants to decide by: they advance as time does, whatever anybody does to the wall clock. Only
 * people are told the time by the wall clock. For one thread.
 */
final class SteadyClock {
  /** Less is no step of the wall clock; what is shown does not change for it. */
  private static final Duration STEP = Duration.ofSeconds(2);

  private final Clock wall;
  private final LongSupplier nanoTime;
  private final Instant begin;
  private final long beginNanos;
  private Duration ahead = Duration.ZERO;

  /**
   * @param wall where it begins
   * @param nanoTime as {@link System#nanoTime}
   */
  SteadyClock(Clock wall, LongSupplier nanoTime) {
    this.wall = wall;
    this.nanoTime = nanoTime;
    this.beginNanos = nanoTime.getAsLong();
    this.begin = wall.instant();
  }

  /** Never earlier than before. */
  Instant now() {
    return begin.plusNanos(nanoTime.getAsLong() - beginNanos);
  }

  /**
   * An instant of this clock as the wall clock has it. The same for the same instant, until the
   * wall clock steps: then all move along with it, so that their ages are right.
   */
  Instant shown(Instant steady) {
    Duration aheadNow = Duration.between(now(), wall.instant());
    if (aheadNow.minus(ahead).abs().compareTo(STEP) >= 0) {
      ahead = aheadNow;
    }
    return steady.plus(ahead);
  }
}
