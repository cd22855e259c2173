package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.DATA;
import static io.virtquorum.adjudicate.Decider.DATA_1;
import static io.virtquorum.adjudicate.Decider.MATRIX;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.rot;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Orders that fail, are voided, or never answered: when each is given again, and who hears. */
final class PatienceTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Matrix NEW_PAGE =
      Matrix.of(List.of(new Row(PAGE, NEW), new Row(DATA, DATA_1)));
  private static final Position SECOND = new Position(1, 2);
  private static final Duration SECOND_LONG = Duration.ofSeconds(1);

  @Test
  void givenARepairThatFailsAgainAndAgainThenItWaitsTwiceAsLongUpToTwoMinutes() {
    Decider decider = stray();
    int attempt = 0;
    for (int wait : new int[] {2, 4, 8, 16, 32, 64, 120, 120}) {
      decider.failed(Command.Serve.class);
      assertThat(decider.said("DiskFull").orElseThrow())
          .isEqualTo(
              "web-1 could not be repaired, because web-0 could not serve it: it is full. Try %d; the next in %d s."
                  .formatted(++attempt, wait));
      decider.holds(0).forget();
      decider.later(Duration.ofSeconds(wait).minusMillis(1));
      assertThat(decider.ordered(Command.Serve.class)).isEmpty();
      decider.later(Duration.ofMillis(1));
      assertThat(decider.ordered(Command.Serve.class)).hasSize(1);
    }
  }

  @Test
  void givenARepairThatFailsThreeTimesThenAPersonIsToldAndThatEndsWithItsSuccess() {
    Decider decider = stray();
    for (int wait : new int[] {2, 4, 8}) {
      assertThat(decider.held("RepairFails")).isEmpty();
      decider.failed(Command.Serve.class).holds(0).later(Duration.ofSeconds(wait));
    }
    Hold hold = decider.held("RepairFails").orElseThrow();
    assertThat(hold.message())
        .isEqualTo("web-1 could not be repaired, because web-0 could not serve it: it is full.");
    assertThat(hold.needsAPerson()).isTrue();

    decider.serves(MATRIX);
    decider.ended(Command.Pull.class, new Outcome.Done(1, 1, SECOND_LONG, "entry"));
    decider.holds(1);
    assertThat(decider.held("RepairFails")).isEmpty();
  }

  @Test
  void givenAnArchiveWithoutRoomThenAPersonIsToldAtOnce() {
    Decider decider = stray().serves(MATRIX);
    decider.ended(
        Command.Pull.class, new Outcome.Failed(new Trouble("ArchiveFull", "There is no room")));
    assertThat(decider.held("RepairFails").orElseThrow().message())
        .isEqualTo("web-1 could not be repaired: There is no room.");
  }

  @Test
  void givenARepairThatWentWellThenTheNextFailureIsTheFirstAgain() {
    Decider decider = stray().failed(Command.Serve.class).holds(0).later(Duration.ofSeconds(2));
    decider.serves(MATRIX);
    decider.ended(Command.Pull.class, new Outcome.Done(1, 1, SECOND_LONG, "entry"));
    decider.holds(1).changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER));
    decider.later(Duration.ofSeconds(7)).failed(Command.Serve.class);
    assertThat(decider.said("DiskFull").orElseThrow()).contains("Try 1;");
  }

  @Test
  void givenAnOrderThatCouldNotBeGivenThenItsSampleIsNotBlamed() {
    var nowhere = new Trouble("SyncAddressUnknown", "web-1 has no sync address.");
    Decider decider = stray().ended(Command.Serve.class, new Outcome.Failed(nowhere, false));
    assertThat(decider.said("SyncAddressUnknown").orElseThrow())
        .isEqualTo(
            "web-1 could not be repaired: web-1 has no sync address. Try 1; the next in 2 s.");
  }

  @Test
  void givenASampleThatFailedThenItIsNotAskedAgainBeforeItReported() {
    Decider decider = stray().failed(Command.Serve.class).forget();
    decider.later(Duration.ofSeconds(3));
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-2");
  }

  @Test
  void givenASampleThatNeverAnswersThenAfterAMinuteTheOrderIsUnknownAndGivenAnew() {
    Decider decider = stray();
    decider.later(Duration.ofSeconds(60));
    assertThat(decider.said("NoAnswer")).isEmpty();
    decider.later(SECOND_LONG);
    assertThat(decider.said("NoAnswer").orElseThrow())
        .isEqualTo(
            "web-1 could not be repaired, because web-0 could not serve it: its sidecar gave no answer in time. Try 1; the next in 2 s.");
    decider.forget().later(Duration.ofSeconds(2));
    // No new ballot came from the sample, and none will: nothing there changed.
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-0");
  }

  @Test
  void givenAPullerThatNeverAnswersThenItHasTenMinutesForAllOfIt() {
    Decider decider = stray().serves(MATRIX);
    decider.later(Duration.ofMinutes(10));
    assertThat(decider.said("NoAnswer")).isEmpty();
    decider.later(SECOND_LONG);
    assertThat(decider.said("NoAnswer")).isPresent();
  }

  @Test
  void givenAMemberThatDoesNotProveWhatItHoldsThenItHasTwoMinutesForIt() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(decider.ordered(Command.Prove.class)).hasSize(1);
    decider.later(Duration.ofMinutes(2));
    assertThat(decider.said("NoAnswer")).isEmpty();
    decider.later(SECOND_LONG);
    assertThat(decider.said("NoAnswer").orElseThrow())
        .isEqualTo(
            "web-0 could not prove what it holds: its sidecar gave no answer in time. Try 1; the next in 2 s.");
  }

  @Test
  void givenASampleThatDiesDuringTheCopyThenThePullerHasTenSecondsToEnd() {
    Decider decider = stray().serves(MATRIX);
    decider.died(0);
    decider.later(Duration.ofSeconds(10));
    assertThat(decider.said("NoAnswer")).isEmpty();
    decider.later(SECOND_LONG);
    assertThat(decider.said("NoAnswer").orElseThrow()).startsWith("web-1 could not be repaired");
  }

  @Test
  void givenAnotherMemberThatDiesDuringTheCopyThenThePullerHasItsTime() {
    Decider decider = stray().serves(MATRIX);
    decider.died(2).later(Duration.ofMinutes(1));
    assertThat(decider.said("NoAnswer")).isEmpty();
  }

  @Test
  void givenASampleThatMovedThenItIsTriedASecondLaterAndThatIsNoFailure() {
    Decider decider = stray().serves(NEW_PAGE);
    assertThat(decider.ordered(Command.Pull.class)).isEmpty();
    assertThat(decider.ordered(Command.Tell.class)).isEmpty();
    decider.holds(0).forget();
    decider.later(Duration.ofMillis(999));
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    decider.later(Duration.ofMillis(1));
    assertThat(decider.ordered(Command.Serve.class)).hasSize(1);
  }

  @Test
  void givenASampleThatMovesThreeTimesThenPeopleReadWhatMovesAndWhatWouldHelp() {
    Decider decider = stray();
    for (int i = 0; i < 3; i++) {
      assertThat(decider.held("ChangesTooFast")).isEmpty();
      decider.serves(NEW_PAGE).holds(0).later(SECOND_LONG);
    }
    Hold hold = decider.held("ChangesTooFast").orElseThrow();
    assertThat(hold.message())
        .isEqualTo("What web-1 is to hold changes faster than it can be copied: web-0 moved on.");
    assertThat(hold.until()).contains("give the feature a quiesce command");
    assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
  }

  @Test
  void givenAQuiesceCommandThenThePrimarysWritersAreKeptStillUntilEverybodyCameToAnEnd() {
    Decider decider = stray();
    decider.configure(decider.config().withCanQuiesce(true));
    for (int i = 0; i < 3; i++) {
      assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
      decider.serves(NEW_PAGE).holds(0).later(SECOND_LONG);
    }
    Duration minute = Duration.ofSeconds(60);
    Command.Quiesce still = decider.newest(Command.Quiesce.class);
    assertThat(still).isEqualTo(new Command.Quiesce(still.id(), "web-0", minute));
    assertThat(decider.held("ChangesTooFast")).isEmpty();
    decider.ended(Command.Quiesce.class, done()).holds(0);
    decider.serves(MATRIX).ended(Command.Pull.class, done()).holds(1);
    assertThat(decider.newest(Command.Quiesce.class).still()).isZero();
    decider.ended(Command.Quiesce.class, done()).forget().holds(0).later(SECOND_LONG);
    assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
  }

  @Test
  void givenWritersThatMustBeKeptStillForLongThenTheyAreToldAgainWhenTheGuestLetsThemGo() {
    Decider decider = keptStill().serves(MATRIX);
    decider.failed(Command.Pull.class).holds(0).forget();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER));
    decider.later(Duration.ofSeconds(59)).failed(Command.Serve.class).holds(0);
    assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
    decider.later(SECOND_LONG);
    assertThat(decider.newest(Command.Quiesce.class).still()).isEqualTo(Duration.ofSeconds(60));
  }

  @Test
  void givenRotOnThePrimaryThatCannotBeRestoredThenItsOwnWritersAreNotKeptStillForIt() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withCanQuiesce(true));
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    for (int i = 0; i < 4; i++) {
      assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-1");
      decider.serves(NEW_PAGE).holds(1).later(SECOND_LONG);
    }
    assertThat(decider.state.member("web-0").tries().voided()).isEqualTo(4);
    assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
  }

  @Test
  void givenAQuiesceCommandThatDoesNotLetWritersGoOnThenPeopleReadJustThat() {
    Decider decider = keptStill();
    decider.serves(MATRIX).ended(Command.Pull.class, done()).holds(1);
    assertThat(decider.newest(Command.Quiesce.class).still()).isZero();
    decider.failed(Command.Quiesce.class);
    assertThat(decider.said("QuiesceFailed").orElseThrow())
        .isEqualTo("The writers of web-0 could not be let go on: it is full.");
  }

  @Test
  void givenWritersThatWereKeptStillThenPeopleReadHowLong() {
    Decider decider = keptStill();
    decider.serves(MATRIX).ended(Command.Pull.class, done()).holds(1);
    decider.ended(Command.Quiesce.class, new Outcome.Done(0, 0, Duration.ofMillis(1234), ""));
    assertThat(decider.said("WritersHeld"))
        .contains("The writers of web-0 were kept still for 1234 ms.");
  }

  @Test
  void givenAQuiesceCommandThatFailsThenPeopleReadWhyAndItIsTriedWithoutIt() {
    Decider decider = stray();
    decider.configure(decider.config().withCanQuiesce(true));
    for (int i = 0; i < 6; i++) {
      assertThat(decider.held("ChangesTooFast")).isEmpty();
      if (i == 3) {
        decider.failed(Command.Quiesce.class).holds(0);
      }
      decider.serves(NEW_PAGE).holds(0).later(SECOND_LONG);
    }
    assertThat(decider.said("QuiesceFailed").orElseThrow())
        .isEqualTo("The writers of web-0 could not be kept still: it is full.");
    assertThat(decider.held("ChangesTooFast").orElseThrow().until())
        .contains("see whether the feature's quiesce command keeps all writers still");
  }

  @Test
  void givenADonorWhoseRowsRottedTooThenItIsNoVoidButAFailureThatSaysSo() {
    Decider decider = Decider.weighing(1, 1);
    decider.holds(0).holds(1).forget();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    Matrix rotten = Matrix.of(List.of(new Row(PAGE, OTHER), new Row(DATA, DATA_1)));
    assertThat(decider.newest(Command.Serve.class).root()).isEqualTo(C);
    decider.serves(rotten);
    assertThat(decider.said("RowsMissing")).isEmpty();
    assertThat(decider.ordered(Command.Restore.class)).isEmpty();
  }

  @Test
  void givenASampleThatIsReadyWhenItsPullerLeadsByNowThenThePullDoesNotBegin() {
    Decider decider = stray();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().primary()).contains("web-1");
    decider.serves(MATRIX);
    assertThat(decider.ordered(Command.Pull.class)).isEmpty();
    assertThat(decider.said("DiskFull")).isEmpty();
  }

  @Test
  void givenASampleThatIsReadyWhenSomethingNewerIsCommittedThenTheOldStateIsNotPulled() {
    Decider decider = Decider.weighing(1, 1, 1, 1, 1);
    for (int i = 0; i < 5; i++) {
      decider.holds(i);
    }
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    for (int i : new int[] {0, 2, 3}) {
      decider.remembers(i, SECOND, NEW_PAGE.root());
    }
    assertThat(decider.state.record().committed().orElseThrow().epoch()).isEqualTo(2);
    Command.Serve first = decider.ordered(Command.Serve.class).getFirst();
    decider.offered(first.id(), new Offer(MATRIX, "172.31.77.2", 20_000, "secret"));
    assertThat(decider.ordered(Command.Pull.class)).isEmpty();
  }

  @Test
  void givenARepairThenItsMemberAndItsSampleAreOccupiedAndNobodyElse() {
    Decider decider = stray();
    assertThat(decider.state.occupied()).containsExactly("web-0", "web-1");
    decider.serves(MATRIX);
    assertThat(decider.state.occupied()).containsExactly("web-0", "web-1");
  }

  @Test
  void givenASampleThatDetachesThenItsPullerIsStillAtWorkUntilItSaysOtherwise() {
    Decider decider = stray().serves(MATRIX);
    decider.on(new Event.Detached("web-0"));
    assertThat(decider.state.occupied()).contains("web-1");
    decider.on(new Event.Detached("web-1"));
    assertThat(decider.state.occupied()).isEmpty();
  }

  @Test
  void givenASampleThatDetachesBeforeItServesThenNothingIsUnderWay() {
    Decider decider = stray();
    decider.on(new Event.Detached("web-0"));
    assertThat(decider.state.work().job(decider.newest(Command.Serve.class).id()))
        .isPresent(); // anew, from web-2
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-2");
  }

  @Test
  void givenTwoHoldersThenTheOneWhoseOwnRepairsWentWellServes() {
    Decider decider = Decider.weighing(1, 1, 1, 1);
    for (int i = 1; i < 4; i++) {
      decider.holds(i);
    }
    decider.changed(2, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    decider.failed(Command.Serve.class).holds(1).holds(2).later(Duration.ofMinutes(1)).forget();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-3");
  }

  /** What web-1 is to hold moved again and again, and web-0 keeps its writers still now. */
  private static Decider keptStill() {
    Decider decider = stray();
    decider.configure(decider.config().withCanQuiesce(true));
    for (int i = 0; i < 3; i++) {
      decider.serves(NEW_PAGE).holds(0).later(SECOND_LONG);
    }
    return decider.ended(Command.Quiesce.class, done()).holds(0);
  }

  /** web-1 strayed for long enough, and web-0 is asked to serve. */
  private static Decider stray() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).forget();
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-0");
    return decider;
  }

  private static Outcome done() {
    return new Outcome.Done(1, 1, SECOND_LONG, "");
  }
}
