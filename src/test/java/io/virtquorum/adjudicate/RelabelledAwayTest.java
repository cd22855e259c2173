package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Hard cases of members that a person relabelled away: they are members until the record says so.
 */
final class RelabelledAwayTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenThePrimaryWithAWriteThatNobodyElseHasThenTheOthersGetItBeforeItLeaves() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until(
        "it is known", LONG, () -> cluster.leader().state.news().exposedSince().isPresent());
    cluster.configure(cluster.config.withMembers(Map.of("web-1", 1, "web-2", 1)));
    cluster.untilInSync();
    assertThat(cluster.epoch()).isEqualTo(2);
    assertThat(cluster.record.primary().orElseThrow()).isIn("web-1", "web-2");
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v2");
  }

  @Test
  void givenThePrimaryOfTwoAndAnotherThatDriftedThenThatIsRepairedFromItAndLeads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).write("index.html", "nobody's", false);
    cluster.until("it is known", LONG, () -> !isSteady(cluster, "web-1"));
    cluster.configure(cluster.config.withMembers(Map.of("web-1", 1)));
    cluster.untilInSync();
    assertThat(cluster.record.members().keySet()).containsExactly("web-1");
    assertThat(cluster.record.primary()).contains("web-1");
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(1).disk.archives("index.html", "nobody's")).isTrue();
  }

  @Test
  void givenOneOfTwoThatDriftedThenItIsRepairedAndLeaves() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).write("index.html", "nobody's", false);
    cluster.until("it is known", LONG, () -> !isSteady(cluster, "web-1"));
    cluster.configure(cluster.config.withMembers(Map.of("web-0", 1)));
    assertThat(cluster.leader().holds("MembershipWaits")).isTrue();
    cluster.untilInSync();
    assertThat(cluster.record.members().keySet()).containsExactly("web-0");
    assertThat(cluster.member(1).disk.archives("index.html", "nobody's")).isTrue();
    assertThat(cluster.leader().holds("MembershipWaits")).isFalse();
  }

  @Test
  void givenOneOfTwoWhoseVmIsDeletedThenTheOtherIsAClusterOfOneAndGoesOn() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).crash();
    cluster.configure(cluster.config.withMembers(Map.of("web-0", 1)));
    cluster.until("one member", LONG, () -> cluster.record.members().size() == 1);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
  }

  @Test
  void givenAllMembersForNewOnesThenTheStateMovesToThemAndOneOfThemLeads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    Map<String, Integer> next = Map.of("web-3", 1, "web-4", 1, "web-5", 1);
    for (String name : new TreeMap<>(next).keySet()) {
      cluster.add(name).wipe();
      cluster.member(name).attach(cluster.leader());
    }
    cluster.member(0).write("index.html", "v2", true);
    cluster.configure(cluster.config.withMembers(next));
    cluster.untilInSync();
    assertThat(cluster.record.members()).isEqualTo(next);
    assertThat(cluster.member("web-5").disk.contents()).containsKey("data");
  }

  private static boolean isSteady(SimulatedCluster cluster, String name) {
    return cluster.leader().assessment.orElseThrow().classOf(name) == MemberClass.STEADY;
  }
}
