package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 9: who waits for a commit where nothing changed hears that its member leads still. */
final class ConfirmationTest {
  private static final long NUMBER = 0x8000_0000_0000_0007L;

  @Test
  void givenAPrimaryThatAsksThenTheRecordIsReadAndItHearsWhatItAskedWith() {
    Decider decider = Decider.steady();
    ClusterRecord before = decider.state.record();
    decider.asks(0, NUMBER);
    assertThat(decider.newest(Command.Write.class).record()).isEqualTo(before);
    Command.Stand stand = decider.newest(Command.Stand.class);
    assertThat(stand.member()).isEqualTo("web-0");
    assertThat(stand.standing().confirmed()).isEqualTo(NUMBER);
    decider.forget().asks(0, NUMBER);
    assertThat(decider.commands).as("it was answered").isEmpty();
    decider.asks(0, NUMBER + 1);
    assertThat(decider.newest(Command.Stand.class).standing().confirmed()).isEqualTo(NUMBER + 1);
  }

  @Test
  void givenALeaderThatMissedThatAnotherMemberLeadsThenNothingIsConfirmed() {
    Decider decider = Decider.steady();
    Event asks = new Event.Voted("web-0", decider.asking(NUMBER), Optional.empty());
    Step asked = Adjudicator.step(decider.state, asks, decider.now);
    assertThat(asked.commands()).anyMatch(c -> c instanceof Command.Write);
    assertThat(asked.commands()).noneMatch(c -> c instanceof Command.Stand);
    ClusterRecord elsewhere =
        decider.state.record().withPrimary("web-1", Optional.empty(), 1).withTerm(9);
    Step read = Adjudicator.step(asked.state(), new Event.Superseded(elsewhere), decider.now);
    assertThat(read.commands()).noneMatch(c -> c instanceof Command.Stand);
    assertThat(read.state().news().confirmed()).isZero();
  }

  @Test
  void givenSomebodyElseWhoAsksThenNobodyReadsTheRecordForThat() {
    Decider decider = Decider.steady();
    decider.asks(1, NUMBER);
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
    assertThat(decider.ordered(Command.Stand.class)).isEmpty();
  }
}
