package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.C_AT;
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
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What people read of a member, a repair and its archive: each with its reason. */
final class ReasonsTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Position SECOND = new Position(1, 2);
  private static final Position THIRD = new Position(1, 3);
  private static final Outcome PROVEN = new Outcome.Done(0, 0, Duration.ZERO, "");
  private static final Matrix NEW_PAGE =
      Matrix.of(List.of(new Row(PAGE, NEW), new Row(DATA, DATA_1)));

  @Test
  void givenMembersThatSayNothingThenTheReasonIsWhereTheyAre() {
    Decider decider = Decider.three();
    assertThat(decider.why(0)).isEqualTo("its sidecar is not connected");
    decider.on(new Event.Attached("web-1")).died(2);
    assertThat(decider.why(1)).isEqualTo("it has not reported yet");
    assertThat(decider.why(2)).isEqualTo("it is dead");
    decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted"));
    assertThat(decider.why(0)).isEqualTo("/srv/www is not mounted");
    assertThat(decider.classOf(0)).isEqualTo(MemberClass.UNKNOWN);
  }

  @Test
  void givenMembersThatAreBehindThenTheReasonIsWhatTheyRemember() {
    Decider decider = Decider.steady();
    decider.votes(1, C, Optional.empty(), 0, false);
    assertThat(decider.why(1)).isEqualTo("it remembers nothing: a fresh disk or a new member");
    decider.remembers(1, new Position(1, 0), OTHER);
    assertThat(decider.why(1)).isEqualTo("it remembers 1.0, older than the committed 1.1");
    decider.remembers(1, C_AT, OTHER);
    assertThat(decider.why(1))
        .isEqualTo(
            "it remembers 1.1 as %s, which this cluster never recorded so"
                .formatted(OTHER.brief()));
    decider.configure(decider.config().withPromote(Optional.of("web-2")));
    decider.remembers(1, SECOND, NEW);
    assertThat(decider.why(1))
        .isEqualTo(
            "what it remembers, 1.2, is not known to have been committed, and its tenure is over");
    assertThat(decider.classOf(1)).isEqualTo(MemberClass.BEHIND);
  }

  @Test
  void givenAPrimaryThatAcceptedItsWriteThenTheReasonIsTheElectedState() {
    Decider decider = Decider.steady().remembers(0, SECOND, NEW);
    assertThat(decider.why(0)).isEqualTo("it holds the elected state");
  }

  @Test
  void givenMembersThatChangedThenTheReasonIsWhoWroteAndWhatRotted() {
    Decider decider = Decider.steady();
    assertThat(decider.why(1)).isEqualTo("it holds the committed state");
    Change edit = written(PAGE, PAGE_1, NEW);
    decider.changed(1, NEW, true, edit).changed(2, NEW, false, edit).changed(0, NEW, false, edit);
    assertThat(decider.why(1)).isEqualTo("site:index.html changed while users were there");
    assertThat(decider.why(2)).isEqualTo("site:index.html changed and no user was there");
    assertThat(decider.why(0)).isEqualTo("site:index.html changed on the primary through its OS");
    decider.changed(2, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(decider.why(2)).isEqualTo("site:index.html rotted and nothing had written it");
    decider.changed(2, OTHER, false, rot(PAGE, PAGE_1), rot(DATA, DATA_1));
    assertThat(decider.why(2))
        .isEqualTo("site:index.html and site:data rotted and nothing had written them");
  }

  @Test
  void givenManyRowsThenThreeAreNamedAndTheRestAreCounted() {
    Decider decider = Decider.steady();
    Change[] three = {edit("a"), edit("b"), edit("c")};
    decider.changedMuch(1, NEW, 3, three);
    assertThat(decider.why(1)).startsWith("site:a, site:b and site:c changed");
    decider.changedMuch(1, NEW, 500, three);
    assertThat(decider.why(1)).startsWith("site:a, site:b, site:c and 497 more changed");
    decider.changedMuch(1, NEW, 4, edit("a"), edit("b"), edit("c"), edit("d"));
    assertThat(decider.why(1)).startsWith("site:a, site:b, site:c and 1 more changed");
    decider.changedMuch(1, NEW, 500);
    assertThat(decider.why(1)).startsWith("500 rows changed");
    decider.changedMuch(1, NEW, 1);
    assertThat(decider.why(1)).startsWith("1 row changed");
  }

  @Test
  void givenAStrayMemberWhenItIsRepairedThenArchiveEventAndStatusSayTheSameAndHowMuchMoved() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    decider.serves(MATRIX);
    Command.Pull pull = decider.newest(Command.Pull.class);
    String why =
        "web-0 and web-2 hold the committed %s (5 of 6 votes; the primary web-0 counts 4), web-1's site:index.html changed and no user was there"
            .formatted(C.brief());
    assertThat(pull.archive().verdict()).isEqualTo(why);
    assertThat(pull.position()).isEqualTo(C_AT);
    Duration took = Duration.ofMillis(1_500);
    decider.ended(Command.Pull.class, new Outcome.Done(3, 4_096, took, "epoch-1-a"));
    assertThat(decider.said("Repaired").orElseThrow())
        .isEqualTo(
            "web-1 was repaired from web-0: %s. 3 rows, 4096 bytes over the sync network, 1500 ms. What was replaced is in its archive as epoch-1-a."
                .formatted(why));
    News.Repair last = decider.state.news().lastRepair().orElseThrow();
    assertThat(last.member()).isEqualTo("web-1");
    assertThat(last.sample()).isEqualTo("web-0");
    assertThat(last.at()).isEqualTo(decider.now);
    assertThat(last.archiveEntry()).isEqualTo("epoch-1-a");
  }

  @Test
  void givenARepairOfOneRowThatReplacedNothingThenTheSentenceNamesNoArchive() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, written(PAGE, PAGE_1, OTHER)).later(Duration.ofSeconds(7));
    decider.serves(MATRIX);
    decider.ended(Command.Pull.class, new Outcome.Done(1, 20, Duration.ofMillis(5), ""));
    assertThat(decider.said("Repaired").orElseThrow())
        .endsWith(". 1 row, 20 bytes over the sync network, 5 ms.");
  }

  @Test
  void givenMembersThatFollowTheirPrimaryThenTheArchiveSaysWhichStateTheyHeldBefore() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW_PAGE.root(), false, written(PAGE, PAGE_1, NEW));
    decider.ended(Command.Prove.class, PROVEN);
    decider.remembers(0, SECOND, NEW_PAGE.root()).serves(NEW_PAGE);
    assertThat(decider.newest(Command.Pull.class).archive().verdict())
        .isEqualTo(
            "web-0 holds %s (4 of 6 votes; the primary web-0 counts 4), the primary web-0 wrote it, web-2 still held the committed state"
                .formatted(NEW_PAGE.root().brief()));
    decider = Decider.three();
    decider.remembers(2, SECOND, NEW).remembers(0, THIRD, NEW_PAGE.root()).serves(NEW_PAGE);
    assertThat(decider.newest(Command.Pull.class).archive().verdict())
        .endsWith("web-2 still held the elected state 1.2");
  }

  @Test
  void givenAFreshDiskThenItsArchiveSaysThatItWasBehind() {
    Decider decider = Decider.steady();
    decider.votes(2, OTHER, Optional.empty(), 0, false).later(Duration.ofSeconds(7));
    decider.serves(MATRIX);
    assertThat(decider.newest(Command.Pull.class).archive().verdict())
        .endsWith("web-2 was behind: it remembers nothing: a fresh disk or a new member");
  }

  @Test
  void givenMembersThatDifferBeforeTheFirstEpochThenThePersonReadsWhoHoldsWhat() {
    Decider decider = Decider.young();
    decider.votes(0, C, Optional.empty(), 0, false);
    assertThat(decider.held("WaitingForMembers").orElseThrow().message())
        .isEqualTo(
            "Waiting for web-1 (its sidecar is not connected), web-2 (its sidecar is not connected).");
    decider.votes(1, C, Optional.empty(), 0, false).votes(2, OTHER, Optional.empty(), 0, false);
    assertThat(decider.held("BootstrapNeeded").orElseThrow().message())
        .isEqualTo(
            "The members differ and nothing is committed yet: web-0 holds %s (2 rows), web-1 holds %s (2 rows), web-2 holds %s (2 rows)."
                .formatted(C.brief(), C.brief(), OTHER.brief()));
    assertThat(decider.why(0)).isEqualTo("nothing is committed yet");
  }

  @Test
  void givenAPersonWhoNamesWhoseStateIsFirstThenTheOthersAreProvenAndBroughtToIt() {
    Decider decider = Decider.young();
    for (int i = 0; i < 2; i++) {
      decider.votes(i, C, Optional.empty(), 0, false);
    }
    decider.votes(2, OTHER, Optional.empty(), 0, false);
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of("web-1"), false)));
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.target())
        .isEqualTo(new Target(C_AT, C, Target.Ground.FIRST, Optional.of("web-1")));
    decider.ended(Command.Prove.class, PROVEN).holds(1).serves(MATRIX);
    assertThat(decider.newest(Command.Pull.class).archive().verdict())
        .isEqualTo(
            "web-0 and web-1 hold %s (2 of 3 votes), it is to be the first epoch, from web-1, web-2 differed before the first epoch"
                .formatted(C.brief()));
    assertThat(decider.state.record().committed()).isEmpty();
    decider.holds(0);
    assertThat(decider.state.record().committed()).contains(new Committed(1, C_AT, C));
  }

  @Test
  void givenAFeatureThatCanOnlyBeComparedThenItIsSaidWhoHoldsWhatWhereTheyDifferAndElseNothing() {
    Output one = new Output(new Digest(1, 1, 1, 1), "", Output.Kind.COMPARED);
    Output two = new Output(new Digest(2, 2, 2, 2), "", Output.Kind.COMPARED);
    Decider decider = Decider.steady();
    decider.has(0, Map.of("kernel", one, "timezone", one));
    decider.has(1, Map.of("kernel", two, "timezone", one));
    decider.has(2, Map.of("kernel", one, "timezone", one));
    assertThat(decider.assessment.orElseThrow().outputs())
        .containsOnlyKeys("kernel")
        .containsEntry("kernel", Map.of(one, List.of("web-0", "web-2"), two, List.of("web-1")));
  }

  @Test
  void givenAHoldThatStaysThenPeopleHearOfItOnceAndAgainWhenItComesBack() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withPromote(Optional.of("db-0")));
    decider.later(Duration.ofMinutes(1)).later(Duration.ofMinutes(1));
    assertThat(decider.ordered(Command.Tell.class))
        .containsExactly(
            new Command.Tell(
                true,
                "PromotionUnknown",
                "db-0 is to be promoted, which is not a member. Promote one of web-0, web-1, web-2."));
    decider.configure(decider.config().withPromote(Optional.empty()));
    decider.configure(decider.config().withPromote(Optional.of("db-0")));
    assertThat(decider.ordered(Command.Tell.class)).hasSize(2);
  }

  @Test
  void givenRotOnThePrimaryThenNothingIsExposedAndAnAcceptedWriteIsUntilItIsCommitted() {
    Decider decider = Decider.steady();
    decider.changed(0, OTHER, false, rot(PAGE, PAGE_1));
    assertThat(decider.state.news().exposedSince()).isEmpty();
    decider.remembers(0, SECOND, NEW);
    assertThat(decider.state.news().exposedSince()).contains(decider.now);
    decider.remembers(1, SECOND, NEW);
    assertThat(decider.state.news().exposedSince()).isEmpty();
  }

  @Test
  void givenAnEvenNumberOfMembersThenTheCommittedStateVotesAndWithAnOddNumberItDoesNot() {
    assertThat(witnesses(Decider.weighing(1, 1, 1, 1))).isEqualTo(1);
    assertThat(witnesses(Decider.weighing(1, 1, 1))).isZero();
  }

  private static long witnesses(Decider decider) {
    var tally = decider.holds(0).assessment.orElseThrow().tally().orElseThrow();
    return tally.votes().stream().filter(v -> v.voter().equals("(witness)")).count();
  }

  private static Change edit(String path) {
    return written(new RowKey("site", path), PAGE_1, NEW);
  }
}
