package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.members;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 15: who counts, from when on, and who has to stay a while. */
final class MembershipTest {
  private static final Duration SETTLED = Duration.ofSeconds(7);
  private static final Change EDIT = written(PAGE, PAGE_1, OTHER);

  @Test
  void givenTwoNewWeightsThenTheyAreRecordedOneAfterTheOther() {
    Decider decider = Decider.steady();
    spec(decider, members(1, 2, 3));
    assertThat(decider.ordered(Command.Write.class))
        .extracting(write -> write.record().members())
        .containsExactly(members(1, 2, 1), members(1, 2, 3));
  }

  @Test
  void givenASpecThatIsTheRecordThenNothingIsWrittenAndNothingWaits() {
    Decider decider = Decider.steady();
    spec(decider, members(1, 1, 1));
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
    assertThat(decider.held("MembershipWaits")).isEmpty();
  }

  @Test
  void givenANewMemberThenItCountsOnceItHoldsTheCommittedState() {
    Decider decider = Decider.steady();
    spec(decider, members(1, 1, 1, 1));
    decider.votes(3, OTHER, Optional.empty(), 0, false);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1));
    // It is brought to the state all the same.
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    decider.holds(3);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1, 1));
  }

  @Test
  void givenANewMemberThatHoldsTheStateByChanceThenItCountsOnceItWasVerified() {
    Decider decider = Decider.steady();
    spec(decider, members(1, 1, 1, 1));
    decider.votes(3, C, Optional.of(new Remembered(new Position(0, 1), OTHER)), 0, false, EDIT);
    assertThat(decider.classOf(3)).isEqualTo(MemberClass.STEADY);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1));
    decider.holds(3);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1, 1));
  }

  @Test
  void givenTooFewSteadyMembersThenTheSpecWaitsAndTheSentenceHasTheNumbers() {
    Decider decider = Decider.three().holds(0);
    spec(decider, members(1, 1, 5));
    assertThat(decider.held("MembershipWaits").orElseThrow().message())
        .isEqualTo(
            "The members or weights of the spec differ from the record, and only 1 of 3 members are steady.");
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1));
    decider.holds(1);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 5));
    assertThat(decider.held("MembershipWaits")).isEmpty();
  }

  @Test
  void givenAMemberThatTheSpecNoLongerNamesThenItLeaves() {
    Decider decider = Decider.steady();
    spec(decider, members(1, 1));
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1));
    assertThat(decider.held("MembershipWaits")).isEmpty();
  }

  @Test
  void givenAFormerPrimaryThatTheSpecDropsWhenItReturnsThenWhatItsUsersWroteIsStillTheirs() {
    Decider decider = Decider.steady().changed(0, OTHER, true, EDIT).later(SETTLED).died(0);
    assertThat(decider.held("FormerPrimaryAway")).isPresent();
    spec(decider, Map.of("web-1", 1, "web-2", 1));
    assertThat(decider.state.record().members()).containsOnlyKeys("web-1", "web-2");
    assertThat(decider.held("FormerPrimaryAway")).isEmpty(); // nobody waits for it any more
    // It returns in a new pod, which knows nothing of users.
    spec(decider, members(1, 1, 1));
    decider.forget().changed(0, OTHER, false, EDIT);
    assertThat(decider.why(0)).isEqualTo("site:index.html changed on the former primary");
    decider.later(SETTLED).serves(Decider.MATRIX);
    assertThat(decider.newest(Command.Pull.class).archive().attributed()).isTrue();
    decider.holds(0);
    assertThat(decider.state.record().members()).containsKey("web-0");
    assertThat(decider.state.record().departed()).isEmpty();
  }

  @Test
  void givenManyFormerPrimariesThatNeverReturnThenTheRecordKeepsTheLatest() {
    ClusterRecord record = Decider.steady().state.record();
    for (int tenure = 1; tenure <= 1_000; tenure++) {
      record = record.withDeparted("vm-" + tenure, new Departure(tenure, ""));
    }
    assertThat(record.departed()).hasSize(100).containsKeys("vm-901", "vm-1000");
  }

  @Test
  void givenManyPrimariesThenTheRecordKnowsWhenTheLatestOfThemLed() {
    ClusterRecord record = Decider.steady().state.record();
    for (int tenure = 2; tenure <= 1_000; tenure++) {
      record = record.withPrimary("vm-" + tenure, Optional.empty(), 0);
    }
    assertThat(record.led())
        .hasSize(100)
        .containsEntry("vm-900", 900L)
        .containsEntry("vm-999", 999L);
  }

  @Test
  void givenAMemberThatHoldsAnotherStateThenItLeavesWithoutBeingMissed() {
    Decider decider = Decider.steady().changed(2, OTHER, false, EDIT);
    spec(decider, members(1, 1));
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1));
  }

  @Test
  void givenOneOfTheLastTwoHoldersThenItStaysUntilAnotherHoldsTheState() {
    Decider decider = Decider.steady().changed(1, OTHER, false, EDIT);
    spec(decider, members(1, 1));
    Hold hold = decider.held("MembershipWaits").orElseThrow();
    assertThat(hold.message())
        .isEqualTo("web-2 stays for now: without it only 1 of 2 members would be steady.");
    assertThat(hold.needsAPerson()).isFalse();
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1));
    decider.holds(1);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1));
  }

  @Test
  void givenTheLastTwoMembersThenOneLeavesAndThePrimaryIsAClusterOfOne() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1);
    spec(decider, members(1));
    assertThat(decider.state.record().members()).isEqualTo(members(1));
  }

  @Test
  void givenTheOtherOfTwoLeavesAndDiffersThenItIsRepairedFirstAndTheHoldEndsByItself() {
    Decider decider =
        Decider.weighing(1, 1).holds(0).holds(1).forget().changed(1, OTHER, false, EDIT);
    spec(decider, members(1));
    assertThat(decider.held("MembershipWaits").orElseThrow().needsAPerson()).isFalse();
    decider.later(Duration.ofSeconds(7));
    assertThat(decider.ordered(Command.Serve.class))
        .extracting(Command.Serve::puller)
        .containsExactly("web-1");
    decider.holds(1);
    assertThat(decider.state.record().members()).isEqualTo(members(1));
    assertThat(decider.held("MembershipWaits")).isEmpty();
  }

  @Test
  void givenModeObserveAndAMemberThatDiffersThenAPersonHasToEndIt() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1).changed(1, OTHER, false, EDIT);
    decider.configure(decider.config().withMembers(members(1)).withObserve(true));
    Hold hold = decider.held("MembershipWaits").orElseThrow();
    assertThat(hold.needsAPerson()).isTrue();
    assertThat(hold.until())
        .isEqualTo(
            "It ends when a person sets the mode to Repair: in mode Observe nobody is repaired.");
    decider.on(new Event.Detached("web-1"));
    assertThat(decider.held("MembershipWaits").orElseThrow().needsAPerson()).isFalse();
  }

  @Test
  void givenADeadMemberOfTwoThatTheSpecNoLongerNamesThenNobodyWaitsForIt() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1).died(1);
    spec(decider, members(1));
    assertThat(decider.state.record().members()).isEqualTo(members(1));
  }

  @Test
  void givenADeadMajorityThatTheSpecNoLongerNamesThenTheHolderThatIsLeftIsTheCluster() {
    Decider decider = Decider.steady().died(1).died(2);
    spec(decider, members(1));
    assertThat(decider.state.record().members()).isEqualTo(members(1));
  }

  @Test
  void givenADeadMemberOfTwoThatTheSpecStillNamesThenItIsWaitedFor() {
    Decider decider = Decider.weighing(1, 1).holds(0).holds(1).died(1);
    spec(decider, members(1, 5));
    assertThat(decider.held("MembershipWaits").orElseThrow().message())
        .endsWith("only 1 of 2 members are steady.");
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1));
  }

  @Test
  void givenADeadMemberThatLeavesAndARestThatDoesNotHoldTheStateThenItStays() {
    Decider decider = Decider.steady().changed(1, OTHER, false, EDIT).died(2);
    spec(decider, members(1, 1));
    assertThat(decider.held("MembershipWaits").orElseThrow().message())
        .endsWith("only 1 of 2 members are steady.");
    decider.holds(1);
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1));
  }

  @Test
  void givenNothingCommittedYetThenTheRecordNamesWhomTheSpecNames() {
    Decider decider = Decider.young();
    assertThat(decider.state.record().members()).isEqualTo(members(1, 1, 1));
    spec(decider, members(1, 4));
    assertThat(decider.state.record().members()).isEqualTo(members(1, 4));
    decider.votes(0, C, Optional.empty(), 0, false).votes(1, C, Optional.empty(), 0, false);
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  private static void spec(Decider decider, Map<String, Integer> members) {
    decider.configure(decider.config().withMembers(members));
  }
}
