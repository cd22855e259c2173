package io.virtquorum.adjudicate;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@link RandomizedRun} by many seeds. Without {@code -Dseeds=N} it runs 300; {@code -Dseed=S} runs
 * one.
 */
final class RandomizedRunTest {
  private static final int SEEDS = Integer.getInteger("seeds", 300);
  private static final long FIRST = Long.getLong("seed", 1L);

  @Test
  void whateverHappensNothingAcceptedIsLostAndEverybodyBecomesEqual() {
    int seeds = Long.getLong("seed") == null ? SEEDS : 1;
    for (long seed = FIRST; seed < FIRST + seeds; seed++) {
      RandomizedRun.of(seed);
    }
  }

  /** Under {@link Authority#VOTES}: too many were behind to elect anything. */
  @ParameterizedTest
  @ValueSource(longs = {2025, 2045, 2127})
  void whereNobodyCanBeElectedAPersonsWordIsEnough(long seed) {
    RandomizedRun.of(seed);
  }
}
