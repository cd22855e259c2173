package io.virtquorum.simulate;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** The wall clock of the operators' node. For one thread. */
final class SimulatedClock extends Clock {
  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  private final Timeline timeline;
  private long offset;

  SimulatedClock(Timeline timeline) {
    this.timeline = timeline;
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Instant instant() {
    return BEGIN.plusNanos(timeline.now() + offset);
  }

  /** On the timeline, by a clock that nobody set. */
  long right(Instant instant) {
    return Duration.between(BEGIN, instant).toNanos();
  }

  /** Somebody sets it; what counts nanoseconds does not notice. */
  void step(long nanos) {
    offset += nanos;
  }
}
