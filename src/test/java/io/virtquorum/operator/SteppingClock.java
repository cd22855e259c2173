package io.virtquorum.operator;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A wall clock that somebody sets, and the time that passes whatever it shows. */
final class SteppingClock extends Clock {
  private volatile Instant shows;
  private volatile long nanos;

  SteppingClock(Instant shows) {
    this.shows = shows;
  }

  synchronized void pass(Duration time) {
    shows = shows.plus(time);
    nanos += time.toNanos();
  }

  synchronized void step(Duration by) {
    shows = shows.plus(by);
  }

  long nanoTime() {
    return nanos;
  }

  @Override
  public Instant instant() {
    return shows;
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    throw new UnsupportedOperationException();
  }
}
