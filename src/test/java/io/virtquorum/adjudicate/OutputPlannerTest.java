package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The output of a command as a unit of its own (design, rule 1). */
final class OutputPlannerTest {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final String PACKAGES = "packages";

  @Test
  void givenTwoThatDifferFromThePrimaryThenThePrimarysOutputWins() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).says(PACKAGES, 2);
    cluster.member(2).says(PACKAGES, 2);
    cluster.untilInSync();
    assertThat(cluster.member(0).outputs).isEqualTo(says(1));
    assertThat(cluster.member(1).outputs).isEqualTo(says(1));
    assertThat(cluster.leader().said("Repaired")).isEqualTo(2);
    assertThat(cluster.epoch()).as("outputs have no epochs").isEqualTo(1);
  }

  @Test
  void givenANewOutputOnThePrimaryThenTheOthersGetItAndThePrimaryIsNeverAsked() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).says(PACKAGES, 5);
    cluster.untilInSync();
    for (int i = 0; i < 3; i++) {
      assertThat(cluster.member(i).outputs).isEqualTo(says(5));
    }
  }

  @Test
  void givenARepairThenItsSentenceSaysWhoHadWhatByHowManyVotes() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).says(PACKAGES, 2);
    cluster.untilInSync();
    assertThat(cluster.leader().told)
        .filteredOn(t -> t.reason().equals("Repaired"))
        .extracting(Command.Tell::message)
        .singleElement()
        .asString()
        .startsWith(
            "web-1 was repaired from web-0: web-0 and web-2 have 0000 as output of packages"
                + " (5 of 6 votes), web-1 had 0000. 1 row, 10 bytes");
  }

  @Test
  void givenACommandThatFailedOnOneThenItHasNoVoteAndIsToldAndLeftAlone() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).fails(PACKAGES);
    cluster.member(2).says(PACKAGES, 2);
    cluster.run(LONG);
    Assessment assessment = cluster.leader().assessment.orElseThrow();
    assertThat(cluster.member(1).outputs.get(PACKAGES).kind()).isEqualTo(Output.Kind.FAILED);
    assertThat(cluster.member(2).outputs).isEqualTo(says(1));
    assertThat(cluster.leader().said("Repaired")).isEqualTo(1);
    assertThat(assessment.outputs().get(PACKAGES))
        .containsEntry(cluster.member(1).outputs.get(PACKAGES), List.of("web-1"));
    assertThat(assessment.holds()).isEmpty();
  }

  @Test
  void givenACommandThatFailedOnThePrimaryThenNobodyElseIsRightEither() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).fails(PACKAGES);
    cluster.member(2).says(PACKAGES, 2);
    cluster.run(LONG);
    assertThat(cluster.leader().said("Repaired")).isZero();
    assertThat(cluster.member(2).outputs).isEqualTo(says(2));
  }

  @Test
  void givenACommandThatFailsEverywhereThenThatIsTold() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.members.values().forEach(m -> m.fails(PACKAGES));
    cluster.run(Duration.ofMinutes(1));
    assertThat(cluster.leader().assessment.orElseThrow().outputs().get(PACKAGES).values())
        .containsExactly(List.of("web-0", "web-1", "web-2"));
  }

  @Test
  void givenNoEpochYetThenNothingIsRepaired() {
    SimulatedCluster cluster = SimulatedCluster.of(3);
    cluster.member(1).disk.write("index.html", "other");
    cluster.member(2).says(PACKAGES, 2);
    cluster.lead();
    cluster.run(LONG);
    assertThat(cluster.epoch()).isZero();
    assertThat(cluster.member(2).outputs).isEqualTo(says(2));
  }

  @Test
  void givenModeObserveThenItIsToldAndNothingIsRepaired() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    Config repair = cluster.config;
    cluster.configure(repair.withObserve(true));
    cluster.member(2).says(PACKAGES, 2);
    cluster.run(LONG);
    assertThat(cluster.member(2).outputs).isEqualTo(says(2));
    assertThat(cluster.leader().assessment.orElseThrow().outputs()).containsKey(PACKAGES);
    cluster.configure(repair);
    cluster.untilInSync();
  }

  @Test
  void givenAnApplyThatFailsThenItIsTriedMoreAndMoreSeldomAndFilesDoNotWaitForIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).failApplies = Integer.MAX_VALUE;
    cluster.member(1).says(PACKAGES, 2);
    cluster.run(LONG);
    long tries = cluster.leader().said("GuestCommandFailed");
    assertThat(tries).isBetween(8L, 12L);
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", Duration.ofSeconds(20), () -> cluster.epoch() == 2);
    cluster.until(
        "the files are repaired",
        Duration.ofSeconds(20),
        () -> cluster.member(1).disk.contents().containsValue("v2"));
    assertThat(cluster.member(1).outputs).isEqualTo(says(2));
    cluster.member(1).failApplies = 0;
    cluster.untilInSync();
  }

  @Test
  void givenAnOutputThatIsAlwaysAnotherThenItIsNotAskedForAllTheTime() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    for (int i = 1; i <= 300; i++) {
      int now = i;
      cluster.members.values().forEach(m -> m.says(PACKAGES, 1000 * now + m.name.hashCode()));
      cluster.run(Duration.ofSeconds(1));
    }
    assertThat(cluster.leader().state.work().counter()).isLessThan(150);
  }

  private static Map<String, Output> says(int what) {
    var digest = new Digest(what, what, what, what);
    return Map.of(PACKAGES, new Output(digest, "", Output.Kind.REPAIRABLE));
  }
}
