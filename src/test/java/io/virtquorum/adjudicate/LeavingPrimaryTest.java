package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 15, where the spec no longer names the primary: who leads on, and when. */
final class LeavingPrimaryTest {
  private static final Change EDIT = written(PAGE, PAGE_1, OTHER);
  private static final Map<String, Integer> OTHERS = Map.of("web-1", 1, "web-2", 1);

  @Test
  void givenThatAllHoldTheCommittedStateThenOneThatStaysLeadsAtOnceAndThePrimaryLeaves() {
    Decider decider = Decider.steady();
    spec(decider, OTHERS);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.state.record().tenure()).isEqualTo(2);
    assertThat(decider.state.record().mandate()).isEmpty();
    assertThat(decider.state.record().members()).isEqualTo(OTHERS);
    assertThat(decider.said("SwitchedOver"))
        .contains(
            "Users are led to web-1: the spec no longer names the primary web-0. It holds %s."
                .formatted(C.brief()));
    assertThat(decider.said("MembershipWaits")).isEmpty();
    assertThat(decider.state.news().lastFailover().orElseThrow().why())
        .isEqualTo("the spec no longer names the primary web-0");
  }

  @Test
  void givenTwoThatStayThenTheHeavierOneLeads() {
    Decider decider = Decider.weighing(1, 1, 2).holds(0).holds(1).holds(2);
    spec(decider, Map.of("web-1", 1, "web-2", 2));
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenAWriteOnThePrimaryThenItLeadsUntilThatIsCommitted() {
    Position next = new Position(1, 2);
    Decider decider = Decider.steady().changed(0, OTHER, false, EDIT);
    spec(decider, OTHERS);
    Hold hold = decider.held("MembershipWaits").orElseThrow();
    assertThat(hold.message())
        .isEqualTo("The spec no longer names the primary web-0: it stays until another leads.");
    assertThat(hold.until())
        .isEqualTo(
            "It ends when a member that stays holds the committed state, and web-0 nothing newer.");
    assertThat(hold.needsAPerson()).isFalse();
    decider.remembers(0, next, OTHER);
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.remembers(1, next, OTHER);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(OTHER);
    assertThat(decider.state.record().primary()).contains("web-1");
    decider.remembers(2, next, OTHER);
    assertThat(decider.state.record().members()).isEqualTo(OTHERS);
  }

  @Test
  void givenThatOnlyMembersThatLeaveTooHoldTheStateThenNoneOfThemLeads() {
    Decider decider = Decider.steady().changed(2, OTHER, false, EDIT);
    spec(decider, Map.of("web-2", 1));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.holds(2);
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.state.record().members()).isEqualTo(Map.of("web-2", 1));
  }

  @Test
  void givenThatAPersonPromotedItThenItLeadsUntilThatIsSettled() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withMembers(OTHERS).withPromote(Optional.of("web-0")));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.configure(decider.config().withPromote(Optional.empty()));
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenAPrimaryThatSaysNothingThenItIsNotKnownWhatItHoldsAndItStays() {
    Decider decider = Decider.steady().on(new Event.Detached("web-0"));
    spec(decider, OTHERS);
    assertThat(decider.state.record().primary()).contains("web-0");
    assertThat(decider.held("MembershipWaits")).isPresent();
    decider.died(0);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.state.record().members()).isEqualTo(OTHERS);
  }

  @Test
  void givenModeObserveThenNobodyElseLeadsAndAPersonIsTold() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withMembers(OTHERS).withObserve(true));
    Hold hold = decider.held("MembershipWaits").orElseThrow();
    assertThat(hold.needsAPerson()).isTrue();
    assertThat(hold.until())
        .isEqualTo("It ends when a person sets the mode to Repair, or the spec names it again.");
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.configure(decider.config().withObserve(false));
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  private static void spec(Decider decider, Map<String, Integer> members) {
    decider.configure(decider.config().withMembers(members));
  }
}
