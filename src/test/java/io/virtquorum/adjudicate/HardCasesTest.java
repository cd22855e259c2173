package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.vote.VotingRule;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The cases that broke an earlier draft of the rules. */
final class HardCasesTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenAUserWhoDisconnectsRightAfterTheWriteThenTheWriteStillWins() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).sessions = 1;
    cluster.member(0).write("index.html", "v2", true);
    cluster.member(0).sessions = 0;
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.record.primary()).contains("web-0");
  }

  @Test
  void givenAnIdleSessionOnAnotherMemberThenItNeitherLeadsNorWeighsMore() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).sessions = 1;
    cluster.run(LONG);
    assertThat(cluster.record.primary()).contains("web-0");
    assertThat(cluster.leader().assessment.get().weightOf("web-1")).isEqualTo(1);
    cluster.member(0).write("data", "by a job", false);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("data", "by a job");
  }

  @Test
  void givenAUserWhoWritesOnAnotherMemberWhileNobodyIsAtThePrimaryThenThatMemberLeads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).sessions = 1;
    cluster.member(1).write("index.html", "v2", true);
    cluster.until("web-1 leads", LONG, () -> cluster.record.isPrimary("web-1"));
    cluster.untilInSync();
    assertThat(cluster.record.tenure()).isEqualTo(2);
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.leader().state.news().lastFailover().get().why())
        .isEqualTo("its users work there, and none at web-0");
  }

  @Test
  void givenUsersOnTwoOtherMembersThenNeitherLeadsAndWhatTheyWroteIsArchived() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).write("index.html", "theirs 1", true);
    cluster.member(2).write("index.html", "theirs 2", true);
    cluster.run(Duration.ofSeconds(10));
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-0");
    assertThat(cluster.member(1).disk.archives("index.html", "theirs 1")).isTrue();
    assertThat(cluster.member(2).disk.archives("index.html", "theirs 2")).isTrue();
  }

  @Test
  void givenAUserOnThePrimaryAndOneElsewhereThenThePrimarysWinsAndTheOthersIsArchived() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).sessions = 1;
    cluster.member(1).write("index.html", "theirs", true);
    cluster.run(Duration.ofSeconds(10));
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-0");
    assertThat(cluster.member(1).disk.archives("index.html", "theirs")).isTrue();
  }

  @Test
  void givenALeaderChangeWhileThePrimaryHasAnUncommittedWriteThenTheWriteIsCommitted() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "v2", true);
    cluster.lead();
    cluster.lead();
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenAMemberThatVerifiedTheNewRootWhenThePrimaryDiesBeforeItIsRecordedThenItIsKept() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until(
        "web-1 or web-2 holds it", LONG, () -> accepted(cluster, 1) || accepted(cluster, 2));
    cluster.member(0).crash();
    cluster.lead();
    cluster.leader().receive(new Event.Died("web-0"));
    cluster.until("a new primary", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    for (int i = 0; i < 3; i++) {
      assertThat(cluster.member(i).disk.contents()).containsEntry("index.html", "v2");
    }
  }

  @Test
  void givenTwoMembersWhenOneServedAloneForDaysAndRebootedThenTheReturningOneFollowsIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(0).crash();
    cluster.until("web-1 leads", LONG, () -> cluster.record.isPrimary("web-1"));
    cluster.member(1).write("index.html", "days later", true);
    cluster.run(Duration.ofHours(1));
    cluster.member(1).crash();
    cluster.run(LONG);
    cluster.member(1).boot(cluster.leader());
    cluster.run(LONG);
    cluster.member(1).write("data", "after its reboot", true);
    cluster.run(LONG);
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents())
        .containsEntry("index.html", "days later")
        .containsEntry("data", "after its reboot");
    assertThat(cluster.record.primary()).contains("web-1");
  }

  @Test
  void givenABackgroundJobThatWritesOnThePrimaryThenItCountsThoughNobodyIsThere() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("log", "rotated", false);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("log", "rotated");
  }

  @Test
  void givenTwoEmptyClonesAndAFullMemberThenNobodyIsEmptiedWithoutAPersonsWord() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    for (int i = 1; i < 3; i++) {
      cluster.member(i).disk.write("index.html", null);
      cluster.member(i).disk.write("data", null);
    }
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.leader().holds("BootstrapNeeded")).isTrue();
    assertThat(cluster.member(0).disk.contents()).hasSize(2);
    cluster.configure(cluster.bootstrapFrom("web-0"));
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v1");
  }

  @Test
  void givenASilentPrimaryAndAJobThatRanOnAllThenTheOthersGoBackToCUntilThePrimarySpeaks() {
    SimulatedCluster cluster = SimulatedCluster.inSync(5);
    cluster.member(0).detach();
    for (int i = 1; i < 4; i++) {
      cluster.member(i).write("index.html", "agreed", false);
    }
    cluster.run(LONG);
    assertThat(cluster.leader().holds("MajorityDisagrees")).isFalse();
    assertThat(cluster.member(1).disk.archives("index.html", "agreed")).isTrue();
    assertThat(cluster.record.primary()).contains("web-0");
    cluster.member(0).write("index.html", "agreed", false);
    cluster.member(0).attach(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.epoch()).isEqualTo(2);
    assertThat(cluster.member(4).disk.contents()).containsEntry("index.html", "agreed");
  }

  @Test
  void givenOneMemberLeftThatHoldsTheCommittedStateThenItRestoresTheOthers() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).wipe();
    cluster.member(2).wipe();
    cluster.run(LONG);
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-1");
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(2).disk.contents()).containsEntry("data", "d1");
  }

  @Test
  void givenACompareOnlyFeatureThatDiffersForGoodThenItIsToldAndNothingElseStops() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    Output old = new Output(new Digest(9, 9, 9, 9), "6.1", Output.Kind.COMPARED);
    Output now = new Output(new Digest(1, 1, 1, 1), "6.12", Output.Kind.COMPARED);
    cluster.member(0).outputs.put("kernel", now);
    cluster.member(1).outputs.put("kernel", now);
    cluster.member(2).outputs.put("kernel", old);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    Assessment assessment = cluster.leader().assessment.get();
    assertThat(assessment.outputs().get("kernel")).containsEntry(old, java.util.List.of("web-2"));
    assertThat(assessment.holds()).isEmpty();
  }

  @Test
  void givenWeightsThreeOneOneThenAHeavyPrimaryCommitsNothingAloneAndALightOneStillLeads() {
    SimulatedCluster cluster = SimulatedCluster.weighing(3, 1, 1);
    cluster.lead();
    cluster.untilInSync();
    cluster.member(1).crash();
    cluster.member(2).crash();
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
    cluster.member(1).boot(cluster.leader());
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
    cluster.member(0).crash();
    cluster.until("a light one leads", LONG, () -> !cluster.record.isPrimary("web-0"));
    SimulatedMember light = cluster.member(cluster.record.primary().get());
    light.write("index.html", "v3", true);
    cluster.until("epoch 3", LONG, () -> cluster.epoch() == 3);
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v3");
  }

  @Test
  void givenALaggingMemberThenItIsNotPulledToAndFroBetweenTheCommittedAndTheNextState() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.maxWork = 3000;
    for (int i = 0; i < 20; i++) {
      cluster.member(0).write("index.html", "n" + i, true);
      cluster.run(Duration.ofSeconds(5));
    }
    cluster.untilInSync();
    SimulatedMember lagging = cluster.member(2);
    for (int i = 1; i < 20; i++) {
      String older = "n" + (i - 1);
      // It never went back: once it held n(i), no later verdict brought an older one.
      assertThat(positions(lagging)).isSorted();
      assertThat(lagging.disk.contents().get("index.html")).isNotEqualTo(older);
    }
    assertThat(lagging.pulls).isLessThanOrEqualTo(21);
  }

  @Test
  void givenMembersRelabelledAwayThenTheyLeaveOneAtATimeAndNeverBelowAMajorityOfHolders() {
    SimulatedCluster cluster = SimulatedCluster.inSync(5);
    cluster.member(3).crash();
    cluster.run(Duration.ofSeconds(2));
    cluster.configure(cluster.config.withMembers(Map.of("web-0", 1, "web-3", 1)));
    for (int i = 0; i < 600; i++) {
      cluster.run(Duration.ofMillis(100));
      long holders =
          cluster.record.members().keySet().stream()
              .filter(m -> cluster.holdsCommitted(cluster.member(m)) && cluster.member(m).powered)
              .count();
      assertThat(holders).isGreaterThanOrEqualTo(cluster.record.majority());
    }
    cluster.member(3).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.members().keySet()).containsExactly("web-0", "web-3");
  }

  @Test
  void givenThreeMembersWithOneDownWhenTwoJoinThenAllFiveCountOnceTheyHoldTheState() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).crash();
    for (String name : java.util.List.of("web-3", "web-4")) {
      cluster.add(name).attach(cluster.leader());
    }
    cluster.configure(
        cluster.config.withMembers(
            Map.of("web-0", 1, "web-1", 1, "web-2", 1, "web-3", 1, "web-4", 1)));
    cluster.until("five members", LONG, () -> cluster.record.members().size() == 5);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(4).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenXYZXUnderAtLeastHalfThenTheResultIsTheSameInEveryOrder() {
    for (String order : java.util.List.of("XYZX", "XXYZ", "YXZX", "ZYXX", "XYXZ")) {
      SimulatedCluster cluster = SimulatedCluster.of(4);
      cluster.config =
          cluster
              .bootstrapVote()
              .withVoting(
                  new Config.Voting(
                      Authority.RECORD, VotingRule.AT_LEAST_HALF, OptionalInt.empty()));
      for (int i = 0; i < 4; i++) {
        cluster.member(i).disk.write("index.html", order.substring(i, i + 1));
      }
      cluster.lead();
      // Four members have the committed state as a witness; before the first epoch there is none,
      // so X has 2 of 5 votes, less than half, in whatever order they come.
      cluster.run(LONG);
      assertThat(cluster.leader().holds("BootstrapTied")).as(order).isTrue();
      // Nor is the most of any enough: the first epoch's vote takes a majority by count as well.
      cluster.configure(
          cluster.config.withVoting(
              new Config.Voting(Authority.RECORD, VotingRule.PLURALITY, OptionalInt.empty())));
      cluster.run(LONG);
      assertThat(cluster.leader().holds("BootstrapTied")).as(order).isTrue();
      cluster.configure(cluster.bootstrapFrom("web-" + order.indexOf('X')));
      cluster.untilInSync();
      assertThat(cluster.member(1).disk.contents()).as(order).containsEntry("index.html", "X");
    }
  }

  @Test
  void givenAPrimaryThatComesBackWithARolledBackDiskThenAHolderLeadsAndItFollows() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    SimulatedDisk snapshot = cluster.member(0).disk.copy();
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    cluster.member(0).crash();
    cluster.member(0).disk = snapshot;
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.isPrimary("web-0")).isFalse();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenAPrimaryWhoseDiskDidNotMountThenTheEmptyTreeIsNoDeletion() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    SimulatedDisk real = cluster.member(0).disk;
    cluster.member(0).crash();
    cluster.member(0).disk = new SimulatedDisk();
    cluster.member(0).boot(cluster.leader());
    cluster.run(Duration.ofSeconds(3));
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v1");
    cluster.until("another leads", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.member(0).crash();
    cluster.member(0).disk = real;
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("data", "d1");
  }

  @Test
  void givenAUserWhoDeletesEverythingOnThePrimaryThenThatWinsAndIsRestorable() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", null, true);
    cluster.member(0).write("data", null, true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    for (int i = 1; i < 3; i++) {
      assertThat(cluster.member(i).disk.contents()).isEmpty();
      assertThat(cluster.member(i).disk.archives("index.html", "v1")).isTrue();
      assertThat(cluster.member(i).disk.archives("data", "d1")).isTrue();
    }
  }

  @Test
  void givenATotalOutageThenTheRecordedPrimaryGoesOnWithWhatItHadNotCommitted() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "v2", true);
    for (int i = 0; i < 3; i++) {
      cluster.member(i).powered = false;
      cluster.member(i).detach();
    }
    cluster.lead();
    cluster.run(LONG);
    for (int i = 0; i < 3; i++) {
      cluster.member(i).boot(cluster.leader());
    }
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains("web-0");
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenATotalOutageWithoutThePrimaryThenTheNewestRememberedStateLeads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(5);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("web-3 or web-4 too", LONG, () -> accepted(cluster, 3) || accepted(cluster, 4));
    for (int i = 0; i < 5; i++) {
      cluster.member(i).crash();
    }
    cluster.lead();
    cluster.run(LONG);
    for (int i = 1; i < 5; i++) {
      cluster.member(i).boot(cluster.leader());
    }
    cluster.run(Duration.ofSeconds(5));
    cluster.leader().receive(new Event.Died("web-0"));
    cluster.until("another leads", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.run(LONG);
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenATotalOutageAfterWhichOnlyOlderStatesReturnThenNothingLeadsWithoutAPersonsWord() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).crash();
    cluster.run(Duration.ofSeconds(2));
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(1).crash();
    cluster.member(0).crash();
    cluster.member(2).boot(cluster.leader());
    cluster.run(LONG);
    assertThat(cluster.leader().holds("NoSuccessor")).isTrue();
    assertThat(cluster.record.primary()).isNotEqualTo(Optional.of("web-2"));
    cluster.member(1).boot(cluster.leader());
    cluster.until("web-1 leads", LONG, () -> cluster.record.isPrimary("web-1"));
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
  }

  private static java.util.List<Position> positions(SimulatedMember member) {
    return member.remembered;
  }

  private static boolean accepted(SimulatedCluster cluster, int member) {
    return cluster
        .member(member)
        .disk
        .memory
        .filter(m -> m.remembered().position().equals(new Position(1, 2)))
        .isPresent();
  }
}
