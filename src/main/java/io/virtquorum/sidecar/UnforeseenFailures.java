package io.virtquorum.sidecar;

import io.virtquorum.wire.BallotContent;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What to say of a sidecar that fails in a way nobody foresaw: nothing at first, because it may
 * pass. For one thread.
 */
final class UnforeseenFailures {
  private static final Duration PASSES = Duration.ofSeconds(10);

  private OptionalLong since = OptionalLong.empty();
  private Optional<BallotContent.Trouble> ailment = Optional.empty();

  /** True if the state could not be looked at since the last failure. */
  boolean last() {
    return since.isPresent();
  }

  void failed(RuntimeException why, long nanoTime) {
    if (since.isEmpty()) {
      since = OptionalLong.of(nanoTime);
    }
    if (nanoTime - since.getAsLong() >= PASSES.toNanos()) {
      ailment =
          Optional.of(
              new BallotContent.Trouble(
                  "SidecarFails",
                  "Its sidecar fails again and again, so nobody looks at its state: " + why));
    }
  }

  void looked() {
    since = OptionalLong.empty();
    ailment = Optional.empty();
  }

  Optional<BallotContent.Trouble> ailment() {
    return ailment;
  }
}
