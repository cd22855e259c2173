package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What users write, and what becomes of it when primaries and operators go (rules 5 to 12). */
final class SuccessionTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenAUsersEditOnThePrimaryThenItWinsAgainstTwoStaleMembersAndIsCommittedOnAMajority() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    long holders =
        cluster.members.values().stream()
            .filter(m -> "v2".equals(m.disk.contents().get("index.html")))
            .count();
    assertThat(holders).isGreaterThanOrEqualTo(2);
    cluster.untilInSync();
    assertThat(cluster.member(1).sent + cluster.member(2).sent).isEqualTo(2);
  }

  @Test
  void givenAnOperatorReplacedBetweenEditAndCommitThenTheEditSurvivesAndTheEpochAdvancesByOne() {
    for (int pause = 0; pause < 3000; pause += 50) {
      SimulatedCluster cluster = SimulatedCluster.inSync(3);
      cluster.member(0).write("index.html", "v2", true);
      cluster.run(Duration.ofMillis(pause));
      cluster.lead();
      cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
      cluster.untilInSync();
      assertThat(cluster.epoch()).isEqualTo(2);
      assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
    }
  }

  @Test
  void givenTwoOperatorsThenTheOlderOneNeverWritesTheRecordAgain() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    SimulatedLeader old = cluster.leader();
    SimulatedLeader young = cluster.leadBeside();
    cluster.run(Duration.ofSeconds(1));
    assertThat(cluster.record.term()).isEqualTo(young.term);
    long before = old.said("Committed");
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(old.holds("Superseded")).isTrue();
    assertThat(old.said("Committed")).as("what it could not record").isEqualTo(before);
    cluster.members.values().forEach(m -> m.attach(young));
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
  }

  @Test
  void givenAWriteOfTheRecordWhoseAnswerIsLostThenItIsNotWrittenTwiceAndToldAllTheSame() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.loseWrites = 1;
    cluster.member(0).write("index.html", "v2", true);
    long before = cluster.leader().said("Committed");
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.epoch()).isEqualTo(2);
    assertThat(cluster.leader().said("Committed")).isEqualTo(before + 1);
  }

  @Test
  void givenAPrimaryThatDiesThenUsersAreLedToAHolderAndTheTenureAdvancesByOne() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).crash();
    cluster.until("a new primary", LONG, () -> !cluster.record.isPrimary("web-0"));
    assertThat(cluster.record.tenure()).isEqualTo(2);
    cluster.until("said", LONG, () -> cluster.leader().said("FailedOver") == 1);
    assertThat(cluster.leader().state.news().lastFailover()).isPresent();
    SimulatedMember primary = cluster.member(cluster.record.primary().get());
    primary.write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.tenure()).isEqualTo(2);
  }

  @Test
  void givenAnEditThatOneOtherAcceptedWhenThePrimaryDiesThenThatOneSucceedsAndNothingIsLost() {
    for (int pause = 0; pause < 400; pause += 20) {
      SimulatedCluster cluster = SimulatedCluster.inSync(5);
      cluster.member(0).write("index.html", "v2", true);
      cluster.until(
          "one other holds it",
          LONG,
          () ->
              cluster.members.values().stream()
                  .anyMatch(m -> m.name.compareTo("web-0") > 0 && remembers(m, 1, 2)));
      cluster.member(0).detach();
      cluster.run(Duration.ofMillis(pause));
      cluster.member(0).attach(cluster.leader());
      cluster.member(0).crash();
      cluster.until("a new primary", LONG, () -> !cluster.record.isPrimary("web-0"));
      cluster.member(0).boot(cluster.leader());
      cluster.untilInSync();
      assertThat(cluster.member(4).disk.contents()).containsEntry("index.html", "v2");
      assertThat(cluster.epoch()).isEqualTo(2);
    }
  }

  @Test
  void givenAPrimaryOutOfReachThenAnAcceptedEditIsNotTakenBackFromThoseWhoHoldIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(5);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until(
        "one other holds it",
        LONG,
        () -> cluster.members.values().stream().filter(m -> remembers(m, 1, 2)).count() >= 2);
    cluster.member(0).detach();
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    for (int i = 1; i < 5; i++) {
      assertThat(cluster.member(i).disk.archives("index.html", "v2")).isFalse();
    }
  }

  @Test
  void givenAnOldPrimaryThatReturnsWithUnacceptedWritesThenTheyAreArchivedAndItFollows() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "never accepted", true);
    cluster.member(0).crash();
    cluster.until("a new primary", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.member(cluster.record.primary().get()).write("data", "d2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(0).disk.archives("index.html", "never accepted")).isTrue();
  }

  @Test
  void givenAPrimaryWithAFreshDiskThenAHolderTakesItsPlaceAndItIsFilledAgain() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).wipe();
    cluster.until("a new primary", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.until("said", LONG, () -> cluster.leader().said("SwitchedOver") == 1);
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
  }

  @Test
  void givenAPrimaryWithAFreshDiskAndNoHolderThenNothingIsTouchedUntilOneReturns() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).crash();
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).wipe();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("PrimaryForgot")).isTrue();
    cluster.member(1).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-1");
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
  }

  @Test
  void givenAMemberThatIsBeingWrittenOverWhenThePrimaryDiesThenUsersAreNotLedIntoTheMiddle() {
    for (int pause = 0; pause < 600; pause += 10) {
      SimulatedCluster cluster = SimulatedCluster.inSync(2);
      cluster.maxWork = 2000;
      cluster.member(0).write("index.html", "v2", true);
      cluster.until(
          "a pull",
          LONG,
          () ->
              cluster.leader().state.work().jobs().stream()
                  .anyMatch(j -> j instanceof Job.Repairing));
      cluster.run(Duration.ofMillis(pause));
      // Dead to the detector, though its guest still serves: the worst that can be.
      cluster.leader().receive(new Event.Died("web-0"));
      cluster.until("a new primary", LONG, () -> cluster.record.isPrimary("web-1"));
      cluster.member(1).write("data", "d" + pause, true);
      cluster.run(Duration.ofSeconds(10));
      assertThat(cluster.member(1).disk.contents()).containsEntry("data", "d" + pause);
    }
  }

  @Test
  void givenTwoMembersAndOneDownThenEditsStandUncommittedUntilItReturns() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).crash();
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.leader().state.news().exposedSince()).isPresent();
    cluster.member(1).boot(cluster.leader());
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.leader().state.news().exposedSince()).isEmpty();
  }

  @Test
  void givenFourMembersThenTheCommittedStateIsAWitnessAndThePrimaryStillOutvotesAll() {
    SimulatedCluster cluster = SimulatedCluster.inSync(4);
    Assessment before = cluster.leader().assessment.get();
    assertThat(before.tally().get().votes()).anyMatch(v -> v.voter().equals("(witness)"));
    for (int i = 1; i < 4; i++) {
      cluster.member(i).write("index.html", "theirs", true);
    }
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(3).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.member(3).disk.archives("index.html", "theirs")).isTrue();
  }

  @Test
  void givenAHeavyMemberThatIsNotThePrimaryThenItsWeightDoesNotCommitAnything() {
    SimulatedCluster cluster = SimulatedCluster.weighing(1, 3, 1);
    cluster.lead();
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-0");
    cluster.member(0).sessions = 1;
    cluster.member(1).write("index.html", "heavy", true);
    cluster.run(Duration.ofSeconds(10));
    cluster.untilInSync();
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.member(1).disk.archives("index.html", "heavy")).isTrue();
  }

  @Test
  void givenAHeavyPrimaryAloneThenItsWeightIsNoMajorityByCount() {
    SimulatedCluster cluster = SimulatedCluster.weighing(3, 1, 1);
    cluster.lead();
    cluster.untilInSync();
    cluster.member(1).crash();
    cluster.member(2).crash();
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
  }

  @Test
  void givenTheSamePositionWithAnotherRootThenAMemberIsBehindAndNoSuccessor() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    Committed committed = cluster.record.committed().get();
    SimulatedDisk disk = new SimulatedDisk();
    disk.write("index.html", "other");
    disk.remember(committed.position());
    assertThat(classOf(cluster.record, disk)).isEqualTo(MemberClass.BEHIND);
    disk.remember(new Position(committed.position().tenure() + 1, 1));
    assertThat(classOf(cluster.record, disk)).isEqualTo(MemberClass.BEHIND);
  }

  private static MemberClass classOf(ClusterRecord record, SimulatedDisk disk) {
    Ballot ballot =
        new Ballot(
            new Incarnation("u", "b"),
            1,
            disk.matrix().root(),
            1,
            disk.memory.map(SimulatedDisk.Memory::remembered),
            0,
            disk.changes(),
            disk.changes().size(),
            0,
            false,
            false,
            Optional.empty(),
            Map.of(),
            List.of(),
            0);
    return Classification.of(record, Authority.RECORD, "web-1", Optional.of(ballot)).memberClass();
  }

  private static boolean remembers(SimulatedMember member, long tenure, long sequence) {
    return member
        .disk
        .memory
        .filter(m -> m.remembered().position().equals(new Position(tenure, sequence)))
        .isPresent();
  }
}
