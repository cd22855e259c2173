package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A person's word: whoever is promoted leads, with what it holds at that moment. */
final class PromotionTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenASteadyMemberWhenAPersonPromotesItThenUsersAreLedThereAndNothingIsCopied() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    promote(cluster, "web-2");
    cluster.until("it leads", LONG, () -> cluster.record.isPrimary("web-2"));
    cluster.untilInSync();
    assertThat(cluster.record.tenure()).isEqualTo(2);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.members.values()).allMatch(m -> m.disk.archive.isEmpty());
    assertThat(cluster.leader().state.news().lastFailover().get().why())
        .isEqualTo("a person promoted it");
  }

  @Test
  void givenAMajorityThatDisagreesWhenAPersonPromotesOneOfThemThenTheirStateIsCommitted() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).write("index.html", "v2", false);
    cluster.member(2).write("index.html", "v2", false);
    cluster.run(LONG);
    assertThat(cluster.leader().holds("MajorityDisagrees")).isTrue();
    promote(cluster, "web-1");
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.member(0).disk.archives("index.html", "v1")).isTrue();
    assertThat(cluster.record.mandate()).isEmpty();
  }

  @Test
  void givenAMemberThatWasRestoredFromABackupWhenAPersonPromotesItThenItsOldStateIsTheNewOne() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    SimulatedDisk backup = cluster.member(2).disk.copy();
    cluster.member(0).write("index.html", "a mistake", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    cluster.configure(cluster.config.withObserve(true));
    cluster.member(2).crash();
    cluster.member(2).disk = backup;
    cluster.member(2).boot(cluster.leader());
    cluster.run(Duration.ofSeconds(3));
    cluster.configure(cluster.config.withObserve(false).withPromote(Optional.of("web-2")));
    cluster.until("epoch 3", LONG, () -> cluster.epoch() == 3);
    cluster.configure(cluster.config.withPromote(Optional.empty()));
    cluster.untilInSync();
    for (int i = 0; i < 3; i++) {
      assertThat(cluster.member(i).disk.contents()).containsEntry("index.html", "v1");
    }
    assertThat(cluster.member(0).disk.archives("index.html", "a mistake")).isTrue();
  }

  @Test
  void givenAFreshDiskWhenAPersonPromotesItThenThatIsWhatTheyGetAndTheRestIsArchived() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.configure(cluster.config.withObserve(true));
    cluster.member(1).wipe();
    cluster.member(1).write("index.html", "rebuilt by hand", true);
    cluster.run(Duration.ofSeconds(3));
    cluster.configure(cluster.config.withObserve(false).withPromote(Optional.of("web-1")));
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(0).disk.contents())
        .containsOnly(java.util.Map.entry("index.html", "rebuilt by hand"));
    assertThat(cluster.member(0).disk.archives("data", "d1")).isTrue();
  }

  @Test
  void givenAPromotionThatCameTrueWhenThePrimaryDiesLaterThenItDoesNotComeTrueAgain() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    promote(cluster, "web-2");
    cluster.until("it leads", LONG, () -> cluster.record.isPrimary("web-2"));
    cluster.configure(cluster.config.withPromote(Optional.empty())); // as the operator does
    cluster.member(2).crash();
    cluster.until("another leads", LONG, () -> !cluster.record.isPrimary("web-2"));
    String next = cluster.record.primary().get();
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.record.primary()).contains(next);
  }

  @Test
  void givenAMandateWhenTheLeaderChangesBeforeItIsAcceptedThenTheNextOneFollowsIt() {
    for (int pause = 0; pause < 400; pause += 20) {
      SimulatedCluster cluster = SimulatedCluster.inSync(3);
      cluster.member(1).write("index.html", "v2", false);
      cluster.run(Duration.ofSeconds(3));
      promote(cluster, "web-1");
      cluster.run(Duration.ofMillis(pause));
      if (cluster.record.isPrimary("web-1")) {
        cluster.config = cluster.config.withPromote(Optional.empty());
      }
      cluster.lead();
      cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
      cluster.untilInSync();
      assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
    }
  }

  @Test
  void givenAPromotionOfNobodyWhenThePrimaryDiesThenUsersAreLedToTheNextAllTheSame() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    promote(cluster, "web-9");
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).crash();
    cluster.until("another leads", LONG, () -> !cluster.record.isPrimary("web-0"));
    assertThat(cluster.leader().holds("PromotionUnknown")).isTrue();
  }

  @Test
  void givenAMemberThatIsNoneOrAwayThenThePersonIsToldWhatIsMissing() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    promote(cluster, "web-9");
    cluster.run(Duration.ofSeconds(2));
    assertThat(cluster.leader().holds("PromotionUnknown")).isTrue();
    cluster.member(2).crash();
    cluster.run(Duration.ofSeconds(1));
    promote(cluster, "web-2");
    cluster.run(Duration.ofSeconds(2));
    assertThat(cluster.leader().holds("PromotionWaits")).isTrue();
    assertThat(cluster.record.primary()).contains("web-0");
    cluster.member(2).boot(cluster.leader());
    cluster.until("it leads", LONG, () -> cluster.record.isPrimary("web-2"));
  }

  @Test
  void givenThatTheOnlyMemberIsLostThenAPersonMayPromoteOneThatWasToJoinAndTheOthersJoinIt() {
    Decider decider = Decider.weighing(1).holds(0);
    decider.configure(decider.config().withMembers(Decider.members(1, 1, 1)));
    decider.votes(1, OTHER, Optional.empty(), 0, false).votes(2, OTHER, Optional.empty(), 0, false);
    assertThat(decider.state.record().members()).containsOnlyKeys("web-0");
    decider.died(0);
    assertThat(decider.held("NoSuccessor").orElseThrow().until())
        .isEqualTo(
            "It ends when a member that holds the committed state returns, or a person promotes web-1 or web-2, not a member yet: what it holds is to be the state then.");

    decider.configure(decider.config().withPromote(Optional.of("web-2")));

    ClusterRecord record = decider.state.record();
    assertThat(record.members()).isEqualTo(Map.of("web-2", 1));
    assertThat(record.primary()).contains("web-2");
    assertThat(record.mandate()).contains(OTHER);
    decider.remembers(2, new Position(2, 1), OTHER);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(OTHER);
    decider.remembers(1, new Position(2, 1), OTHER);
    assertThat(decider.state.record().members()).containsOnlyKeys("web-1", "web-2");
  }

  @Test
  void givenThatOnlyAMemberThatLeavesIsLeftThenAPersonMayPromoteOneThatWasToJoin() {
    Decider decider = Decider.weighing(1, 1).holds(0).changed(1, OTHER, false);
    decider.configure(decider.config().withMembers(Map.of("web-2", 1)));
    decider.died(0).votes(2, OTHER, Optional.empty(), 0, false);
    decider.configure(decider.config().withPromote(Optional.of("web-2")));
    assertThat(decider.state.record().members()).isEqualTo(Map.of("web-2", 1));
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenAMemberThatLivesThenNobodyIsPromotedWhoIsNotAMemberYet() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withMembers(Decider.members(1, 1, 1, 1)));
    decider.died(0).died(1).votes(3, OTHER, Optional.empty(), 0, false);
    decider.configure(decider.config().withPromote(Optional.of("web-3")));
    assertThat(decider.held("PromotionUnknown").orElseThrow().until())
        .isEqualTo("Promote one of web-0, web-1, web-2.");
    assertThat(decider.state.record().isPrimary("web-3")).isFalse();
  }

  private static void promote(SimulatedCluster cluster, String name) {
    cluster.configure(cluster.config.withPromote(Optional.of(name)));
  }
}
