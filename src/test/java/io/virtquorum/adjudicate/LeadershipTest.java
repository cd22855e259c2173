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

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whom users are led to: deaths, a person's word, and users who work elsewhere. */
final class LeadershipTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Duration SETTLED = Duration.ofSeconds(7);
  private static final Change EDIT = written(PAGE, PAGE_1, NEW);

  @Test
  void givenUsersOnTwoMembersThenTheSecondDoesNotLeadBecauseTheFirstWasRepaired() {
    Decider decider = Decider.steady(1, 1, 1, 1);
    decider.changed(1, NEW, true, EDIT).changed(2, OTHER, true, EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
    decider.serves(MATRIX).ended(Command.Pull.class, repaired()).holds(1).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenUsersOnTwoMembersAndRotElsewhereThenItsRepairDoesNotMakeTheConflictForgotten() {
    Decider decider = Decider.steady(1, 1, 1, 1);
    decider.changed(1, NEW, true, EDIT).changed(2, OTHER, true, EDIT).later(SETTLED);
    String first = decider.ordered(Command.Serve.class).getFirst().id();
    decider.serves(MATRIX).ended(Command.Pull.class, repaired()).holds(2);
    decider.changed(3, NEW, false, rot(DATA, DATA_1));
    decider.serves(MATRIX).ended(Command.Restore.class, repaired()).holds(3);
    decider.finished(first, new Outcome.Failed(new Trouble("DiskFull", "it is full")));
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenAUserWhoComesAfterAnothersWasRepairedThenThatMemberLeads() {
    Decider decider = Decider.steady();
    decider.votes(0, C, Optional.of(Decider.HOLDS_C), 1, false);
    decider.changed(1, NEW, true, EDIT).later(SETTLED);
    decider.serves(MATRIX).ended(Command.Pull.class, repaired()).holds(1).holds(0);
    decider.later(Duration.ofMinutes(1)).changed(2, OTHER, true, EDIT).later(SETTLED).proves();
    assertThat(primary(decider)).isEqualTo("web-2");
  }

  @Test
  void givenAUserElsewhereWhoWroteNothingThenNobodyMoves() {
    Decider decider = Decider.steady();
    decider.votes(2, C, Optional.of(Decider.HOLDS_C), 1, true).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
  }

  @Test
  void givenAUserElsewhereWhoseRowsRottedThenThatMemberDoesNotLead() {
    Decider decider = Decider.steady();
    decider.changed(2, OTHER, true, rot(DATA, DATA_1), EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenTwoUsersWhoWroteTheSameElsewhereThenNeitherLeads() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, true, EDIT).changed(2, NEW, true, EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
    assertThat(decider.held("MajorityDisagrees")).isPresent();
  }

  @Test
  void givenAUserElsewhereAmongTwoThatChangedAlikeThenTheUsersMemberDoesNotLead() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, EDIT).changed(2, NEW, true, EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenAPrimaryThatDoesNotReportThenUsersElsewhereDoNotTakeItsPlace() {
    Decider decider = Decider.steady();
    decider.on(new Event.Detached("web-0"));
    decider.changed(2, NEW, true, EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenAPrimaryThatWroteThenUsersElsewhereDoNotTakeItsPlace() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, EDIT).changed(2, NEW, true, EDIT).later(SETTLED);
    assertThat(primary(decider)).isEqualTo("web-0");
  }

  @Test
  void givenAPrimaryThatLostItsDiskThenAHolderLeadsAndNobodyIsAlarmed() {
    Decider decider = Decider.steady();
    decider.votes(0, OTHER, Optional.empty(), 0, false);
    assertThat(primary(decider)).isEqualTo("web-1");
    assertThat(decider.state.record().tenure()).isEqualTo(2);
    assertThat(decider.ordered(Command.Tell.class))
        .contains(
            new Command.Tell(
                false,
                "SwitchedOver",
                "Users are led to web-1: web-0 lost the committed state: it remembers nothing: a fresh disk or a new member. It holds %s."
                    .formatted(C.brief())));
  }

  @Test
  void givenAPrimaryThatLostItsDiskAndNoHolderThenAPersonReadsWhy() {
    Decider decider = Decider.three();
    decider.votes(0, OTHER, Optional.empty(), 0, false);
    // Nobody should promote a member just because the others did not report yet to a new leader.
    assertThat(decider.held("PrimaryForgot")).isEmpty();
    assertThat(decider.held("SuccessionWaits").orElseThrow().message())
        .endsWith("web-1 and web-2 may hold the newest state and did not report yet.");
    decider.later(SETTLED);
    Hold hold = decider.held("PrimaryForgot").orElseThrow();
    assertThat(hold.message())
        .isEqualTo(
            "The primary web-0 lost the committed state: it remembers nothing: a fresh disk or a new member, and no other living member is known to hold the committed state.");
    assertThat(hold.needsAPerson()).isTrue();
  }

  @Test
  void givenADeadPrimaryThenThatIsAWarning() {
    Decider decider = Decider.steady().died(0);
    assertThat(decider.ordered(Command.Tell.class))
        .anyMatch(t -> t.reason().equals("FailedOver") && t.warning());
    assertThat(decider.state.record().tenure()).isEqualTo(2);
  }

  @Test
  void givenADeadPrimaryAndAHolderThatIsBeingCopiedOverThenTheOtherHolderLeads() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, EDIT).later(SETTLED).serves(MATRIX);
    // It came back to C by itself while the copy is still under way.
    decider.holds(1).died(0);
    assertThat(primary(decider)).isEqualTo("web-2");
  }

  @Test
  void givenOnlyAHolderThatIsBeingCopiedOverThenUsersAreNotLedIntoTheMiddleOfIt() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1);
    decider.changed(1, OTHER, false, EDIT).later(SETTLED).serves(MATRIX).holds(1).died(0);
    assertThat(decider.held("SuccessorBusy").orElseThrow().message())
        .isEqualTo(
            "web-1 is to lead (web-0 is dead), and its state is being replaced at this moment.");
    assertThat(primary(decider)).isEqualTo("web-0");
    decider.ended(Command.Pull.class, repaired()).holds(1);
    assertThat(primary(decider)).isEqualTo("web-1");
  }

  @Test
  void givenAHolderWhoseSampleDiedAndWhoseRepairIsNotAnsweredThenItLeadsOnlyWhenItReports() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1);
    decider.changed(1, OTHER, false, EDIT).later(SETTLED).serves(MATRIX).holds(1).died(0);
    decider.later(Duration.ofMinutes(1));
    assertThat(primary(decider)).as("its guest may carry out the repair yet").isEqualTo("web-0");
    assertThat(decider.held("SuccessorBusy").orElseThrow().message())
        .isEqualTo(
            "web-1 is to lead (web-0 is dead), and it did not say yet how the repair of its state ended.");
    decider.holds(1);
    assertThat(primary(decider)).isEqualTo("web-1");
  }

  @Test
  void givenAHolderWhoseGuestFellSilentInARepairThenItLeadsOnlyWhenItReports() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1);
    decider.changed(1, OTHER, false, EDIT).later(SETTLED).serves(MATRIX).holds(1);
    decider.failed(Command.Pull.class).died(0);
    assertThat(primary(decider)).isEqualTo("web-0");
    decider.holds(1);
    assertThat(primary(decider)).isEqualTo("web-1");
  }

  @Test
  void givenAMemberWhoseRottedRowsComeBackThenThatDoesNotKeepItFromLeading() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1);
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1)).serves(MATRIX);
    assertThat(decider.ordered(Command.Restore.class)).hasSize(1);
    decider.holds(1).died(0);
    assertThat(primary(decider)).isEqualTo("web-1");
  }

  @Test
  void givenAPersonWhoPromotesAStrangerThenThePersonReadsWhoThereIs() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withPromote(Optional.of("db-0")));
    Hold hold = decider.held("PromotionUnknown").orElseThrow();
    assertThat(hold.message()).isEqualTo("db-0 is to be promoted, which is not a member.");
    assertThat(hold.until()).isEqualTo("Promote one of web-0, web-1, web-2.");
  }

  @Test
  void givenAPersonWhoPromotesAMemberThatIsAwayThenItLeadsWhenItReports() {
    Decider decider = Decider.three().holds(0).holds(1);
    decider.configure(decider.config().withPromote(Optional.of("web-2")));
    assertThat(decider.held("PromotionWaits").orElseThrow().message())
        .isEqualTo("web-2 is to be promoted: its sidecar is not connected.");
    decider.holds(2);
    assertThat(primary(decider)).isEqualTo("web-2");
  }

  @Test
  void givenAPersonWhoPromotesThePrimaryThatIsSteadyThenNothingIsRecorded() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
  }

  @Test
  void givenAPersonWhoPromotesARottedPrimaryThenWhatItHoldsIsToBeTheStateInANewTenure() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.state.record().mandate()).contains(OTHER);
    assertThat(decider.target())
        .isEqualTo(
            new Target(new Position(2, 1), OTHER, Target.Ground.PROMOTED, Optional.of("web-0")));
    assertThat(decider.why(0))
        .isEqualTo("a person promoted it, and what it holds is to be the state");
    // Said once: the same word is not recorded again and again.
    decider.forget().later(SETTLED);
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
  }

  @Test
  void givenAPromotedMemberThatAcceptedItsStateThenTheNextCommitEndsThePersonsWord() {
    Decider decider = Decider.steady().changed(1, NEW, false, EDIT);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    Position first = new Position(2, 1);
    assertThat(decider.newest(Command.Prove.class))
        .isEqualTo(
            new Command.Prove(
                decider.newest(Command.Prove.class).id(),
                "web-1",
                first,
                NEW,
                Command.Accepts.THIS));
    decider.remembers(1, first, NEW).remembers(2, first, NEW);
    assertThat(decider.state.record().committed()).contains(new Committed(2, first, NEW));
    assertThat(decider.state.record().mandate()).isEmpty();
    assertThat(decider.said("Committed").orElseThrow())
        .startsWith(
            "Epoch 2 is %s: a person promoted web-1, which holds it. ".formatted(NEW.brief()));
  }

  @Test
  void givenAPersonsWordThatWasNotAcceptedWhenTheMemberMovedOnThenThePersonIsAskedAgain() {
    Decider decider = Decider.steady().changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    decider.configure(decider.config().withPromote(Optional.empty()));
    assertThat(decider.held("PromotionMoved")).isEmpty();
    decider.changed(1, NEW, false, rot(PAGE, PAGE_1), written(DATA, DATA_1, NEW));
    Hold hold = decider.held("PromotionMoved").orElseThrow();
    assertThat(hold.message())
        .isEqualTo(
            "What web-1 holds changed before what a person promoted was accepted, and not by a write alone.");
    assertThat(hold.until()).isEqualTo("Promote it, or another member, again.");
  }

  @Test
  void givenAnOlderLeaderThatReadsANewersTermThenItSaysSoAndOrdersNothing() {
    Decider decider = Decider.steady();
    decider.on(new Event.Superseded(decider.state.record().withTerm(9)));
    decider.changed(1, OTHER, false, EDIT).later(SETTLED);
    assertThat(decider.held("Superseded").orElseThrow().message())
        .isEqualTo("A newer leader (term 9) decides; this one (term 2) orders nothing any more.");
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
  }

  @Test
  void givenAnotherLeadersSwitchOverThenThatIsKnownAndNobodyIsToldTwice() {
    Decider decider = Decider.steady();
    ClusterRecord record = decider.state.record();
    decider.on(new Event.Superseded(record));
    assertThat(decider.state.news().lastFailover()).isEmpty();
    decider.on(new Event.Superseded(record.withPrimary("web-1", Optional.empty(), 0)));
    assertThat(decider.state.news().lastFailover())
        .contains(new News.Failover("web-0", "web-1", decider.now, "another operator recorded it"));
  }

  private static String primary(Decider decider) {
    return decider.state.record().primary().orElseThrow();
  }

  private static Outcome repaired() {
    return new Outcome.Done(1, 1, Duration.ofSeconds(1), "entry");
  }
}
