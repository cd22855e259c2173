package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.DATA;
import static io.virtquorum.adjudicate.Decider.DATA_1;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.rot;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.vote.VotingRule;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Decisions that depend on exactly who reported what: rules 7 to 13, one by one. */
final class DecisionsTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Digest NEWER = new Digest(0x6666L << 48, 0, 0, 6);
  private static final Position SECOND = new Position(1, 2);

  @Test
  void givenAPrimaryThatWroteThenItIsElectedAtTheNextPositionAndTheVerdictSaysWhy() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(decider.target())
        .isEqualTo(new Target(SECOND, NEW, Target.Ground.WRITTEN, Optional.of("web-0")));
    assertThat(decider.assessment.get().elected().get().words())
        .isEqualTo(
            "web-0 holds %s (4 of 6 votes; the primary web-0 counts 4), the primary web-0 wrote it"
                .formatted(NEW.brief()));
    assertThat(decider.ordered(Command.Prove.class))
        .containsExactly(new Command.Prove("t2-1", "web-0", SECOND, NEW, Command.Accepts.LATER));
    assertThat(decider.state.news().exposedSince()).contains(decider.now);
  }

  @Test
  void givenABonusTooSmallThenThePrimaryHasNoMajorityAndTheSentenceHasTheNumbers() {
    Decider decider = Decider.steady();
    decider.configure(
        decider
            .config()
            .withVoting(
                new Config.Voting(
                    Authority.RECORD, VotingRule.STRICT_MAJORITY, OptionalInt.of(0))));
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(decider.held("NoMajority").orElseThrow().message())
        .isEqualTo(
            "The primary web-0 holds %s, which 1 of 3 votes are for: too few to replace the committed %s."
                .formatted(NEW.brief(), C.brief()));
    assertThat(decider.target().root()).isEqualTo(C);
  }

  @Test
  void givenAPrimaryThatWentBackToCAfterANewerRootThenCIsElectedAnew() {
    Decider decider = Decider.steady();
    decider.votes(
        0, C, Optional.of(new Remembered(SECOND, NEW)), 0, false, written(PAGE, NEW, PAGE_1));
    assertThat(decider.target())
        .isEqualTo(new Target(new Position(1, 3), C, Target.Ground.WRITTEN, Optional.of("web-0")));
  }

  @Test
  void givenARottedPrimaryThenWhatItWroteWaitsAndAnAgreeingMajorityIsLeftAlone() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1), written(DATA, DATA_1, NEW));
    assertThat(decider.target().root()).isEqualTo(C);
    assertThat(decider.state.news().exposedSince()).isPresent();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.changed(2, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.assessment.orElseThrow().disagreeing())
        .containsExactlyInAnyOrder("web-1", "web-2");
    assertThat(decider.held("MajorityDisagrees"))
        .isEmpty(); // the primary may agree once it is whole
    assertThat(decider.ordered(Command.Serve.class)).noneMatch(s -> !s.puller().equals("web-0"));
  }

  @Test
  void givenAMajorityThatRottedAlikeThenThatIsNoDisagreement() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.changed(2, OTHER, false, rot(PAGE, PAGE_1));
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.held("MajorityDisagrees")).isEmpty();
  }

  @Test
  void givenAPrimaryOutOfReachThenOnlyWhatASteadyMemberAcceptedIsKept() {
    Decider decider = Decider.three();
    decider.votes(
        1, OTHER, Optional.of(new Remembered(SECOND, NEW)), 0, true, written(PAGE, NEW, OTHER));
    decider.holds(2);
    assertThat(decider.target().root()).isEqualTo(C);
    decider.remembers(1, SECOND, NEW);
    assertThat(decider.target())
        .isEqualTo(new Target(SECOND, NEW, Target.Ground.WRITTEN, Optional.of("web-0")));
  }

  @Test
  void givenAnElectedRootThatIsBeingPulledThenItIsSeenThroughThoughThePrimaryMovedOn() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.finished("t2-1", new Outcome.Done(0, 0, Duration.ZERO, ""));
    decider.remembers(0, SECOND, NEW);
    assertThat(decider.ordered(Command.Serve.class))
        .as("nobody waits for the other")
        .extracting(Command.Serve::puller)
        .containsExactly("web-1", "web-2");
    decider.votes(
        0, NEWER, Optional.of(new Remembered(SECOND, NEW)), 0, false, written(PAGE, NEW, NEWER));
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenAllCopyFromAPrimaryThatDiesThenTheyAreToldToGiveUpAndTheFirstWhoDidLeads() {
    Matrix edited = Matrix.of(List.of(new Row(PAGE, NEW), new Row(Decider.DATA, DATA_1)));
    Decider decider = Decider.steady();
    decider.changed(0, edited.root(), false, written(PAGE, PAGE_1, NEW));
    decider.proves();
    for (Command.Serve serve : decider.ordered(Command.Serve.class)) {
      decider.offered(serve.id(), new Offer(edited, "172.31.77.2", 7_899, "secret"));
    }
    List<Command.Pull> pulls = decider.ordered(Command.Pull.class);
    assertThat(pulls).extracting(Command.Pull::member).containsExactly("web-1", "web-2");
    decider.died(0);
    assertThat(decider.ordered(Command.Recall.class))
        .containsExactlyElementsOf(
            pulls.stream().map(pull -> new Command.Recall(pull.id(), pull.member())).toList());
    assertThat(decider.held("SuccessorBusy")).isPresent();
    decider.finished(pulls.getLast().id(), new Outcome.Recalled());
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.state.member("web-2").tries()).isEqualTo(MemberState.Tries.NONE);
  }

  @Test
  void givenASlowJoinerThenTheOthersProofCommitsAndTheNextWriteIsAcceptedMeanwhile() {
    Matrix edited = Matrix.of(List.of(new Row(PAGE, NEW), new Row(Decider.DATA, DATA_1)));
    Decider decider = Decider.steady();
    decider.changed(0, edited.root(), false, written(PAGE, PAGE_1, NEW));
    decider.ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
    for (Command.Serve serve : decider.ordered(Command.Serve.class)) {
      decider.offered(serve.id(), new Offer(edited, "172.31.77.2", 7_899, "secret"));
    }
    assertThat(decider.ordered(Command.Pull.class)).hasSize(2);
    decider.ended(Command.Pull.class, new Outcome.Done(1, 20, Duration.ofMillis(5), "epoch-1"));
    assertThat(decider.state.record().committed().orElseThrow())
        .as("a proof is a vote")
        .isEqualTo(new Committed(2, SECOND, edited.root()));
    decider.forget();
    decider.votes(
        0,
        NEWER,
        Optional.of(new Remembered(SECOND, edited.root())),
        0,
        false,
        written(PAGE, NEW, OTHER));
    assertThat(decider.newest(Command.Prove.class).root()).isEqualTo(NEWER);
    decider.ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
    assertThat(decider.ordered(Command.Serve.class))
        .extracting(Command.Serve::puller)
        .containsExactly("web-2");
  }

  @Test
  void givenALaggingMemberThenItsSampleHoldsTheTargetAndIsThePrimaryIfThatDoes() {
    Decider decider = Decider.three();
    decider.remembers(1, new Position(1, 0), OTHER);
    decider.holds(2).forget();
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.ordered(Command.Serve.class))
        .containsExactly(new Command.Serve("t2-1", "web-2", C, "web-1"));
    decider = Decider.three();
    decider.remembers(1, new Position(1, 0), OTHER);
    decider.holds(0).forget();
    decider.holds(2).later(Duration.ofSeconds(7));
    assertThat(decider.ordered(Command.Serve.class))
        .containsExactly(new Command.Serve("t2-1", "web-0", C, "web-1"));
  }

  @Test
  void givenAPrimaryThatHoldsNoTargetAndTwoHoldersThenTheOneWhoseRepairsWentWellServes() {
    Decider decider = Decider.weighing(1, 1, 1, 1);
    for (int i = 1; i < 4; i++) {
      decider.holds(i);
    }
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER));
    decider.later(Duration.ofSeconds(7));
    Command.Serve first = decider.ordered(Command.Serve.class).getFirst();
    assertThat(first.member()).isEqualTo("web-2");
    decider.finished(first.id(), new Outcome.Failed(new Trouble("GuestDiskFull", "it is full.")));
    assertThat(decider.said("GuestDiskFull").orElseThrow())
        .isEqualTo(
            "web-1 could not be repaired, because web-2 could not serve it: it is full. Try 1; the next in 2 s.");
  }

  @Test
  void givenADeadPrimaryThenTheHeaviestOfTheNewestLeads() {
    Decider decider = Decider.steady(1, 1, 2, 1);
    decider.died(0);
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.said("FailedOver").orElseThrow())
        .isEqualTo(
            "Users are led to web-2: web-0 is dead. It holds %s; what web-0 wrote in its last 20 s may be missing here."
                .formatted(C.brief()));
    decider = Decider.weighing(1, 1, 2, 1);
    for (int i = 0; i < 3; i++) {
      decider.holds(i);
    }
    decider.remembers(3, SECOND, NEW).died(0);
    assertThat(decider.state.record().primary()).contains("web-3");
  }

  @Test
  void givenTwoOfTheSameWeightThenTheFirstByNameLeads() {
    Decider decider = Decider.steady();
    decider.died(0);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.state.news().lastFailover().orElseThrow())
        .isEqualTo(new News.Failover("web-0", "web-1", decider.now, "web-0 is dead"));
  }

  @Test
  void givenOneWhoDidNotReportYetWhenThePrimaryIsDeadThenItIsWaitedForAWhile() {
    Decider decider = Decider.three();
    decider.holds(1).died(0);
    assertThat(decider.held("SuccessionWaits").orElseThrow().message())
        .isEqualTo("web-0 is dead: web-2 may hold the newest state and did not report yet.");
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.later(Duration.ofSeconds(5));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.later(Duration.ofSeconds(1));
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenOneWhoReportsANewerStateInTimeThenItLeads() {
    Decider decider = Decider.three();
    decider.holds(1).died(0).remembers(2, SECOND, NEW);
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenNoHolderThenThePersonReadsWhoHoldsAndRemembersWhat() {
    Decider decider = Decider.three();
    decider.remembers(1, new Position(1, 0), OTHER);
    decider.votes(2, NEW, Optional.empty(), 0, false).died(0);
    assertThat(decider.held("NoSuccessor").orElseThrow().message())
        .isEqualTo(
            "The primary web-0 is dead, and no other living member is known to hold the committed state (web-1 holds %s and remembers 1.0, web-2 holds %s and remembers nothing)."
                .formatted(OTHER.brief(), NEW.brief()));
  }

  @Test
  void givenAMemberInTheMiddleOfARepairWhenAPersonPromotesItThenItIsSeenThroughFirst() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    decider.offered(
        decider.ordered(Command.Serve.class).getFirst().id(),
        new Offer(Decider.MATRIX, "172.31.77.2", 20_000, "secret"));
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.held("SuccessorBusy").orElseThrow().message())
        .isEqualTo(
            "web-1 is to lead (a person promoted it), and its state is being replaced at this"
                + " moment.");
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenAPromotedMemberThatDriftedThenItsStateIsTheTargetAndPeopleAreWarned() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).forget();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.target())
        .isEqualTo(
            new Target(new Position(2, 1), OTHER, Target.Ground.PROMOTED, Optional.of("web-1")));
    assertThat(decider.target().why()).isEqualTo("a person promoted web-1, which holds it");
    assertThat(decider.ordered(Command.Tell.class))
        .anyMatch(t -> t.reason().equals("SwitchedOver") && t.warning());
  }

  @Test
  void givenASteadyMemberThatIsPromotedThenNobodyIsWarned() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withPromote(Optional.of("web-2")));
    assertThat(decider.state.record().mandate()).isEmpty();
    assertThat(decider.ordered(Command.Tell.class))
        .anyMatch(t -> t.reason().equals("SwitchedOver") && !t.warning());
  }

  @Test
  void givenAUserWhoWroteElsewhereThenThatMemberLeadsAfterTheSettleTimeAndNotBefore() {
    Decider decider = Decider.steady();
    decider.changed(2, NEW, true, written(PAGE, PAGE_1, NEW));
    decider.later(Duration.ofSeconds(5));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.later(Duration.ofSeconds(1));
    assertThat(decider.newest(Command.Prove.class).member())
        .as("whose ballot may be older than a write")
        .isEqualTo("web-0");
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.proves();
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.said("SwitchedOver").orElseThrow())
        .startsWith("Users are led to web-2: its users work there, and none at web-0.");
  }

  @Test
  void givenAUserOnAMemberThatIsToLeaveThenItDoesNotLead() {
    Decider decider = Decider.steady();
    decider.changed(2, NEW, true, written(PAGE, PAGE_1, NEW));
    decider.configure(decider.config().withMembers(java.util.Map.of("web-0", 1, "web-1", 1)));
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenADeadPrimaryThenAMemberThatStaysLeadsRatherThanOneThatIsToLeave() {
    Decider decider = Decider.weighing(1, 1, 1, 1).holds(0).holds(1);
    decider.configure(
        decider.config().withMembers(java.util.Map.of("web-0", 1, "web-2", 1, "web-3", 1)));
    decider.died(0).holds(2).died(3);
    assertThat(decider.state.record().members()).containsKey("web-1");
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenTwoHoldersOfWhichOneIsToLeaveThenWhoStaysIsCopiedFrom() {
    Decider decider = Decider.weighing(1, 1, 1, 1).holds(1).holds(2);
    decider.configure(
        decider.config().withMembers(java.util.Map.of("web-0", 1, "web-2", 1, "web-3", 1)));
    decider.changed(3, NEW, false, written(PAGE, PAGE_1, NEW)).later(Duration.ofSeconds(7));
    assertThat(decider.ordered(Command.Serve.class))
        .extracting(Command.Serve::member)
        .containsExactly("web-2");
  }

  @Test
  void givenAPrimaryWithAUserThenNobodyElsesUserTakesTheLead() {
    Decider decider = Decider.steady();
    decider.votes(0, C, Optional.of(Decider.HOLDS_C), 1, false);
    decider.changed(2, NEW, true, written(PAGE, PAGE_1, NEW)).later(Duration.ofSeconds(7));
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenAPrimaryThatAcceptedSomethingNewerThenAUserElsewhereDoesNotTakeTheLead() {
    Decider decider = Decider.steady();
    decider.remembers(0, SECOND, NEWER);
    decider.changed(2, NEW, true, written(PAGE, PAGE_1, NEW)).later(Duration.ofSeconds(7));
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenAFailedRepairOfThePrimaryWhenSomebodyWritesThereThenItIsTriedAtOnce() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.finished("t2-1", new Outcome.Failed(new Trouble("GuestDiskFull", "it is full.")));
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW)).forget();
    assertThat(decider.ordered(Command.Prove.class)).isEmpty();
    decider.changed(0, NEWER, false, written(PAGE, PAGE_1, NEWER));
    assertThat(decider.ordered(Command.Prove.class)).hasSize(1);
  }

  @Test
  void givenABallotOfADeadMemberThenItIsNotBelievedUntilItsSidecarIsBack() {
    Decider decider = Decider.steady();
    decider.died(2);
    decider.on(new Event.Voted("web-2", decider.state.member("web-1").ballot().orElseThrow()));
    assertThat(decider.assessment.get().classOf("web-2")).isEqualTo(MemberClass.UNKNOWN);
    decider.on(new Event.Detached("web-2"));
    assertThat(decider.state.isDead("web-2")).isTrue();
    decider.on(new Event.Attached("web-2"));
    assertThat(decider.state.isDead("web-2")).isFalse();
  }

  @Test
  void givenACommitThenExposureEndsWithIt() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(decider.state.news().exposedSince()).isPresent();
    decider.remembers(0, SECOND, NEW).remembers(1, SECOND, NEW);
    assertThat(decider.state.record().committed().orElseThrow().epoch()).isEqualTo(2);
    assertThat(decider.state.news().exposedSince()).isEmpty();
    assertThat(decider.said("Committed").orElseThrow())
        .isEqualTo(
            "Epoch 2 is %s: the primary web-0 wrote it. Verified on web-0 and web-1 (2 of 3, 2 needed)."
                .formatted(NEW.brief()));
  }

  @Test
  void givenAnotherOperatorsRecordThenTheNextLeaderSaysThatItWasNotItsOwn() {
    Decider decider = Decider.steady();
    ClusterRecord record = decider.state.record();
    decider.on(
        new Event.Superseded(
            new ClusterRecord(
                record.term(), 2, Optional.of("web-2"), record.members(), record.committed())));
    assertThat(decider.state.news().lastFailover().orElseThrow().why())
        .isEqualTo("another operator recorded it");
  }
}
