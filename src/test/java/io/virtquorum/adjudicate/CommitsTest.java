package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.C_AT;
import static io.virtquorum.adjudicate.Decider.HOLDS_C;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 9: how many members must have been verified before a state is the committed one. */
final class CommitsTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Digest NEWER = new Digest(0x6666L << 48, 0, 0, 6);
  private static final Digest NEWEST = new Digest(0x9999L << 48, 0, 0, 9);
  private static final Position SECOND = new Position(1, 2);
  private static final Position THIRD = new Position(1, 3);
  private static final Position FOURTH = new Position(1, 4);

  @Test
  void givenHalfOfTheMembersThenThatIsNoMajorityAndOneMoreIs() {
    Decider decider = all(4);
    decider.remembers(0, SECOND, NEW).remembers(1, SECOND, NEW);
    assertThat(epoch(decider)).isEqualTo(1);
    decider.remembers(2, SECOND, NEW);
    assertThat(decider.state.record().committed()).contains(new Committed(2, SECOND, NEW));
    assertThat(decider.said("Committed").orElseThrow())
        .endsWith("Verified on web-0, web-1 and web-2 (3 of 4, 3 needed).");
  }

  @Test
  void givenModeObserveThenNothingIsCommittedBeforeAPersonEndsIt() {
    Decider decider = all(3);
    decider.configure(decider.config().withObserve(true));
    decider.remembers(0, SECOND, NEW).remembers(1, SECOND, NEW);
    assertThat(epoch(decider)).isEqualTo(1);
    decider.configure(decider.config().withObserve(false));
    assertThat(epoch(decider)).isEqualTo(2);
  }

  @Test
  void givenAHeavyMinorityThenItsWeightDoesNotCount() {
    Decider decider = Decider.weighing(9, 1, 1, 1, 1);
    decider.remembers(0, SECOND, NEW).remembers(1, SECOND, NEW);
    assertThat(epoch(decider)).isEqualTo(1);
  }

  @Test
  void givenAMemberThatHoldsTheStateAndWasNotVerifiedThenItDoesNotCount() {
    Decider decider = all(3);
    decider.remembers(0, SECOND, NEW);
    decider.changed(1, NEW, false, written(PAGE, PAGE_1, NEW));
    assertThat(epoch(decider)).isEqualTo(1);
  }

  @Test
  void givenAMemberThatIsNotInTheRecordThenItDoesNotCount() {
    Decider decider = Decider.three().holds(0);
    decider.configure(decider.config().withMembers(Decider.members(1, 1, 1, 1)));
    decider.remembers(0, SECOND, NEW).remembers(3, SECOND, NEW);
    assertThat(epoch(decider)).isEqualTo(1);
  }

  @Test
  void givenAPrimaryThatMovesOnAllTheTimeThenTheNewestStateOfAMajorityIsCommitted() {
    Decider decider = all(5);
    decider.remembers(0, FOURTH, NEWEST);
    for (int i : new int[] {1, 2}) {
      decider.remembers(i, SECOND, NEW);
    }
    assertThat(epoch(decider)).isEqualTo(1);
    // Who remembers the third no longer remembers the second: each counts once.
    decider.remembers(3, THIRD, NEWER).remembers(4, THIRD, NEWER);
    assertThat(epoch(decider)).isEqualTo(1);
    decider.remembers(1, THIRD, NEWER);
    assertThat(decider.state.record().committed()).contains(new Committed(2, THIRD, NEWER));
    assertThat(decider.said("Committed").orElseThrow())
        .startsWith("Epoch 2 is %s: the primary web-0 wrote it.".formatted(NEWER.brief()));
    assertThat(decider.target().root()).isEqualTo(NEWEST);
  }

  @Test
  void givenAMajorityThatAcceptedSomethingUnderAnEarlierPrimaryThenThatIsNotCommittedAnyMore() {
    Decider decider = all(5);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(decider.state.record().tenure()).isEqualTo(2);
    for (int i : new int[] {0, 2, 3, 4}) {
      decider.remembers(i, SECOND, NEW);
    }
    assertThat(decider.state.record().committed()).contains(new Committed(1, C_AT, C));
  }

  @Test
  void givenAMajorityThatIsUnwellThenItIsNotBelieved() {
    Decider decider = all(3);
    decider.remembers(0, SECOND, NEW).ails(1, new Trouble("Full", "it is full"));
    decider.ails(2, new Trouble("Full", "it is full"));
    assertThat(epoch(decider)).isEqualTo(1);
  }

  @Test
  void givenTheCommittedStateOnEverybodyThenNothingIsRecordedAgain() {
    Decider decider = all(3);
    decider.votes(1, C, Optional.of(HOLDS_C), 1, false);
    assertThat(decider.ordered(Command.Write.class)).isEmpty();
  }

  private static Decider all(int members) {
    int[] weights = new int[members];
    java.util.Arrays.fill(weights, 1);
    return Decider.steady(weights);
  }

  private static long epoch(Decider decider) {
    return decider.state.record().committed().orElseThrow().epoch();
  }
}
