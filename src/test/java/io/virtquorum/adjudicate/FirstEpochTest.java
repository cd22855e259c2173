package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How a cluster begins (design, rule 14), and how members come and go (rule 15). */
final class FirstEpochTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenEqualMembersWhenTheyReportThenTheyAreInSyncAtEpochOne() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.record.primary()).contains("web-0");
    assertThat(cluster.members.values()).allMatch(m -> m.disk.archive.isEmpty());
  }

  @Test
  void givenThreeThatDifferThenTheyHoldStillAndAskWhoseStateIsRight() {
    SimulatedCluster cluster = threeThatDiffer();
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("BootstrapNeeded")).isTrue();
    assertThat(cluster.leader().said("BootstrapNeeded")).isEqualTo(1);
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "own 1");
    assertThat(cluster.record.committed()).isEmpty();
  }

  @Test
  void givenThreeThatDifferWhenAPersonNamesOneThenAllAreAsItIsAndTheOthersAreArchived() {
    SimulatedCluster cluster = threeThatDiffer();
    cluster.lead();
    cluster.run(LONG);
    cluster.configure(cluster.bootstrapFrom("web-1"));
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "own 1");
    assertThat(cluster.member(0).disk.archives("index.html", "own 0")).isTrue();
    assertThat(cluster.member(2).disk.archives("index.html", "own 2")).isTrue();
    assertThat(cluster.record.primary()).contains("web-1");
  }

  @Test
  void givenTwoAlikeAndOneThatDiffersWhenAVoteIsAskedForThenTheMajorityIsTheFirstEpoch() {
    SimulatedCluster cluster = SimulatedCluster.of(5);
    cluster.member(0).disk.write("index.html", "own 0");
    cluster.member(1).disk.write("index.html", "own 1");
    cluster.config = cluster.bootstrapVote();
    cluster.lead();
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.record.primary()).contains("web-2");
    assertThat(cluster.record.tenure()).isEqualTo(1);
  }

  @Test
  void givenNoMajorityWhenAVoteIsAskedForThenNothingIsTouched() {
    SimulatedCluster cluster = threeThatDiffer();
    cluster.config = cluster.bootstrapVote();
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("BootstrapTied")).isTrue();
    assertThat(cluster.members.values()).allMatch(m -> m.disk.archive.isEmpty());
  }

  @Test
  void givenAMemberThatIsMissingThenTheFirstEpochWaitsForIt() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    cluster.member(2).powered = false;
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("WaitingForMembers")).isTrue();
    assertThat(cluster.record.committed()).isEmpty();
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
  }

  @Test
  void givenMembersThatRememberAnotherLifeAndDifferThenNothingIsRestoredBeforeTheFirstEpoch() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    cluster
        .members
        .values()
        .forEach(m -> m.disk.remember(new io.virtquorum.fingerprint.Position(9, 9)));
    cluster.member(1).disk.rot("data", "rot");
    cluster.member(1).disk.readAll();
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("RecordOlder")).isTrue();
    assertThat(cluster.member(1).disk.contents()).containsEntry("data", "rot");
  }

  @Test
  void
      givenAnEditBetweenAcceptingAndTheFirstCommitThenNobodyHoldsTheStateBeforeItForTheCommitted() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    cluster.member(2).disk.write("index.html", "own 2");
    cluster.config = cluster.bootstrapFrom("web-0");
    cluster.lead();
    cluster.until("web-1 is proven", LONG, () -> cluster.member(0).disk.memory.isPresent());
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("committed", LONG, () -> cluster.epoch() >= 1);
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenRotOnTheChosenOneBeforeTheFirstCommitThenNobodyGetsItUntilAPersonWroteItAnew() {
    SimulatedCluster cluster = SimulatedCluster.of(2);
    cluster.member(1).disk.write("index.html", "own 1");
    cluster.config = cluster.bootstrapFrom("web-0");
    cluster.lead();
    cluster.member(1).crash();
    cluster.until("web-0 is proven", LONG, () -> cluster.member(0).disk.memory.isPresent());
    cluster.member(0).rot("data");
    cluster.member(0).audit();
    cluster.run(LONG);
    cluster.member(1).boot(cluster.leader());
    cluster.run(LONG);
    assertThat(cluster.leader().holds("RotWithoutDonor")).isTrue();
    assertThat(cluster.epoch()).isZero();
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "own 1");
    cluster.member(0).write("data", "written anew", true);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("data", "written anew");
  }

  @Test
  void givenOneMemberWhoseFileRottedInAnotherLifeThenNoNewMemberGetsTheRot() {
    SimulatedCluster cluster = rottedInAnotherLife(1, "rot");
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("RotWithoutDonor")).isTrue();
    assertThat(cluster.epoch()).isZero();
    cluster.member(0).write("data", "written anew", true);
    cluster.untilInSync();
  }

  @Test
  void givenAFileThatRottedIntoWhatAllOthersHaveThenItsStateIsTheFirst() {
    SimulatedCluster cluster = rottedInAnotherLife(2, "alike");
    cluster.member(1).disk.write("data", "alike");
    cluster.lead();
    cluster.untilInSync();
    assertThat(cluster.epoch()).isEqualTo(1);
  }

  @Test
  void givenOneMemberThenItsStateIsCommittedAndItsRotIsReported() {
    SimulatedCluster cluster = SimulatedCluster.inSync(1);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(0).rot("data");
    cluster.member(0).audit();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("RotWithoutDonor")).isTrue();
  }

  @Test
  void givenANewMemberWhenTheSpecNamesItThenItIsBroughtAlongAndCountsOnceItHoldsTheState() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    SimulatedMember late = cluster.add("web-3");
    late.disk.write("index.html", "its own");
    late.attach(cluster.leader());
    cluster.configure(
        cluster.config.withMembers(Map.of("web-0", 1, "web-1", 1, "web-2", 1, "web-3", 1)));
    cluster.run(Duration.ofSeconds(3));
    assertThat(cluster.record.members()).doesNotContainKey("web-3");
    cluster.untilInSync();
    assertThat(cluster.record.members()).containsKey("web-3");
    assertThat(late.disk.archives("index.html", "its own")).isTrue();
  }

  @Test
  void givenTheCommittedStateOnTwoOfThreeThenTheSecondHolderMayNotLeaveBeforeTheThirdHoldsIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).crash();
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.configure(cluster.config.withMembers(Map.of("web-0", 1, "web-2", 1)));
    cluster.run(LONG);
    assertThat(cluster.record.members()).containsKey("web-1");
    assertThat(cluster.leader().holds("MembershipWaits")).isTrue();
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.members()).doesNotContainKey("web-1");
  }

  @Test
  void givenObserveModeThenNothingIsTouched() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.configure(cluster.config.withObserve(true));
    cluster.member(1).write("index.html", "stray", false);
    cluster.member(2).rot("data");
    cluster.member(2).audit();
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "stray");
    assertThat(cluster.members.values()).allMatch(m -> m.disk.archive.isEmpty());
    cluster.configure(cluster.config.withObserve(false));
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v2");
  }

  /** The first member remembers a former life, in which a file of its rotted. */
  private static SimulatedCluster rottedInAnotherLife(int members, String into) {
    SimulatedCluster cluster = SimulatedCluster.of(members);
    cluster.member(0).disk.remember(new io.virtquorum.fingerprint.Position(9, 9));
    cluster.member(0).disk.rot("data", into);
    cluster.member(0).disk.readAll();
    return cluster;
  }

  private static SimulatedCluster threeThatDiffer() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    for (int i = 0; i < 3; i++) {
      cluster.member(i).disk.write("index.html", "own " + i);
    }
    return cluster;
  }
}
