package io.virtquorum.simulate;

import static io.virtquorum.simulate.ThreeGuests.disk;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What members can do without a person is judged by what is on their disks. */
final class RecoveryTest {
  private final ThreeGuests guests = new ThreeGuests();
  private final Recovery recovery = new Recovery(guests.truth);
  private final SimulatedGuest a = guests.a;
  private final SimulatedGuest b = guests.b;
  private final SimulatedGuest c = guests.c;

  @BeforeEach
  void start() {
    guests.write(a, "page", "new", Content.Origin.USER);
    guests.repair(b, "page", a);
    guests.commit(a, b);
    guests.lead(a);
  }

  @Test
  void givenAMajorityWithWhatIsCommittedThenItCanGoOn() {
    assertThat(recovery.isPossible()).isTrue();
    a.crash();
    assertThat(recovery.isPossible()).isTrue();
  }

  @Test
  void givenNoMajorityThatRunsThenItCannot() {
    a.crash();
    c.crash();
    assertThat(recovery.isPossible()).isFalse();
  }

  @Test
  void givenNobodyWhoRemembersThenItCannot() {
    a.crash();
    disk(b).remove(".virtquorum/memory", 0);
    disk(b).sync();
    assertThat(recovery.isPossible()).isFalse();
  }

  @Test
  void givenARowThatOnlyOthersStillHaveThenItCanBeRebuilt() {
    a.crash();
    guests.write(b, "page", "drift", Content.Origin.JOB);
    assertThat(recovery.isPossible()).isFalse();
    guests.repair(c, "page", a);
    assertThat(recovery.isPossible()).isTrue();
  }

  @Test
  void givenAPrimaryThatLostWhatNobodyElseHasThenOnlyAPersonCanMendIt() {
    disk(a).rot("page", Content.of("n_w", Content.Origin.ROT), false);
    guests.truth.held(a);
    assertThat(recovery.isRottenForGood()).isFalse();
    guests.write(b, "page", "other", Content.Origin.JOB);
    assertThat(recovery.isRottenForGood()).isTrue();
  }

  @Test
  void givenUsersAtAPrimaryThatHoldsWhatIsCommittedThenTheyAreServed() {
    assertThat(recovery.isServed()).isTrue();
    guests.write(a, "page", "newest", Content.Origin.USER);
    assertThat(recovery.isServed()).isTrue();
    guests.lead(null);
    assertThat(recovery.isServed()).isFalse();
  }

  @Test
  void givenUsersAtAGuestThatIsDownThenTheyAreNotServed() {
    a.crash();
    assertThat(recovery.isServed()).isFalse();
  }
}
