package io.virtquorum.sidecar;

import java.util.OptionalLong;

/**
 * When the state was looked at, for the beats. The thread of the rounds writes; any thread reads.
 */
final class Looks {
  private volatile Seen seen = new Seen(OptionalLong.empty(), OptionalLong.empty());

  /**
   * @param begun when the look that is under way began
   * @param good when the newest look that ended well began
   */
  private record Seen(OptionalLong begun, OptionalLong good) {}

  /** A look begins. */
  void begins(long nanoTime) {
    seen = new Seen(OptionalLong.of(nanoTime), seen.good());
  }

  /**
   * The look is over.
   *
   * @param well the state could be read as it should be
   */
  void ends(boolean well) {
    Seen now = seen;
    seen = new Seen(OptionalLong.empty(), well ? now.begun() : now.good());
  }

  /** What was seen is of another configuration, or of another boot. */
  void forget() {
    seen = new Seen(seen.begun(), OptionalLong.empty());
  }

  boolean isUnderWay() {
    return seen.begun().isPresent();
  }

  /** Nanoseconds since the newest look that ended well began; empty: none did. */
  OptionalLong age(long nanoTime) {
    OptionalLong good = seen.good();
    return good.isPresent()
        ? OptionalLong.of(Math.max(0, nanoTime - good.getAsLong()))
        : OptionalLong.empty();
  }
}
