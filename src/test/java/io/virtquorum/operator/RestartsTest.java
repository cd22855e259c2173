package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class RestartsTest {
  private static final Instant NOON = Instant.parse("2026-11-22T12:00:00Z");

  @Test
  void anInstanceThatIsStillEndingIsNotAskedTwice() {
    Restarts restarts = new Restarts(Clock.fixed(NOON, ZoneOffset.UTC));

    assertThat(restarts.first("uid-1")).isTrue();
    assertThat(restarts.first("uid-1")).isFalse();
    assertThat(restarts.first("uid-2")).isTrue();
  }

  @Test
  void aRequestThatHadNoEffectForMinutesIsMadeAgain() {
    Instant[] now = {NOON};
    Clock clock =
        new Clock() {
          @Override
          public java.time.ZoneId getZone() {
            return ZoneOffset.UTC;
          }

          @Override
          public Clock withZone(java.time.ZoneId zone) {
            return this;
          }

          @Override
          public Instant instant() {
            return now[0];
          }
        };
    Restarts restarts = new Restarts(clock);
    assertThat(restarts.first("uid-1")).isTrue();

    now[0] = NOON.plus(Duration.ofMinutes(6));

    assertThat(restarts.first("uid-1")).isTrue();
  }
}
