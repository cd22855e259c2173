package io.virtquorum.sidecar;

import java.util.OptionalLong;

/**
 * When the state was looked at, for the beats. The thread of the rounds writes; any thread reads.
 */
final class Looks {
  private volatile Seen seen =
      new Seen(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty());

  /**
   * @param begun when the look that is under way began
   * @param good when the newest look that ended well began
   * @param held when the newest began that found the member as it remembers
   */
  private record Seen(OptionalLong begun, OptionalLong good, OptionalLong held) {}

  /** A look begins. */
  void begins(long nanoTime) {
    seen = new Seen(OptionalLong.of(nanoTime), seen.good(), seen.held());
  }

  /**
   * The look is over.
   *
   * @param well the state could be read as it should be
   * @param holds the member holds what it remembers
   */
  void ends(boolean well, boolean holds) {
    Seen now = seen;
    seen =
        new Seen(
            OptionalLong.empty(),
            well ? now.begun() : now.good(),
            well && holds ? now.begun() : now.held());
  }

  /** What was seen is of another configuration, or of another boot. */
  void forget() {
    seen = new Seen(seen.begun(), OptionalLong.empty(), OptionalLong.empty());
  }

  boolean isUnderWay() {
    return seen.begun().isPresent();
  }

  /** Nanoseconds since the newest look that ended well began; empty: none did. */
  OptionalLong age(long nanoTime) {
    return age(seen.good(), nanoTime);
  }

  /** The same of the newest look that found the member as it remembers. */
  OptionalLong heldAge(long nanoTime) {
    return age(seen.held(), nanoTime);
  }

  private static OptionalLong age(OptionalLong from, long nanoTime) {
    return from.isPresent()
        ? OptionalLong.of(Math.max(0, nanoTime - from.getAsLong()))
        : OptionalLong.empty();
  }
}
