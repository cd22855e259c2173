package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.wire.BallotContent;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What to say of a guest that cannot be looked at: nothing at first, because it may be booting, or
 * its program be of another term for a moment. A look that takes too long is no silence, nor is one
 * that fails while the program answers. For one thread.
 */
final class GuestSilence {
  private static final Duration BOOT = Duration.ofSeconds(90);
  private static final Duration REFUSAL = Duration.ofSeconds(10);

  private OptionalLong since = OptionalLong.empty();
  private boolean failed;
  private Optional<BallotContent.Trouble> ailment = Optional.empty();

  /** True if the last look failed. */
  boolean lasts() {
    return failed;
  }

  /**
   * A look failed.
   *
   * @param begun when it began
   * @param state of the guest now
   */
  void failed(GuestException why, long begun, long nanoTime, Guest.State state) {
    failed = true;
    if (why instanceof GuestException.TimedOut && state == Guest.State.ANSWERING) {
      since = OptionalLong.empty();
      ailment = Optional.of(slow(Duration.ofNanos(nanoTime - begun).toSeconds()));
      return;
    }
    if (since.isEmpty()) {
      since = OptionalLong.of(nanoTime);
    }
    long lasted = nanoTime - since.getAsLong();
    if (why instanceof GuestException.Refused) {
      if (lasted >= REFUSAL.toNanos()) {
        ailment = Optional.of(new BallotContent.Trouble("GuestAgentRefuses", why.getMessage()));
      }
    } else if (lasted >= BOOT.toNanos() && state == Guest.State.ANSWERING) {
      ailment =
          Optional.of(
              new BallotContent.Trouble(
                  "GuestProgramFails",
                  "The guest program answers, and no look at the files ends well: %s; its log in the guest says more: journalctl -u virtquorum-guest"
                      .formatted(why.getMessage())));
    } else if (lasted >= BOOT.toNanos()) {
      ailment =
          Optional.of(
              new BallotContent.Trouble(
                  "GuestAgentSilent",
                  "Nothing answers on the channel io.virtquorum.agent.0; install virtquorum-guest in"
                      + " the guest, as docs/install.md says, or see whether the guest hangs"));
    }
  }

  private static BallotContent.Trouble slow(long seconds) {
    return new BallotContent.Trouble(
        Trouble.Reason.SlowLook.name(),
        ("A look at the files was given up after %d s, though the guest answers; what changes"
                + " is not seen meanwhile: exclude large files that change all the time, or see"
                + " whether a disk of the guest is slow or hangs")
            .formatted(seconds));
  }

  void answered() {
    since = OptionalLong.empty();
    failed = false;
    ailment = Optional.empty();
  }

  Optional<BallotContent.Trouble> ailment() {
    return ailment;
  }
}
