package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.C_AT;
import static io.virtquorum.adjudicate.Decider.DATA;
import static io.virtquorum.adjudicate.Decider.DATA_1;
import static io.virtquorum.adjudicate.Decider.HOLDS_C;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.StaleProcess;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 8: who has a process that writes into what a repair replaced does not begin to lead. */
final class StaleTest {
  private static final StaleProcess NGINX = new StaleProcess(PAGE, 812, "nginx", "nginx.service");
  private static final Position NEXT = new Position(1, 2);
  private static final Matrix NEWER =
      Matrix.of(List.of(new Row(PAGE, OTHER), new Row(DATA, DATA_1)));

  @Test
  void givenAPrimaryThatDiesThenOneWithoutSuchAProcessLeads() {
    Decider decider = Decider.steady().writesInto(1, C_AT, C, NGINX);
    assertThat(decider.held("StaleProcess").orElseThrow())
        .isEqualTo(
            Hold.passing(
                "StaleProcess",
                "web-1 would not lead at once: nginx (process 812 of nginx.service) still has site:index.html open for writing as it was before a repair.",
                "It ends when that process closed the file (on web-1: systemctl restart nginx.service); an afterRepair command of the tree restarts it after each repair."));
    assertThat(decider.died(0).state.record().primary()).contains("web-2");
  }

  @Test
  void givenThatAllWhoCouldLeadHaveSuchAProcessThenItIsSaidAndItsEndIsWaitedFor() {
    Decider decider =
        Decider.steady().writesInto(1, C_AT, C, NGINX).writesInto(2, C_AT, C, NGINX, NGINX);
    decider.died(0).later(Duration.ofMinutes(10));
    assertThat(decider.state.record().primary()).contains("web-0");
    Hold hold = decider.held("StaleProcess").orElseThrow();
    assertThat(hold.message())
        .isEqualTo(
            "web-1 is to lead (web-0 is dead), and what users write there may be lost: nginx (process 812 of nginx.service) still has site:index.html open for writing as it was before a repair.");
    assertThat(hold.until())
        .isEqualTo(
            "It ends when that process closed the file (on web-1: systemctl restart nginx.service), when another member holds the same state, or when a person promotes web-1 all the same.");
    assertThat(hold.needsAPerson()).isTrue();
    assertThat(decider.holds(2).state.record().primary()).contains("web-2");
  }

  @Test
  void givenThatAPersonPromotesOneAllTheSameThenItLeads() {
    Decider decider = Decider.steady().writesInto(1, C_AT, C, NGINX).writesInto(2, C_AT, C, NGINX);
    decider.died(0);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().primary()).contains("web-1");
  }

  @Test
  void givenThatOnlyItHoldsTheNewestStateThenAnotherIsBroughtToItAndLeads() {
    Decider decider = newestIsHeldByOneThatDoesNotLead();
    decider.ended(Command.Pull.class, new Outcome.Done(1, 1, Duration.ZERO, ""));
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenThatTheRepairOfTheOtherLeavesSuchAProcessTooThenThatOneDoesNotLeadEither() {
    Decider decider = newestIsHeldByOneThatDoesNotLead();
    decider.ended(
        Command.Pull.class, new Outcome.Done(1, 1, Duration.ZERO, "entry", List.of(NGINX)));
    assertThat(decider.state.record().primary()).contains("web-0");
    decider.remembers(2, NEXT, NEWER.root());
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  /** web-1 holds what web-0 accepted before it died, and web-2 pulls it from there. */
  private static Decider newestIsHeldByOneThatDoesNotLead() {
    Decider decider =
        Decider.steady()
            .remembers(0, NEXT, NEWER.root())
            .writesInto(1, NEXT, NEWER.root(), NGINX)
            .forget();
    decider.on(new Event.Detached("web-2")).holds(2); // it failed to follow until now
    decider.died(0);
    assertThat(decider.state.record().primary()).contains("web-0");
    assertThat(decider.held("StaleProcess")).isPresent();
    return decider.serves(NEWER);
  }

  @Test
  void givenSuchAProcessOnThePrimaryThenItLeadsOnAndThatIsSaid() {
    Decider decider = Decider.steady().writesInto(0, C_AT, C, new StaleProcess(PAGE, 7, "", ""));
    assertThat(decider.state.record().primary()).contains("web-0");
    Hold hold = decider.held("StaleProcess").orElseThrow();
    assertThat(hold.message() + " " + hold.until())
        .isEqualTo(
            "What users write at the primary web-0 may be lost: a process (process 7) still has site:index.html open for writing as it was before a repair. It ends when that process closed the file (on web-0: restart process 7).");
    assertThat(hold.needsAPerson()).isTrue();
    assertThat(decider.holds(0).held("StaleProcess")).isEmpty();
  }

  @Test
  void givenUsersWhoWroteWhereSuchAProcessIsThenItDoesNotLeadAndIsNotRepairedUntilItEnded() {
    Decider decider = Decider.steady();
    var edit = written(PAGE, PAGE_1, OTHER);
    decider.writesInto(2, Optional.of(HOLDS_C), OTHER, List.of(edit), true, List.of(NGINX));
    decider.later(Duration.ofSeconds(6)).proves();
    assertThat(decider.state.record().primary()).contains("web-0");
    assertThat(decider.held("StaleProcess")).isPresent();
    assertThat(decider.ordered(Command.Serve.class)).isEmpty();
    decider.changed(2, OTHER, true, edit);
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenAPrimaryThatIsToLeaveThenOneWithoutSuchAProcessLeadsOn() {
    Decider decider = Decider.steady().writesInto(1, C_AT, C, NGINX);
    decider.configure(decider.config().withMembers(Map.of("web-1", 1, "web-2", 1)));
    assertThat(decider.state.record().primary()).contains("web-2");
  }

  @Test
  void givenAWriterThatIsNoProcessThenItIsSaidWhereToLook() {
    StaleProcess loop = new StaleProcess(PAGE, 0, "", "");
    assertThat(loop.words())
        .isEqualTo(
            "something that is no process still has site:index.html open for writing as it was before a repair");
    assertThat(loop.remedy()).isEqualTo("see what else uses the file (losetup, exportfs)");
    assertThat(new StaleProcess(PAGE, 7, "vi", "session-3.scope").remedy())
        .isEqualTo("restart process 7 of session-3.scope");
  }
}
