package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Standing;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the member stands, as the adjudicator said it last. Any thread hears; the thread of the
 * rounds passes it on.
 */
final class Standings {
  private static final Logger log = LoggerFactory.getLogger(Standings.class);
  private volatile Standing newest;
  private Standing passed;

  /** Hears it from a leader that is obeyed. */
  void hear(io.virtquorum.wire.v1.Standing message) {
    try {
      newest =
          new Standing(
              message.getPrimary(),
              message.getTenure(),
              message.hasCommitted()
                  ? Optional.of(WireMapping.read(message.getCommitted()))
                  : Optional.empty(),
              message.getEpoch(),
              message.getReason(),
              message.getSentence(),
              message.getConfirmed());
    } catch (WireException e) {
      log.atWarn().log("What the record says of this member cannot be read: {}", e.getMessage());
    }
  }

  /** Passes it on, if there is something to. A guest that does not answer hears it with a look. */
  void pass(Optional<MemberWork> work) {
    Standing now = newest;
    if (now == null || now.equals(passed) || work.isEmpty()) {
      return;
    }
    passed = now;
    try {
      work.get().stand(now);
    } catch (GuestException e) {
      log.atInfo().log("The guest does not hear how it stands now: {}", e.getMessage());
    }
  }

  /** Other work does not know it yet. */
  void forget() {
    passed = null;
  }
}
