package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Matrix;
import org.junit.jupiter.api.Test;

final class ConfirmationsTest {
  private final ThreeGuests three = new ThreeGuests();

  /** A user writes on the primary, and waits. */
  private Runnable written() {
    three.commit(three.a, three.b, three.c);
    three.lead(three.a);
    Matrix before = three.truth.holdings.latest(three.a);
    three.write(three.a, "page", "paid", Content.Origin.USER);
    return three.truth.confirmations.waits(
        three.a, before.differences(three.truth.holdings.latest(three.a)));
  }

  private Runnable committed() {
    Runnable confirmed = written();
    three.repair(three.b, "page", three.a);
    three.commit(three.a, three.b);
    return confirmed;
  }

  @Test
  void givenAWriteThatIsConfirmedBeforeItIsCommittedThenThatIsJudged() {
    ThreeGuests.violates("ConfirmedLost", written());
  }

  @Test
  void givenAWriteThatWasConfirmedThenUsersMayBeLedToWhoHasIt() {
    committed().run();
    three.failOver(three.b);
    assertThat(three.truth.confirmations.count).isEqualTo(1);
  }

  @Test
  void givenUsersWhoAreLedToAMemberWithoutWhatWasConfirmedThenThatIsJudged() {
    committed().run();
    ThreeGuests.violates("ConfirmedLost", () -> three.failOver(three.c));
  }

  @Test
  void givenALaterWriteInItsPlaceThenNothingIsMissing() {
    committed().run();
    three.write(three.a, "page", "paid twice", Content.Origin.USER);
    three.lead(three.a);
    assertThat(three.truth.confirmations.count).isEqualTo(1);
  }

  @Test
  void givenAPersonWhoWantsAnotherStateThenWhatWasConfirmedCountsNoMore() {
    committed().run();
    three.promote(three.c);
    assertThat(three.truth.confirmations.count).isEqualTo(1);
  }
}
