package io.virtquorum.program;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.ProgramUpdates;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.ConfirmUpdate;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Update;
import io.virtquorum.guest.wire.v1.UpdateMark;
import io.virtquorum.guest.wire.v1.UpdateState;
import io.virtquorum.guest.wire.v1.Welcome;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the guest program up to the version of its sidecar: pushes the one that the sidecar has
 * with it, and confirms that one when it serves a session and takes its configuration. Everything
 * it goes by is what a session's Welcome says, so it may be cut off anywhere. For one thread.
 */
final class Upkeep {
  private static final Logger log = LoggerFactory.getLogger(Upkeep.class);

  private static final Duration MOMENT = Duration.ofMillis(100);

  /** Where nothing answers there is nothing to do either. */
  private static final Duration FIRST = Duration.ofSeconds(5);

  /** Before one that is busy is asked again. */
  private static final Duration REST = Duration.ofSeconds(30);

  private final Program program;
  private final CarriedPrograms carried;
  private Session settled;
  private Optional<String> failure = Optional.empty();
  private Limit rest;

  Upkeep(Program program, CarriedPrograms carried) {
    this.program = program;
    this.carried = carried;
    this.rest = program.time().in(Duration.ZERO);
  }

  /**
   * Does what is to be done, if anything. While it does, the guest's sessions end and begin.
   *
   * @param updates when to
   * @return why the newer program could not take the place; empty: it did, or need not
   */
  Optional<String> keep(ProgramUpdates updates, Limit limit) throws GuestException, Trouble {
    if (carried.isNone() || (settled != null && settled.isOpen()) || !rest.isOver()) {
      return failure;
    }
    Session session = program.connected(limit.within(FIRST));
    for (; !limit.isOver(); session = program.connected(limit)) {
      if (session == settled) {
        return failure;
      }
      Welcome welcome = session.welcome();
      if (welcome.getUpdate().getState() == UpdateState.UPDATE_STATE_UNDER_WAY) {
        awaitEnd(session);
        continue;
      }
      boolean onTrial = welcome.getUpdate().getState() == UpdateState.UPDATE_STATE_ON_TRIAL;
      boolean outdated = isOutdated(welcome, updates);
      boolean due = outdated && !isOver(welcome);
      if ((onTrial || due) && program.session(limit) != session) { // it is to be configured
        continue;
      }
      if (onTrial) {
        confirm(session, limit);
        continue;
      }
      if (due && push(session, updates, limit)) {
        continue;
      }
      if (due && !isOver(welcome)) { // it is busy
        rest = program.time().in(REST);
        return failure;
      }
      settled = session;
      failure = outdated ? failed(welcome) : Optional.empty();
      failure.ifPresent(why -> log.atWarn().log("The guest program was not updated: {}", why));
      return failure;
    }
    throw new GuestException.TimedOut(
        "The update of the guest program did not come to its end in time");
  }

  /** What begins next in it is of another program; the port itself does not tell when. */
  private void awaitEnd(Session session) throws GuestException {
    try {
      program.time().sleep(MOMENT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.Unreachable("The sidecar ends during an update", e);
    }
    session.abandon("the guest program is about to end it");
  }

  /** True if it is not to be tried any more, as things are. */
  private boolean isOver(Welcome welcome) {
    return failedBefore(welcome) || carried.wasTried(welcome.getBootId());
  }

  private Optional<String> failed(Welcome welcome) {
    return failedBefore(welcome)
        ? Optional.of(sentence(welcome, welcome.getUpdate().getSentence()))
        : carried.failure(welcome.getBootId());
  }

  /** The program's own mark, which outlives sidecars. */
  private boolean failedBefore(Welcome welcome) {
    UpdateMark mark = welcome.getUpdate();
    return mark.getState() == UpdateState.UPDATE_STATE_FAILED
        && mark.getVersion().equals(carried.version())
        && carried
            .program(welcome.getArchitecture())
            .filter(c -> c.digest().equals(mark.getDigest()))
            .isPresent();
  }

  private boolean isOutdated(Welcome welcome, ProgramUpdates updates) {
    return updates != ProgramUpdates.NEVER
        && Version.isNewer(carried.version(), welcome.getVersion())
        && welcome.getOperationsList().contains("update")
        && carried.program(welcome.getArchitecture()).isPresent();
  }

  /** True if another session is to be awaited. */
  private boolean push(Session session, ProgramUpdates updates, Limit limit) throws GuestException {
    Welcome welcome = session.welcome();
    CarriedPrograms.Carried newest = carried.program(welcome.getArchitecture()).orElseThrow();
    Request.Builder request =
        Request.newBuilder()
            .setUpdate(
                Update.newBuilder()
                    .setVersion(carried.version())
                    .setArchitecture(welcome.getArchitecture())
                    .setDigest(newest.digest())
                    .setSize(newest.size())
                    .setPackaged(updates == ProgramUpdates.ALWAYS));
    log.atInfo()
        .addKeyValue("from", welcome.getVersion())
        .addKeyValue("to", carried.version())
        .addKeyValue("bytes", newest.size())
        .log("The guest program is older than this sidecar: updating it");
    try {
      return isTried(session, request, newest, limit);
    } catch (RefusedException refused) {
      return refused(welcome, refused);
    } catch (UncheckedIOException e) {
      carried.tried(
          welcome.getBootId(),
          Optional.of(sentence(welcome, "the sidecar cannot read it: " + e.getMessage())));
      return false;
    } catch (GuestException e) {
      if (carried.cutOff(welcome.getBootId())) {
        String why = "each time that it was sent something went wrong: " + e.getMessage();
        carried.tried(welcome.getBootId(), Optional.of(sentence(welcome, why)));
      }
      throw e;
    }
  }

  /** Sends it; true: it came, and is to be tried in another session. */
  private boolean isTried(
      Session session, Request.Builder request, CarriedPrograms.Carried newest, Limit limit)
      throws GuestException, RefusedException {
    Welcome welcome = session.welcome();
    String unknown = "its trial has no end that anybody saw; the guest's log may say more";
    try (Call call = session.ask(request, "the update of the program", newest.pieces(), limit)) {
      Answer answer = call.next(limit);
      carried.tried(welcome.getBootId(), Optional.of(sentence(welcome, unknown)));
      if (!answer.hasUpdating()) {
        return false;
      }
    }
    session.abandon("the guest program tries a newer one");
    return true;
  }

  private boolean refused(Welcome welcome, RefusedException refused) throws GuestException {
    switch (refused.reason()) {
      case REASON_VOID -> {
        log.atInfo().log("The guest program cannot be updated now: {}", refused.getMessage());
        return false;
      }
      case REASON_CANCELLED, REASON_EXPIRED, REASON_NOT_IN_SESSION, REASON_NOT_CONFIGURED ->
          throw new GuestException.Unreachable(
              "The guest program ended its update: " + refused.getMessage(), refused);
      default -> {
        boolean packaged = refused.detail().equals("Packaged");
        carried.tried(
            welcome.getBootId(),
            packaged ? Optional.empty() : Optional.of(sentence(welcome, refused.getMessage())));
        if (packaged) {
          log.atInfo().log(
              "The guest program stays at version {}, and its package is to bring {}: {}",
              welcome.getVersion(),
              carried.version(),
              refused.getMessage());
        }
        return false;
      }
    }
  }

  /** Where it is still beside the one before it, another session is to be awaited. */
  private void confirm(Session session, Limit limit) throws GuestException, Trouble {
    String version = session.welcome().getVersion();
    Request.Builder request =
        Request.newBuilder().setConfirmUpdate(ConfirmUpdate.newBuilder().setVersion(version));
    boolean ends;
    try (Call call = session.ask(request, "confirming the program", List.of(), limit)) {
      ends = call.next(limit).getUpdateConfirmed().getEnds();
    } catch (RefusedException refused) {
      throw Refusals.trouble(refused);
    }
    if (ends) {
      session.abandon("the guest program takes its place");
    } else {
      log.atInfo().addKeyValue("version", version).log("The guest program is updated");
      settled = session;
      failure = Optional.empty();
    }
  }

  private String sentence(Welcome welcome, String why) {
    return "The guest program stays at version "
        + welcome.getVersion()
        + ", and the member goes on with it, for "
        + carried.version()
        + " could not take its place: "
        + why
        + "; install the newer virtquorum-guest in the guest, or set spec.guestProgram.update to Never";
  }
}
