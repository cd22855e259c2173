package io.virtquorum.program;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the program how the member stands: in each session anew. For one thread. */
final class Told {
  private static final Logger log = LoggerFactory.getLogger(Told.class);

  private final Program program;
  private Session in;
  private Standing what;

  Told(Program program) {
    this.program = program;
  }

  /** As {@link io.virtquorum.guest.Watch#standing}. */
  void tell(Standing standing, Limit limit) throws GuestException {
    try {
      Session session = program.session(limit);
      if (session == in && standing.equals(what)) {
        return;
      }
      in = null;
      say(standing, limit);
      in = session; // if it was said in a later one, it is said there once more
      what = standing;
    } catch (Trouble trouble) {
      log.atInfo()
          .addKeyValue("message", trouble.getMessage())
          .log("That applications may wait for commits cannot be arranged now");
    }
  }

  private void say(Standing standing, Limit limit) throws GuestException, Trouble {
    try {
      program.ask(Request.newBuilder().setStanding(message(standing)), "how it stands", limit);
    } catch (RefusedException refused) {
      if (refused.reason() != Reason.REASON_UNSUPPORTED) { // an earlier program: nobody waits there
        throw Refusals.trouble(refused);
      }
    }
  }

  private static io.virtquorum.guest.wire.v1.Standing message(Standing standing) {
    var message =
        io.virtquorum.guest.wire.v1.Standing.newBuilder()
            .setPrimary(standing.primary())
            .setTenure(standing.tenure())
            .setEpoch(standing.epoch())
            .setReason(standing.reason())
            .setSentence(standing.sentence())
            .setConfirmed(standing.confirmed());
    standing.committed().map(Paths::memory).ifPresent(message::setCommitted);
    return message.build();
  }
}
