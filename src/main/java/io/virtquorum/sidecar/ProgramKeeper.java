package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.ProgramUpdates;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.Watch;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.v1.GuestUpdate;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the program in a guest up to date with its sidecar. For one thread. */
final class ProgramKeeper {
  private static final Logger log = LoggerFactory.getLogger(ProgramKeeper.class);

  /** For the program to come, to be tried, and to begin again. */
  private static final Duration LONGEST = Duration.ofMinutes(3);

  private final Watch watch;
  private final ProgramUpdates updates;
  private Optional<String> failure = Optional.empty();

  /**
   * @param wanted by the operator; one that does not say updates nothing
   */
  ProgramKeeper(Watch watch, GuestUpdate wanted) {
    this.watch = watch;
    this.updates =
        switch (wanted) {
          case GUEST_UPDATE_AUTO -> ProgramUpdates.UNPACKAGED;
          case GUEST_UPDATE_ALWAYS -> ProgramUpdates.ALWAYS;
          case GUEST_UPDATE_NEVER, GUEST_UPDATE_UNSPECIFIED, UNRECOGNIZED -> ProgramUpdates.NEVER;
        };
  }

  /** Updates it if it is to be; what keeps it from that is said, and the member goes on. */
  void keep() {
    try {
      failure = watch.keepProgram(updates, LONGEST);
    } catch (Trouble | GuestException e) { // the look that follows says it
      log.atDebug().log("The guest program is left as it is: {}", e.getMessage());
    }
  }

  /** That the newer program could not take the place of the older one. */
  Optional<BallotContent.Trouble> ailment() {
    return failure.map(why -> new BallotContent.Trouble("GuestProgramNotUpdated", why));
  }
}
