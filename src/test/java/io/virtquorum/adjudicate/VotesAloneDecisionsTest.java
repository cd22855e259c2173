package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.C_AT;
import static io.virtquorum.adjudicate.Decider.HOLDS_C;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.VotingRule;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Where the tally alone elects: {@code voting.authority: Votes}, and the units beside the files
 * such as the VM spec.
 */
final class VotesAloneDecisionsTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Digest NEWER = new Digest(0x6666L << 48, 0, 0, 6);
  private static final Position SECOND = new Position(1, 2);
  private static final Change EDIT = written(PAGE, PAGE_1, NEW);

  @Test
  void givenTwoThatChangedAlikeThenTheirStateIsElectedAtTheNextPositionAndThePrimaryFollows() {
    Decider decider = votes();
    decider.changed(1, NEW, false, EDIT).changed(2, NEW, false, EDIT);
    assertThat(decider.target())
        .isEqualTo(new Target(SECOND, NEW, Target.Ground.VOTED, Optional.empty()));
    assertThat(decider.target().why()).isEqualTo("the votes alone elected it");
    assertThat(decider.why(1)).isEqualTo("site:index.html changed");
    assertThat(decider.classOf(1)).isEqualTo(MemberClass.ADVANCED);
    for (Command.Prove order : decider.ordered(Command.Prove.class)) {
      decider.finished(order.id(), new Outcome.Done(0, 0, Duration.ZERO, ""));
    }
    decider.remembers(1, SECOND, NEW).remembers(2, SECOND, NEW).later(Duration.ofSeconds(7));
    assertThat(decider.state.record().committed()).contains(new Committed(2, SECOND, NEW));
    assertThat(decider.newest(Command.Serve.class).puller()).isEqualTo("web-0");
  }

  @Test
  void givenAStateThatSomebodyRemembersAlreadyThenItKeepsItsPosition() {
    Decider decider = votes();
    decider.remembers(1, SECOND, NEW).changed(2, NEW, false, EDIT);
    assertThat(decider.target().position()).isEqualTo(SECOND);
  }

  @Test
  void givenTooManyWhoAreBehindToElectAnythingThenAPersonPromotesThePrimaryAndTheyFollow() {
    Decider decider = votes();
    decider.votes(1, OTHER, Optional.empty(), 0, false);
    decider.votes(2, NEW, Optional.empty(), 0, false).forget();
    assertThat(decider.held("NoMajority").orElseThrow().until())
        .isEqualTo("It ends when votes change, or a person promotes a member.");
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.state.record().mandate()).contains(C);
    assertThat(decider.target())
        .isEqualTo(new Target(new Position(2, 1), C, Target.Ground.PROMOTED, Optional.of("web-0")));
    assertThat(decider.newest(Command.Prove.class).member()).isEqualTo("web-0");
    decider.ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
    decider.remembers(0, new Position(2, 1), C).later(Duration.ofSeconds(7));
    assertThat(decider.newest(Command.Serve.class).member()).isEqualTo("web-0");
    assertThat(decider.target().position()).isEqualTo(new Position(2, 1));
  }

  @Test
  void givenAMemberThatWasToBeRepairedWhenAPersonPromotesItThenItIsNotRepaired() {
    Decider decider = votes();
    decider.votes(1, OTHER, Optional.empty(), 0, false).later(Duration.ofSeconds(7));
    assertThat(decider.newest(Command.Serve.class).puller()).isEqualTo("web-1");
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().mandate()).contains(OTHER);
    decider.serves(Decider.MATRIX);
    assertThat(decider.ordered(Command.Pull.class)).isEmpty();
    assertThat(decider.target().root()).isEqualTo(OTHER);
  }

  @Test
  void givenAPromotedMemberThatDoesNotReportThenTheVotesWaitForIt() {
    Decider decider = votes();
    decider.votes(1, OTHER, Optional.empty(), 0, false);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    decider.on(new Event.Detached("web-1"));
    assertThat(decider.held("PromotionWaits").orElseThrow().message())
        .isEqualTo(
            "web-1 was promoted, and what it holds is not committed yet: its sidecar is not"
                + " connected.");
    assertThat(decider.state.record().mandate()).contains(OTHER);
  }

  @Test
  void givenAPromotedMemberThatChangedBeforeItAcceptedThenTheVotesDoNotOverwriteIt() {
    Decider decider = votes();
    decider.votes(1, OTHER, Optional.empty(), 0, false);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    decider.configure(decider.config().withPromote(Optional.empty()));
    decider.votes(1, NEW, Optional.empty(), 0, false).forget().later(Duration.ofSeconds(7));
    assertThat(decider.held("PromotionMoved")).isPresent();
    assertThat(decider.held("PromotionWaits")).isEmpty();
    assertThat(decider.assessment.flatMap(Assessment::target)).isEmpty();
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenAPromotedPrimaryThatIsWrittenBeforeTheCommitThenTheWriteIsToBe() {
    Decider decider = votes();
    decider.votes(1, OTHER, Optional.empty(), 0, false);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    decider.configure(decider.config().withPromote(Optional.empty()));
    Position accepted = new Position(2, 1);
    decider.ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
    decider.remembers(1, accepted, OTHER);
    assertThat(decider.target().position()).isEqualTo(accepted);
    for (var serve : decider.ordered(Command.Serve.class)) {
      decider.finished(serve.id(), new Outcome.Failed(new Trouble("DiskFull", "it is full.")));
    }
    decider.votes(1, NEW, Optional.of(new Remembered(accepted, OTHER)), 0, false, EDIT);
    assertThat(decider.target())
        .isEqualTo(new Target(accepted.next(), NEW, Target.Ground.PROMOTED, Optional.of("web-1")));
  }

  @Test
  void givenAPrimaryWhoseStateIsOutvotedThenAPersonPromotesItAndItsStateIsToBe() {
    Decider decider = votes();
    decider.changed(1, NEW, false, EDIT).changed(2, NEW, false, EDIT);
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.target().root()).isEqualTo(C);
    assertThat(decider.target().ground()).isEqualTo(Target.Ground.PROMOTED);
  }

  @Test
  void givenANewerStateThatLostThenTheWinnerComesAfterIt() {
    Decider decider = votes();
    decider.remembers(1, SECOND, NEWER);
    assertThat(decider.target())
        .isEqualTo(new Target(new Position(1, 3), C, Target.Ground.VOTED, Optional.empty()));
  }

  @Test
  void givenNothingNewerThenTheCommittedStateIsTheTargetAsItIs() {
    Decider decider = votes();
    decider.changed(1, NEW, false, EDIT);
    assertThat(decider.target())
        .isEqualTo(new Target(C_AT, C, Target.Ground.COMMITTED, Optional.empty()));
  }

  @Test
  void givenAnotherPrimaryThenTheNextPositionBeginsItsTenure() {
    Decider decider = votes();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().tenure()).isEqualTo(2);
    decider.changed(1, NEW, false, EDIT).changed(2, NEW, false, EDIT);
    assertThat(decider.target().position()).isEqualTo(new Position(2, 1));
  }

  @Test
  void givenUsersThenEveryMemberThatHasThemCountsMoreAndAnIdlePrimaryDoesNot() {
    Decider decider = votes();
    assertThat(decider.assessment.orElseThrow().weightOf("web-0")).isEqualTo(1);
    decider.votes(2, NEW, Optional.of(HOLDS_C), 1, true, EDIT);
    assertThat(decider.assessment.orElseThrow().weightOf("web-2")).isEqualTo(4);
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenNobodyWithAMajorityThenNothingIsTouchedAndPeopleReadSo() {
    Decider decider = votes();
    decider.changed(1, NEW, false, EDIT).changed(2, OTHER, false, EDIT);
    assertThat(decider.assessment.orElseThrow().target()).isEmpty();
    assertThat(decider.held("NoMajority").orElseThrow().message())
        .isEqualTo(
            "No state has the votes that it takes, and voting.authority is Votes: nothing is touched.");
    decider.forget().later(Duration.ofMinutes(1));
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenAVmSpecThatDiffersThenWhatThePrimaryHasIsRightAndTheOthersAreNamed() {
    Decider decider = Decider.steady();
    UnitVerdict verdict =
        UnitVerdict.of(
            decider.state.record(),
            decider.config(),
            new TreeMap<>(Map.of("web-0", NEW, "web-1", C, "web-2", C, "web-9", C)));
    assertThat(verdict.losers()).containsExactly("web-1", "web-2", "web-9");
    assertThat(verdict.tally()).isInstanceOf(Tally.Elected.class);
    assertThat(verdict.tally().total()).isEqualTo(6);
    assertThat(verdict.tally().weightOf(NEW)).isEqualTo(4);
    assertThat(verdict.tally().weightOf(C)).isEqualTo(2);
  }

  @Test
  void givenAVmSpecOfWhichThePrimarysIsUnknownThenNobodyLoses() {
    Decider decider = Decider.steady();
    UnitVerdict verdict =
        UnitVerdict.of(decider.state.record(), decider.config(), Map.of("web-1", C, "web-2", NEW));
    assertThat(verdict.losers()).isEmpty();
  }

  @Test
  void givenFourMembersThenTheWitnessCountsInTheTotalOfAVmSpecToo() {
    Decider decider = Decider.weighing(1, 1, 1, 1);
    UnitVerdict verdict =
        UnitVerdict.of(decider.state.record(), decider.config(), Map.of("web-0", C));
    assertThat(verdict.tally().total()).isEqualTo((1 + 5) + 1 + 1 + 1 + 1);
  }

  private static Decider votes() {
    Decider decider = Decider.steady();
    decider.configure(
        decider
            .config()
            .withVoting(
                new Config.Voting(
                    Authority.VOTES, VotingRule.STRICT_MAJORITY, OptionalInt.empty())));
    return decider.forget();
  }
}
