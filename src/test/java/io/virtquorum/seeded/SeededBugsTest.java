package io.virtquorum.seeded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.invoke.MethodHandle;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Proves that the simulator finds bugs: each of {@link SeededBugs} is planted in the core's own
 * source, and some seed of {@link io.virtquorum.adjudicate.RandomizedRun} must fail. That the core
 * without bugs passes them is {@code RandomizedRunTest}.
 */
final class SeededBugsTest {
  /** Tried after the hint, if that does not find it. */
  private static final long SEEDS = Long.getLong("seeds.bug", 300);

  @Test
  void everyRuleOfTheDesignHasABug() {
    assertThat(SeededBugs.ALL.stream().map(SeededBug::rule).collect(Collectors.toSet()))
        .containsAll(IntStream.rangeClosed(1, 15).boxed().toList());
  }

  static Stream<SeededBug> bugs() {
    return SeededBugs.ALL.stream();
  }

  @ParameterizedTest
  @MethodSource("bugs")
  void givenABugInTheCoreThenTheSimulatorFindsIt(SeededBug bug) throws Throwable {
    MethodHandle run = SeededCore.run(bug);
    if (breaks(run, bug, bug.hint())) {
      return;
    }
    for (long seed = 1; seed <= SEEDS; seed++) {
      if (breaks(run, bug, seed)) {
        return;
      }
    }
    fail("No seed from 1 to " + SEEDS + " finds it: " + bug);
  }

  private static boolean breaks(MethodHandle run, SeededBug bug, long seed) throws Throwable {
    try {
      run.invokeExact(seed);
      return false;
    } catch (AssertionError e) {
      String found = e.getMessage().lines().findFirst().orElse("");
      System.out.println(bug + "\n  " + found);
      return true;
    }
  }
}
