package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.vote.VotingRule;
import java.time.Duration;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/**
 * The original method, {@code voting.authority: Votes}: what it does well, and what it costs beside
 * the record.
 */
final class VotesAloneTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenOneThatDiffersThenTheMajorityRepairsIt() {
    SimulatedCluster cluster = votesAlone(3);
    cluster.member(2).write("index.html", "stray", false);
    cluster.run(Duration.ofSeconds(20));
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(2).disk.archives("index.html", "stray")).isTrue();
  }

  @Test
  void givenAConnectedUserThenTheirMemberOutvotesTheOthers() {
    SimulatedCluster cluster = votesAlone(3);
    cluster.member(2).sessions = 1;
    cluster.member(2).write("index.html", "v2", true);
    cluster.run(Duration.ofSeconds(30));
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.epoch()).isEqualTo(2);
  }

  @Test
  void givenTwoThatChangeAlikeThenTheyWinThoughTheyAreNotThePrimary() {
    SimulatedCluster cluster = votesAlone(3);
    cluster.member(1).write("index.html", "v2", false);
    cluster.member(2).write("index.html", "v2", false);
    cluster.run(Duration.ofSeconds(30));
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenAUserWhoDisconnectsRightAfterTheWriteThenTheWriteIsLostToTheArchive() {
    SimulatedCluster cluster = votesAlone(3);
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(Duration.ofSeconds(30));
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(0).disk.archives("index.html", "v2")).isTrue();
  }

  @Test
  void givenThreeThatDifferThenNobodyIsTouched() {
    SimulatedCluster cluster = votesAlone(3);
    for (int i = 0; i < 3; i++) {
      cluster.member(i).write("index.html", "own " + i, false);
    }
    cluster.run(LONG);
    assertThat(cluster.leader().holds("NoMajority")).isTrue();
    assertThat(cluster.members.values()).allMatch(m -> m.disk.archive.isEmpty());
  }

  @Test
  void givenThePrimaryDiesThenAnotherLeadsAsUnderTheRecord() {
    SimulatedCluster cluster = votesAlone(3);
    cluster.member(0).crash();
    cluster.until("another leads", LONG, () -> !cluster.record.isPrimary("web-0"));
    cluster.member(0).boot(cluster.leader());
    cluster.untilInSync();
  }

  private static SimulatedCluster votesAlone(int members) {
    SimulatedCluster cluster = SimulatedCluster.of(members);
    cluster.config =
        cluster.config.withVoting(
            new Config.Voting(Authority.VOTES, VotingRule.STRICT_MAJORITY, OptionalInt.empty()));
    cluster.invariants.primaryMayLose = true;
    cluster.lead();
    cluster.untilInSync();
    return cluster;
  }
}
