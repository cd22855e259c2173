package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * Whole clusters in simulation, production code on both sides of the wire. {@code
 * -Dsimulate.seeds=N} runs more of them; {@code make simulate} runs them outside of a test.
 */
final class SimulationTest {
  /** Seeds with exchanges of programs beside all else. */
  private static final int EXCHANGED = 60;

  private final Logger log = (Logger) LoggerFactory.getLogger("io.virtquorum");
  private final Level before = log.getLevel();

  @BeforeEach
  void quiet() {
    Simulation.quiet();
  }

  @AfterEach
  void loud() {
    log.setLevel(before);
  }

  @Test
  void whateverHappensNothingIsLostAndEverybodyBecomesEqual() throws InterruptedException {
    Simulation simulation = new Simulation(Set.of());
    simulation.run(1, Long.getLong("simulate.seeds", 1_000), 0);
    System.out.println(simulation.report());
    assertThat(simulation.failure()).isEmpty();
  }

  @Test
  void givenProgramsThatAreExchangedAtAnyTimeThenNothingIsLostEither() {
    for (long seed = 1; seed <= EXCHANGED; seed++) {
      Schedule schedule = Schedule.of(seed, Set.of());
      SplittableRandom random = new SplittableRandom(seed);
      List<Event> events = new ArrayList<>(schedule.events());
      for (int i = 0; i < 12; i++) {
        events.add(
            new Event(
                random.nextLong(Schedule.EVENTFUL),
                Event.Kind.PROGRAM_EXCHANGED,
                random.nextLong()));
      }
      events.sort(Comparator.comparingLong(Event::at).thenComparing(Event::seed));
      Run.Result result = Run.of(schedule.with(events), false);
      assertThat(result.failure()).as("seed " + seed).isEmpty();
    }
  }

  @Test
  void theSameSeedIsTheSameStory() {
    for (long seed = 1; seed <= 3; seed++) {
      Run.Result once = Run.of(Schedule.of(seed, Set.of()), true);
      Run.Result again = Run.of(Schedule.of(seed, Set.of()), true);
      assertThat(again.story()).isEqualTo(once.story());
      assertThat(again.trace()).isEqualTo(once.trace());
    }
  }
}
