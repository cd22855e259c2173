package io.virtquorum.seeded;

/** Whether a simulator finds a bug. */
sealed interface Found {
  /** Planted and judged, but no run was long enough yet to name a seed. */
  Found UNFOUND = not("a seed is still to be looked for");

  /** This seed found it last. */
  record By(long seed) implements Found {}

  /**
   * It does not. The reason says what it lacks, or which seeds were tried in vain; where it lacks
   * an invariant, the first twelve were.
   */
  record Not(String why) implements Found {}

  static Found by(long seed) {
    return new By(seed);
  }

  static Found not(String why) {
    return new Not(why);
  }
}
