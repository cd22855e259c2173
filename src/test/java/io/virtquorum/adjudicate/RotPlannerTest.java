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
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 4, rot first: who gives which rows back to whom. */
final class RotPlannerTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);

  @Test
  void givenTwoRottedRowsThenWhoeverHasBothIsAsked() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW)).forget();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1), rot(DATA, DATA_1));
    assertThat(serve(decider).member()).isEqualTo("web-2");
    assertThat(serve(decider).puller()).isEqualTo("web-0");
    assertThat(serve(decider).root()).isEqualTo(C);
  }

  @Test
  void givenTwoThatHaveTheRowThenTheFirstByNameIsAsked() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(serve(decider).member()).isEqualTo("web-1");
  }

  @Test
  void givenOneThatHasOnlyOneOfTheRowsThenThatRowComesBackAndTheOtherIsNamed() {
    Decider decider = Decider.weighing(1, 1);
    decider.holds(0).holds(1);
    Matrix theirs = Matrix.of(List.of(new Row(PAGE, NEW), new Row(DATA, DATA_1)));
    decider.changed(1, theirs.root(), false, written(PAGE, PAGE_1, NEW)).forget();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1), rot(DATA, DATA_1));
    offer(decider, theirs);
    assertThat(restore(decider).rows()).containsExactly(new Row(DATA, DATA_1));
    assertThat(decider.held("RotWithoutDonor").orElseThrow().message())
        .startsWith("site:index.html rotted on web-0 and no healthy member");
  }

  @Test
  void givenAnOfferThenOnlyTheRottedRowsAreRestoredAndTheArchiveSaysWhy() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1), written(DATA, DATA_1, NEW));
    offer(decider, MATRIX);
    Command.Restore restore = restore(decider);
    assertThat(restore.member()).isEqualTo("web-0");
    assertThat(restore.rows()).containsExactly(new Row(PAGE, PAGE_1));
    assertThat(restore.archive().entry()).isEqualTo("epoch-1-20260101T000000Z");
    assertThat(restore.archive().verdict())
        .isEqualTo(
            "web-1 and web-2 hold the committed %s (2 of 3 votes), web-0's site:index.html rotted and nothing had written it"
                .formatted(C.brief()));
  }

  @Test
  void givenAPrimaryThatRemembersANewerStateThenThatIsWhatIsRight() {
    Decider decider = Decider.weighing(1, 1, 1, 1, 1);
    Position newer = new Position(1, 2);
    decider.remembers(1, newer, NEW).forget();
    decider.votes(0, OTHER, Optional.of(new Remembered(newer, NEW)), 0, false, rot(PAGE, PAGE_1));
    Job.Preparing job = (Job.Preparing) decider.state.work().jobs().getFirst();
    assertThat(job.repair().finding().words())
        .startsWith("web-1 holds " + NEW.brief())
        .contains("the primary web-0 wrote it");
  }

  @Test
  void givenRotOnASecondaryWhoseRowNobodyHasThenItIsBroughtToTheTargetAndNobodyIsTold() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1), rot(DATA, DATA_1));
    assertThat(decider.held("RotWithoutDonor")).isEmpty();
    assertThat(serve(decider).puller()).isEqualTo("web-1");
  }

  @Test
  void givenRotOnASecondaryAndNoHolderAtAllThenItIsTold() {
    Decider decider = Decider.weighing(1, 1, 1);
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.changed(2, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(decider.held("RotWithoutDonor")).isPresent();
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenOneWhoRemembersSomethingElseThenItsOfferTellsAndTheNextTryAsksTheNext() {
    Decider decider = Decider.three();
    Digest older = new Digest(0x3333L << 48, 0, 0, 3);
    decider
        .remembers(1, new Position(1, 0), older)
        .remembers(2, new Position(1, 0), older)
        .forget();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(serve(decider).member()).isEqualTo("web-1");
    decider.finished(
        serve(decider).id(), new Outcome.Failed(new Trouble("SampleGone", "it is gone.")));
    assertThat(decider.held("RotWithoutDonor")).isPresent();
    decider.remembers(1, new Position(1, 0), older).forget();
    decider.later(Duration.ofSeconds(3));
    assertThat(serve(decider).member()).isEqualTo("web-2");
  }

  @Test
  void givenSeveralWhoMayHaveTheRowsWhenOneIsBusyThenNobodyIsPassedOver() {
    Decider decider = Decider.weighing(1, 1, 1, 1);
    Digest older = new Digest(0x3333L << 48, 0, 0, 3);
    for (int i = 1; i <= 3; i++) {
      decider.remembers(i, new Position(1, 0), older);
    }
    decider.forget().changed(0, OTHER, false, rot(PAGE, PAGE_1));
    for (String next : List.of("web-1", "web-2", "web-3")) {
      assertThat(serve(decider).member()).isEqualTo(next);
      // It does not report again, so it cannot be asked again.
      decider.finished(
          serve(decider).id(), new Outcome.Failed(new Trouble("SampleGone", "it is gone.")));
      decider.forget().later(Duration.ofSeconds(20));
    }
  }

  @Test
  void givenADonorWhoseOwnRepairFailedThenItServesBeforeThatIsTriedAgain() {
    Decider decider = Decider.weighing(1, 1);
    decider.holds(0).holds(1);
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    decider.finished(
        serve(decider).id(), new Outcome.Failed(new Trouble("SampleGone", "it is gone.")));
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1)).forget();
    decider.changed(1, NEW, false, rot(DATA, DATA_1));
    assertThat(serve(decider).member()).isEqualTo("web-0");
    assertThat(serve(decider).puller()).isEqualTo("web-1");
  }

  @Test
  void givenAPromotedPrimaryThatRottedThenWhatThePersonSawIsLeftAlone() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.finished(
        serve(decider).id(), new Outcome.Failed(new Trouble("SampleGone", "it is gone.")));
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1)).forget();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().mandate()).contains(OTHER);
    // It moved on with its rot before it was accepted: a person is asked again.
    decider.configure(decider.config().withPromote(Optional.empty()));
    decider.changed(1, NEW, false, rot(PAGE, PAGE_1), written(DATA, DATA_1, NEW)).forget();
    decider.later(Duration.ofMinutes(1));
    assertThat(decider.held("PromotionMoved")).isPresent();
    assertThat(decider.ordered(Command.Serve.class)).noneMatch(s -> s.puller().equals("web-1"));
  }

  @Test
  void givenASecondaryThatRottedAndOthersThatMovedOnThenItIsBroughtToThemAndNobodyIsTold() {
    Decider decider = Decider.weighing(1, 1, 1, 1, 1);
    Position newer = new Position(1, 2); // on two of five: elected, not committed
    decider.remembers(0, newer, NEW).remembers(2, newer, NEW);
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(decider.classOf(1)).isEqualTo(MemberClass.DRIFTED);
    assertThat(decider.held("RotWithoutDonor")).isEmpty();
    decider.later(Duration.ofSeconds(7));
    assertThat(serve(decider).puller()).isEqualTo("web-1");
    assertThat(serve(decider).root()).isEqualTo(NEW);
  }

  @Test
  void givenSecondariesThatRottedAlikeWhileThePrimaryIsAwayThenEachIsNamed() {
    Decider decider = Decider.three();
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.changed(2, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(decider.state.news().holds())
        .extracting(Hold::message)
        .anyMatch(m -> m.startsWith("site:index.html rotted on web-1 and no healthy member"))
        .anyMatch(m -> m.startsWith("site:index.html rotted on web-2 and no healthy member"));
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenASecondaryWhoseMemoryIsGoneThenThereIsNothingToRestoreRowByRow() {
    Decider decider = Decider.steady();
    decider.votes(1, OTHER, Optional.empty(), 0, false, rot(PAGE, PAGE_1)).forget();
    decider.later(Duration.ofSeconds(7));
    assertThat(serve(decider).puller()).isEqualTo("web-1");
    assertThat(((Job.Preparing) decider.state.work().jobs().getFirst()).repair().aim())
        .isInstanceOf(Job.Aim.Whole.class);
  }

  @Test
  void givenAPrimaryThatServesWhenItRotsItselfThenItsOwnRowsComeBackMeanwhile() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, rot(DATA, DATA_1));
    assertThat(serve(decider).member()).isEqualTo("web-0");
    decider.forget().changed(0, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(serve(decider).member()).isEqualTo("web-2");
    assertThat(serve(decider).puller()).isEqualTo("web-0");
  }

  private static Command.Serve serve(Decider decider) {
    return decider.ordered(Command.Serve.class).getFirst();
  }

  private static Command.Restore restore(Decider decider) {
    return decider.ordered(Command.Restore.class).getFirst();
  }

  private static void offer(Decider decider, Matrix matrix) {
    decider.offered(serve(decider).id(), new Offer(matrix, "172.31.77.2", 20_000, "secret"));
    assertThat(List.of(restore(decider))).hasSize(1);
  }
}
