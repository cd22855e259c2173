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
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Where a promise ended: old disks, old records, drift on everybody, primaries that cannot serve.
 */
final class EdgesTest {
  private static final Digest NEW = new Digest(21, 0, 0, 0);
  private static final Digest NEWER = new Digest(22, 0, 0, 0);
  private static final Position OLDER = new Position(1, 0);
  private static final Duration SETTLED = Duration.ofSeconds(7);
  private static final Duration PATIENCE = Duration.ofSeconds(31);
  private static final RowKey PID = new RowKey("site", "run.pid");

  private static Change appeared(RowKey key) {
    return new Change(key, Change.Kind.WRITTEN, Optional.empty(), Optional.of(OTHER));
  }

  private static Optional<Route> route(Decider decider) {
    return decider.state.route();
  }

  private static Optional<String> led(Decider decider) {
    return route(decider).flatMap(Route::member);
  }

  // Disks that come back older.

  @Test
  void givenThePrimarysDiskOneCommitOlderAndALineThatItsBootWroteThenItIsBehindAndAnotherLeads() {
    Decider decider = Decider.three();
    decider.votes(
        0, NEW, Optional.of(new Remembered(OLDER, OTHER)), 0, false, written(PAGE, OTHER, NEW));
    assertThat(decider.classOf(0)).isEqualTo(MemberClass.BEHIND);
    assertThat(route(decider)).contains(Route.nowhere(1));
    decider.holds(1).holds(2);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(led(decider)).contains("web-1");
    assertThat(decider.target().root()).isEqualTo(C);
    decider.later(SETTLED);
    Command.Serve serve = decider.newest(Command.Serve.class);
    assertThat(serve.puller()).isEqualTo("web-0");
    decider.serves(MATRIX);
    assertThat(decider.newest(Command.Pull.class).archive().attributed()).isTrue();
  }

  @Test
  void givenAStalePrimaryAloneThenUsersAreLedNowhereUntilAPersonSaysSo() {
    Decider decider = Decider.three();
    decider.remembers(0, OLDER, OTHER).later(SETTLED);
    decider.died(1).died(2);
    decider.votes(
        0, NEW, Optional.of(new Remembered(OLDER, OTHER)), 1, true, written(PAGE, OTHER, NEW));
    decider.later(SETTLED);
    assertThat(decider.held("PrimaryForgot")).isPresent();
    assertThat(decider.target().root()).isEqualTo(C);
    assertThat(led(decider)).isEmpty();
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(led(decider)).contains("web-0");
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenAPrimaryThatLostWhatItAcceptedWhileAnotherHasItThenThatOneLeadsAndKeepsIt() {
    Decider decider = Decider.steady();
    Position second = C_AT.next();
    decider.remembers(0, second, NEW).remembers(1, second, NEW);
    decider.state = Adjudicator.step(decider.state, new Event.Tick(), decider.now).state();
    Decider restored = Decider.three();
    restored.remembers(1, second, NEW).holds(2).holds(0);
    assertThat(restored.state.record().primary()).contains("web-1");
    assertThat(restored.target().root()).isEqualTo(NEW);
    assertThat(restored.ordered(Command.Serve.class)).noneMatch(s -> s.puller().equals("web-1"));
  }

  @Test
  void givenAllMembersRestoredFromOneBackupThenThePromotionThatEndsItIsNamed() {
    Decider decider = Decider.three();
    decider.remembers(0, new Position(1, 0), OTHER);
    decider.remembers(1, new Position(0, 9), NEW).remembers(2, new Position(0, 8), NEW);
    decider.later(SETTLED);
    Hold hold = decider.held("MembersOlder").orElseThrow();
    assertThat(hold.message()).contains("committed is 1.1").contains("web-1 remembers 0.9");
    assertThat(hold.until()).contains("remembers the newest: web-0.");
    assertThat(led(decider)).isEmpty();
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(led(decider)).contains("web-0");
    assertThat(decider.held("MembersOlder")).isEmpty();
  }

  @Test
  void givenOneRestoredMemberThenItIsSimplyBehind() {
    Decider decider = Decider.steady();
    decider.remembers(2, OLDER, OTHER).later(SETTLED);
    assertThat(decider.held("MembersOlder")).isEmpty();
    assertThat(decider.newest(Command.Serve.class).puller()).isEqualTo("web-2");
  }

  // Records that come back older.

  @Test
  void givenARecordOlderThanTheMemoriesThenNothingIsOverwrittenUntilAPersonPromotes() {
    Decider decider = Decider.three();
    Position newest = new Position(2, 9);
    decider.holds(0).remembers(1, newest, NEW).remembers(2, newest, NEW).later(SETTLED);
    Hold hold = decider.held("RecordOlder").orElseThrow();
    assertThat(hold.message())
        .contains("in tenure 1 with 1.1 committed")
        .contains("web-0 remembers 1.1")
        .contains("web-2 remembers 2.9");
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    assertThat(decider.ordered(Command.Prove.class)).isEmpty();
    assertThat(led(decider)).isEmpty();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().tenure()).isEqualTo(3);
    assertThat(led(decider)).contains("web-1");
    assertThat(decider.target().position()).isEqualTo(new Position(3, 1));
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenAFreshDiskBelowOneTreeWhileAnotherRemembersALaterTenureThenThatIsNotOverwritten() {
    Decider decider = Decider.steady();
    decider.remembersInPart(1, 2).later(SETTLED);
    Hold hold = decider.held("RecordOlder").orElseThrow();
    assertThat(hold.message()).contains("web-1 remembers tenure 2 in a part of its trees");
    assertThat(hold.message()).doesNotContain("is reported by nobody");
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.state.record().tenure()).isEqualTo(3);
    assertThat(decider.newest(Command.Serve.class).puller()).isEqualTo("web-1");
  }

  @Test
  void givenAFreshDiskBelowOneTreeUnderARecordThatKnowsItsTenureThenTheMemberIsRepaired() {
    Decider decider = Decider.steady();
    decider.remembersInPart(1, 1).later(SETTLED);
    assertThat(decider.held("RecordOlder")).isEmpty();
    assertThat(decider.newest(Command.Serve.class).puller()).isEqualTo("web-1");
  }

  @Test
  void givenAnHaClusterMadeAnewWithItsOldBootstrapThenNobodyIsOverwritten() {
    Decider decider = Decider.young();
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of("web-0"), false)));
    decider.remembers(0, new Position(1, 5), OTHER);
    decider.remembers(1, new Position(2, 9), NEW).remembers(2, new Position(2, 9), NEW);
    assertThat(decider.held("RecordOlder").orElseThrow().message())
        .contains("has nothing committed")
        .contains("web-0 remembers 1.5");
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    assertThat(decider.state.record().primary()).isEmpty();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    decider.configure(decider.config().withPromote(Optional.empty()));
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.state.record().tenure()).isEqualTo(3);
    decider.remembers(1, new Position(3, 1), NEW);
    assertThat(decider.newest(Command.Prove.class).member()).isNotEqualTo("web-0");
  }

  @Test
  void givenAnHaClusterMadeAnewInModeObserveThenWhatItsMembersRememberIsNotCommitted() {
    Decider decider = Decider.young();
    decider.configure(decider.config().withObserve(true));
    for (int i = 0; i < 3; i++) {
      decider.remembers(i, new Position(1, 1), C);
    }
    assertThat(decider.state.record().committed()).isEmpty();
    assertThat(decider.state.record().primary()).isEmpty();
  }

  @Test
  void givenAMemberOfAFormerLifeThatComesLateThenTheFirstEpochDoesNotOverwriteIt() {
    Decider decider = Decider.young();
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of("web-0"), false)));
    decider.votes(0, C, Optional.empty(), 0, false);
    decider.remembers(0, C_AT, C).forget();
    decider.remembers(1, new Position(1, 9), NEW).later(SETTLED);
    Hold hold = decider.held("RecordOlder").orElseThrow();
    assertThat(hold.message()).contains("web-1 remembers 1.9", "web-2 does not report");
    assertThat(hold.until()).endsWith("the newest: web-1, unless web-2 remembers more.");
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenMembersThatRememberTheSamePositionOtherwiseThenThePrimarysOwnPromotionEndsTheHold() {
    Decider decider = Decider.young();
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of("web-0"), false)));
    decider.votes(0, C, Optional.empty(), 0, false).later(SETTLED);
    decider.remembers(0, C_AT, C).forget();
    decider.remembers(1, C_AT, NEW).remembers(2, C_AT, NEW).later(SETTLED);
    assertThat(decider.held("RecordOlder")).isPresent();
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.configure(decider.config().withPromote(Optional.of("web-0")));
    assertThat(decider.state.record().primary()).contains("web-0");
    assertThat(decider.state.record().tenure()).isEqualTo(2);
    decider.later(SETTLED);
    assertThat(decider.held("RecordOlder")).isEmpty();
  }

  @Test
  void givenAChosenOneThatRotsBeforeItAcceptedWhatAFormerLifeRemembersThenThatIsNoFirstEpoch() {
    Decider decider = Decider.young();
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of("web-0"), false)));
    for (int i = 0; i < 3; i++) {
      decider.remembers(i, C_AT, C);
    }
    assertThat(decider.state.record().primary()).contains("web-0");
    Optional<Remembered> former = Optional.of(new Remembered(C_AT, C));
    decider.votes(0, OTHER, former, 0, false, rot(PAGE, PAGE_1));
    assertThat(decider.held("RotWithoutDonor")).isPresent();
    assertThat(decider.state.record().committed()).isEmpty();
  }

  // Nobody holds C in whole.

  @Test
  void givenDriftOnEverybodyWhenThePrimaryDiesThenCIsRebuiltRowByRowAndLeads() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW), appeared(PID));
    decider.changed(2, NEWER, false, written(DATA, DATA_1, NEWER)).forget();
    decider.died(0);
    assertThat(decider.held("SuccessorRebuilt")).isPresent();
    assertThat(decider.held("NoSuccessor")).isEmpty();
    Command.Serve serve = decider.newest(Command.Serve.class);
    assertThat(serve.puller()).isEqualTo("web-1");
    assertThat(serve.member()).isEqualTo("web-2");
    decider.serves(
        io.virtquorum.fingerprint.Matrix.of(List.of(new Row(PAGE, PAGE_1), new Row(DATA, NEWER))));
    assertThat(decider.ordered(Command.Rebuild.class)).isEmpty(); // its root is not what was asked
  }

  @Test
  void givenTheRowsOfADonorThenExactlyTheyComeBackAndWhatAppearedGoes() {
    io.virtquorum.fingerprint.Matrix theirs =
        io.virtquorum.fingerprint.Matrix.of(List.of(new Row(PAGE, PAGE_1), new Row(DATA, NEWER)));
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW), appeared(PID));
    decider.changed(2, theirs.root(), false, written(DATA, DATA_1, NEWER)).forget();
    decider.died(0).serves(theirs);
    Command.Rebuild rebuild = decider.newest(Command.Rebuild.class);
    assertThat(rebuild.member()).isEqualTo("web-1");
    assertThat(rebuild.rows()).containsExactly(new Row(PAGE, PAGE_1));
    assertThat(rebuild.gone()).containsExactly(PID);
    decider.ended(Command.Rebuild.class, new Outcome.Done(2, 10, Duration.ofMillis(5), "e"));
    decider.holds(1);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(led(decider)).contains("web-1");
  }

  @Test
  void givenOneLivingMemberOnWhichAFileAppearedThenItNeedsNoDonorAndLeads() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, appeared(PID)).forget();
    decider.died(0).died(2);
    Command.Rebuild rebuild = decider.newest(Command.Rebuild.class);
    assertThat(rebuild.offer()).isEmpty();
    assertThat(rebuild.gone()).containsExactly(PID);
    decider.ended(Command.Rebuild.class, new Outcome.Done(1, 0, Duration.ofMillis(5), "e"));
    decider.holds(1);
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenWhoAcceptedMoreThanTheRecordSaysAndDriftedThenItIsRebuiltToThatAndLeads() {
    Decider decider = Decider.steady();
    Optional<Remembered> accepted = Optional.of(new Remembered(C_AT.next(), NEWER));
    decider.died(2).votes(1, NEW, accepted, 0, false, appeared(PID)).forget();
    decider.died(0);
    Command.Rebuild rebuild = decider.newest(Command.Rebuild.class);
    assertThat(rebuild.member()).isEqualTo("web-1");
    assertThat(rebuild.gone()).containsExactly(PID);
    decider.ended(Command.Rebuild.class, new Outcome.Done(1, 0, Duration.ofMillis(5), "e"));
    decider.remembers(1, C_AT.next(), NEWER);
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenARenameOnBothWhoseOldNameNobodyAliveHasThenTheNewOneStaysAndLeads() {
    Change from = new Change(PAGE, Change.Kind.WRITTEN, Optional.of(PAGE_1), Optional.empty());
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, from, appeared(PID)).changed(2, NEW, false, from, appeared(PID));
    decider.forget().died(0).later(SETTLED);
    assertThat(decider.ordered(Command.Rebuild.class)).isEmpty();
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenRowsThatNobodyAliveHasThenAPersonIsAsked() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.changed(2, NEWER, false, written(PAGE, PAGE_1, NEWER)).forget();
    decider.died(0).later(SETTLED);
    assertThat(decider.held("NoSuccessor")).isPresent();
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
  }

  @Test
  void givenAJobThatRanAlikeOnAMajorityAndADeadPrimaryThenWhatTheyHoldIsTheState() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW));
    decider.changed(2, NEW, false, written(PAGE, PAGE_1, NEW)).forget();
    decider.died(0).later(SETTLED);
    assertThat(decider.held("MajorityDisagrees")).isEmpty();
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.said("FailedOver").orElseThrow())
        .contains("web-1 and web-2, a majority, changed alike");
    assertThat(decider.target().root()).isEqualTo(NEW);
  }

  @Test
  void givenAJobThatMadeAFileAlikeOnAMajorityAndADeadPrimaryThenCIsHadAndLeads() {
    Decider decider = Decider.steady();
    decider.changed(1, NEW, false, appeared(PID)).changed(2, NEW, false, appeared(PID)).forget();
    decider.died(0);
    assertThat(decider.newest(Command.Rebuild.class).gone()).containsExactly(PID);
  }

  @Test
  void givenRotOnAMemberAndTheRowOnlyWithOneThatIsBehindThenThatOneIsAsked() {
    Decider decider = Decider.steady();
    decider.changed(1, OTHER, false, rot(PAGE, PAGE_1));
    decider.remembers(2, OLDER, OTHER).forget();
    decider.died(0);
    Command.Serve serve = decider.newest(Command.Serve.class);
    assertThat(serve.member()).isEqualTo("web-2");
    assertThat(serve.puller()).isEqualTo("web-1");
  }

  // A primary that cannot serve.

  @Test
  void givenAPrimaryWhoseFileSystemIsGoneThenAnotherLeadsAfterThePatience() {
    Decider decider = Decider.steady();
    decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted."));
    decider.later(Duration.ofSeconds(20));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.later(PATIENCE);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.said("FailedOver").orElseThrow())
        .contains("web-0 cannot serve: /srv/www is not mounted.");
  }

  @Test
  void givenAPrimaryThatIsOnlySlowOrTooLargeThenUsersStay() {
    for (String reason : List.of("TreeTooLarge", "GuestCommandFailed", "SlowLook", "Unreadable")) {
      Decider decider = Decider.steady();
      decider.ails(0, new Trouble(reason, "it takes long."));
      decider.later(Duration.ofHours(1));
      assertThat(decider.state.record().primary()).as(reason).contains("web-0");
    }
  }

  @Test
  void givenAFileSystemThatIsBackWithinThePatienceThenUsersStay() {
    Decider decider = Decider.steady();
    decider.ails(0, new Trouble("DiskFails", "/srv/www gives errors."));
    decider.later(Duration.ofSeconds(20)).holds(0);
    decider.ails(0, new Trouble("DiskFails", "/srv/www gives errors."));
    decider.later(Duration.ofSeconds(20));
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenAStreamThatFlapsWhileTheFileSystemIsGoneThenUsersAreLedAwayAfterThePatience() {
    Decider decider = Decider.steady();
    decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted."));
    for (int i = 0; i < 3; i++) {
      decider.later(Duration.ofSeconds(8)).on(new Event.Detached("web-0"));
      decider.later(Duration.ofSeconds(1));
      decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted."));
      assertThat(decider.state.record().primary()).contains("web-0");
    }
    decider.later(Duration.ofSeconds(4));
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenAPrimaryThatDiedMeanwhileThenThePatienceWithItsFileSystemBeginsAnew() {
    Decider decider = Decider.steady();
    for (int i = 1; i < 3; i++) {
      decider.on(new Event.Detached("web-" + i)); // nobody else may lead
    }
    decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted."));
    decider.later(Duration.ofSeconds(20)).died(0).later(Duration.ofSeconds(20));
    decider.ails(0, new Trouble("NotMounted", "/srv/www is not mounted."));
    decider.holds(1).holds(2);
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  // A primary that lost its tenure with writes that nobody else has.

  @Test
  void givenAPrimaryThatDiesWithAWriteThenItIsToldUntilItIsBackAndTheWriteIsAttributed() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, true, written(PAGE, PAGE_1, NEW)).later(Duration.ofSeconds(2));
    decider.died(0);
    assertThat(decider.said("FailedOver").orElseThrow())
        .endsWith("; web-0 had a change that was not committed for 2 s.");
    assertThat(decider.held("FormerPrimaryAway").orElseThrow().message()).contains("web-0");
    // It returns in a new pod, which knows nothing of users.
    decider.changed(0, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(decider.classOf(0)).isEqualTo(MemberClass.ADVANCED);
    assertThat(decider.why(0)).isEqualTo("site:index.html changed on the former primary");
    decider.later(SETTLED).serves(MATRIX);
    Command.Pull pull = decider.newest(Command.Pull.class);
    assertThat(pull.member()).isEqualTo("web-0");
    assertThat(pull.archive().attributed()).isTrue();
    decider.ended(Command.Pull.class, new Outcome.Done(1, 10, Duration.ofMillis(5), "epoch-1"));
    decider.holds(0);
    assertThat(decider.said("FormerPrimaryReturned").orElseThrow()).contains("epoch-1");
    assertThat(decider.state.record().departed()).isEmpty();
  }

  @Test
  void givenAFormerPrimaryThatWasBackWhenItsDiskComesBackOlderThenWhatItWroteIsStillSomebodys() {
    assertThat(attributedOfAnOlderDisk(0)).as("it led since it remembers that").isTrue();
    assertThat(attributedOfAnOlderDisk(2)).as("it never led").isFalse();
  }

  /** Whether what this member had written on C is, after web-1 led in its place and committed. */
  private static boolean attributedOfAnOlderDisk(int member) {
    Matrix next = Matrix.of(List.of(new Row(PAGE, OTHER), new Row(DATA, DATA_1)));
    Decider decider = Decider.steady().died(0);
    decider.remembers(1, new Position(2, 1), next.root()).serves(next);
    decider.ended(Command.Pull.class, new Outcome.Done(1, 10, Duration.ofMillis(5), ""));
    decider.remembers(2, new Position(2, 1), next.root());
    decider.remembers(0, new Position(2, 1), next.root());
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(next.root());
    assertThat(decider.state.record().departed()).isEmpty();
    decider.forget().changed(member, NEWER, false, written(PAGE, PAGE_1, NEWER));
    assertThat(decider.classOf(member)).isEqualTo(MemberClass.BEHIND);
    decider.later(SETTLED);
    decider.serves(next);
    Command.Pull pull = decider.newest(Command.Pull.class);
    assertThat(pull.member()).isEqualTo("web-" + member);
    return pull.archive().attributed();
  }

  @Test
  void givenAPrimaryThatHeldCWhenAnotherWasPromotedThenItDidNotDepart() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().departed()).isEmpty();
  }

  // Whose word counts.

  @Test
  void givenAnOfferOfAMemberThatWasNotAskedThenNobodyPullsFromIt() {
    Decider decider = Decider.steady();
    decider.changed(2, NEW, false, written(PAGE, PAGE_1, NEW)).later(SETTLED);
    Command.Serve serve = decider.newest(Command.Serve.class);
    Offer offer = new Offer(MATRIX, "172.31.77.9", 20_000, "secret");
    decider.on(new Event.Offered("web-1", serve.id(), offer));
    assertThat(decider.ordered(Command.Pull.class)).isEmpty();
    decider.on(new Event.Finished("web-1", serve.id(), new Outcome.Done(1, 1, SETTLED, "")));
    assertThat(decider.state.work().job(serve.id()).isPresent()).isTrue();
    decider.on(new Event.Offered(serve.member(), serve.id(), offer));
    assertThat(decider.ordered(Command.Pull.class)).hasSize(1);
  }

  @Test
  void givenOneHeavyMemberThenItAloneIsNoMajorityForTheFirstEpoch() {
    Decider decider = Decider.young();
    decider.configure(
        decider
            .config()
            .withMembers(Decider.members(5, 1, 1))
            .withBootstrap(new Config.Bootstrap(Optional.empty(), true)));
    decider.votes(0, NEW, Optional.empty(), 0, false);
    decider.votes(1, C, Optional.empty(), 0, false).votes(2, C, Optional.empty(), 0, false);
    assertThat(decider.held("BootstrapTied")).isPresent();
    assertThat(decider.state.record().primary()).isEmpty();
  }
}
