package io.virtquorum.simulate;

import static io.virtquorum.simulate.ThreeGuests.disk;
import static io.virtquorum.simulate.ThreeGuests.violates;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge of what users see finds the faults that it is there for, and no others. */
final class ClientHistoryTest {
  private final ThreeGuests guests = new ThreeGuests();
  private final SimulatedGuest a = guests.a;
  private final SimulatedGuest b = guests.b;
  private final SimulatedGuest c = guests.c;

  /** Epoch 2 has another page than the image; c does not have it yet. */
  @BeforeEach
  void start() {
    guests.commit(a, b, c);
    guests.lead(a);
    guests.write(a, "page", "new", Content.Origin.USER);
    guests.repair(b, "page", a);
    guests.commit(a, b);
  }

  @Test
  void givenAMemberThatHoldsWhatIsCommittedThenUsersMayBeLedToIt() {
    guests.failOver(b);
  }

  @Test
  void givenAMemberThatLacksWhatIsCommittedThenLeadingUsersThereIsFound() {
    violates("Vanished", () -> guests.failOver(c));
  }

  @Test
  void givenAGuestThatDoesNotAnswerThenUsersSeeNothingUntilItDoes() {
    c.crash();
    guests.failOver(c);
    c.reboot();
    violates("Vanished", guests.truth::judge);
  }

  @Test
  void givenAWriteThereOnWhatIsCommittedThenThatTookItsPlace() {
    guests.write(b, "page", "newest", Content.Origin.JOB);
    guests.failOver(b);
  }

  @Test
  void givenAWriteThereOnSomethingOlderThenWhatIsCommittedVanished() {
    guests.write(c, "page", "from old", Content.Origin.USER);
    violates("Vanished", () -> guests.failOver(c));
  }

  @Test
  void givenAMemberThatTookOverAWriteThatIsNotCommittedThenUsersMayBeLedToIt() {
    guests.write(a, "page", "newest", Content.Origin.USER);
    guests.repair(b, "page", a);
    guests.failOver(b);
  }

  @Test
  void givenAWriteWhereUsersWereNeverLedThenItsCopyTakesNobodysPlace() {
    guests.write(b, "page", "drift", Content.Origin.JOB);
    guests.repair(c, "page", b);
    violates("Vanished", () -> guests.failOver(c));
  }

  @Test
  void givenAPowerCutThatTakesAWriteThereThenThatIsNobodysFault() {
    disk(a).write("page", Content.of("newest", Content.Origin.USER), 0644, 0, 0);
    guests.truth.did(a, Content.Origin.USER);
    a.crash();
    a.reboot();
    guests.truth.judge();
  }

  @Test
  void givenRotThereThenItIsTheDisks() {
    disk(a).rot("page", Content.of("n_w", Content.Origin.ROT), false);
    guests.truth.held(a);
    guests.lead(null);
    guests.lead(a);
  }

  @Test
  void givenADiskThatIsBlankAgainThenLeadingUsersThereIsFound() {
    guests.lead(null);
    a.crash();
    a.mounts.put(ThreeGuests.TREE, guests.blank());
    guests.truth.diskReplaced(a, disk(a));
    a.reboot();
    violates("Vanished", () -> guests.lead(a));
  }

  @Test
  void givenARowThatNoDiskHasAnyMoreThenNobodyIsBlamedForNotShowingIt() {
    guests.lead(null);
    for (SimulatedGuest guest : new SimulatedGuest[] {a, b}) {
      guests.truth.takenAway(java.util.List.of(disk(guest).get("page").content));
      guest.mounts.put(ThreeGuests.TREE, guests.blank());
      guests.truth.diskReplaced(guest, disk(guest));
    }
    guests.lead(a);
  }

  @Test
  void givenARepairThatPutsAnOldRowThereThenItIsFound() {
    guests.repair(a, "page", c);
    violates("Vanished", guests.truth::judge);
  }

  @Test
  void givenAPersonWhoPromotesAMemberThenWhatItHoldsTakesThePlaceOfWhatIsCommitted() {
    guests.promote(c);
    guests.repair(b, "page", c);
    guests.commit(c, b);
  }

  @Test
  void givenACommitOfAnOlderRowThenItIsFound() {
    guests.repair(b, "page", c);
    violates("Vanished", () -> guests.commit(c, b));
  }

  @Test
  void givenUsersAtAnotherThanThePrimaryThenTheyAreThereForAMomentOnly() {
    guests.lead(c);
    guests.pass(29);
    violates("Vanished", () -> guests.pass(2));
  }
}
