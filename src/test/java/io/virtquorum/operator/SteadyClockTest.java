package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class SteadyClockTest {
  private static final Instant NOON = Instant.parse("2026-11-22T12:00:00Z");

  private final SteppingClock wall = new SteppingClock(NOON);
  private final SteadyClock clock = new SteadyClock(wall, wall::nanoTime);

  @Test
  void givenAWallClockThatStepsThenTimePassesAsBefore() {
    wall.pass(Duration.ofSeconds(5));
    wall.step(Duration.ofHours(-1));
    assertThat(clock.now()).isEqualTo(NOON.plusSeconds(5));
    wall.pass(Duration.ofSeconds(5));
    wall.step(Duration.ofDays(400));
    assertThat(clock.now()).isEqualTo(NOON.plusSeconds(10));
  }

  @Test
  void givenAWallClockThatWasNotSetThenThatIsWhatPeopleAreTold() {
    wall.pass(Duration.ofSeconds(5));
    assertThat(clock.shown(NOON)).isEqualTo(NOON);
    assertThat(clock.shown(clock.now())).isEqualTo(wall.instant());
  }

  @Test
  void givenAWallClockThatStepsThenWhatIsShownStepsWithItOnceAndKeepsItsAge() {
    wall.pass(Duration.ofSeconds(5));
    wall.step(Duration.ofHours(-1));
    Instant shown = clock.shown(NOON);
    assertThat(Duration.between(shown, wall.instant())).isEqualTo(Duration.ofSeconds(5));
    wall.pass(Duration.ofHours(3));
    assertThat(clock.shown(NOON)).isEqualTo(shown);
  }

  @Test
  void givenAWallClockThatIsSlowlySetRightThenWhatIsShownStays() {
    for (int i = 0; i < 100; i++) {
      wall.pass(Duration.ofSeconds(1));
      wall.step(Duration.ofMillis(10));
      assertThat(clock.shown(NOON)).isEqualTo(NOON);
    }
  }
}
