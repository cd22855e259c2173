package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import io.virtquorum.wire.BallotContent;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What to say of a guest that cannot be looked at: nothing at first, because it may be booting, or
 * frozen for a moment by a backup. For one thread.
 */
final class GuestSilence {
  private static final Duration BOOT = Duration.ofSeconds(90);
  private static final Duration FREEZE = Duration.ofSeconds(10);

  private OptionalLong since = OptionalLong.empty();
  private Optional<BallotContent.Trouble> ailment = Optional.empty();

  /** True if the last look failed. */
  boolean lasts() {
    return since.isPresent();
  }

  void failed(GuestException why, long nanoTime) {
    if (since.isEmpty()) {
      since = OptionalLong.of(nanoTime);
    }
    long lasted = nanoTime - since.getAsLong();
    if (why instanceof GuestException.Refused) {
      if (lasted >= FREEZE.toNanos()) {
        ailment = Optional.of(new BallotContent.Trouble("GuestAgentRefuses", why.getMessage()));
      }
    } else if (lasted >= BOOT.toNanos()) {
      ailment =
          Optional.of(
              new BallotContent.Trouble(
                  "GuestAgentSilent",
                  "No guest agent answers on the channel io.virtquorum.agent.0; install"
                      + " qemu-guest-agent in the guest and have it started on that channel, as"
                      + " docs/install.md says, or see whether the guest hangs"));
    }
  }

  void answered() {
    since = OptionalLong.empty();
    ailment = Optional.empty();
  }

  Optional<BallotContent.Trouble> ailment() {
    return ailment;
  }
}
