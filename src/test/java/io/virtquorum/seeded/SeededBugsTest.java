package io.virtquorum.seeded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/**
 * Proves that the simulators find bugs: each is planted in VirtQuorum's own source, and some seed
 * must fail. That no seed fails without bugs is {@code RandomizedRunTest} and {@code
 * SimulationTest}. {@code -Dseeds.bug=N} tries more of them; {@code -Dseeds.unfound=true} looks
 * whether what is said not to be found still is not.
 */
final class SeededBugsTest {
  /** Tried after the hint, if that does not find it. */
  private static final long SEEDS = Long.getLong("seeds.bug", 300);

  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.virtquorum");
  private static final Level BEFORE = LOG.getLevel();

  @BeforeAll
  static void quiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void loud() {
    LOG.setLevel(BEFORE);
  }

  static Stream<SeededBug> bugs() {
    return Stream.of(CoreBugs.ALL, ShellBugs.ALL, EdgeBugs.ALL, BarrierBugs.ALL)
        .flatMap(List::stream);
  }

  @Test
  void everyRuleOfTheDesignHasABug() {
    assertThat(bugs().map(SeededBug::rule).collect(Collectors.toSet()))
        .containsAll(IntStream.rangeClosed(1, 15).boxed().toList());
  }

  /** What finds a bug must be the bug, and not how it is loaded. */
  @Test
  void givenNoBugThenTheSameClassesPass() throws Throwable {
    String text = "return base.size() % 2 == 0 ? WITNESS : 0;";
    var none = new SeededBug(0, "vote/Weights.java", text, text, "none", Found.by(1));
    SeededClasses classes = SeededClasses.with(none);
    for (Simulator simulator : Simulator.values()) {
      assertThat(simulator.in(classes).of(1)).as(simulator.name()).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource("bugs")
  void givenABugThenEverySimulatorThatCanSeeItFindsIt(SeededBug bug) throws Throwable {
    SeededClasses classes = SeededClasses.with(bug);
    for (Simulator simulator : Simulator.values()) {
      if (bug.by(simulator) instanceof Found.By by) {
        Simulator.Runs runs = simulator.in(classes);
        if (!fails(runs, by.seed(), bug, simulator) && firstFound(runs, bug, simulator) == 0) {
          fail("No seed from 1 to " + SEEDS + " of " + simulator + " finds it: " + bug);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("bugs")
  @EnabledIfSystemProperty(named = "seeds.unfound", matches = "true")
  void givenABugThatIsSaidNotToBeFoundThenItStillIsNot(SeededBug bug) throws Throwable {
    for (Simulator simulator : Simulator.values()) {
      if (bug.by(simulator) instanceof Found.Not) {
        assertThat(firstFound(simulator.in(SeededClasses.with(bug)), bug, simulator))
            .as("the seed of %s that finds it now", simulator)
            .isZero();
      }
    }
  }

  /** The first seed that fails; 0: none does. */
  private static long firstFound(Simulator.Runs runs, SeededBug bug, Simulator simulator)
      throws Throwable {
    for (long seed = 1; seed <= SEEDS; seed++) {
      if (fails(runs, seed, bug, simulator)) {
        return seed;
      }
    }
    return 0;
  }

  private static boolean fails(Simulator.Runs runs, long seed, SeededBug bug, Simulator simulator)
      throws Throwable {
    Optional<Throwable> failure = runs.of(seed);
    failure.ifPresent(
        f ->
            System.out.printf(
                "%s%n  %s, seed %d: %s%n",
                bug, simulator, seed, f.toString().lines().findFirst().orElse("")));
    return failure.isPresent();
  }
}
