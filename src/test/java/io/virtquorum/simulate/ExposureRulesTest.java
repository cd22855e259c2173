package io.virtquorum.simulate;

import static io.virtquorum.simulate.ThreeGuests.violates;

import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge of what leaders show as exposed finds the faults that it is there for. */
final class ExposureRulesTest {
  private static final Optional<Long> NOTHING = Optional.empty();

  private final ThreeGuests guests = new ThreeGuests();
  private final SimulatedGuest a = guests.a;
  private final SimulatedGuest b = guests.b;

  /** A user writes at 10 s. */
  @BeforeEach
  void start() {
    guests.commit(a, b, guests.c);
    guests.lead(a);
    guests.pass(10);
    guests.write(a, "page", "new", Content.Origin.USER);
  }

  @Test
  void givenAWriteThatIsNotCommittedThenItMustBeShownInTime() {
    guests.pass(30);
    guests.shows(NOTHING, NOTHING);
    guests.pass(1);
    guests.shows(Optional.of(39L), NOTHING);
    guests.shows(NOTHING, Optional.of(41L));
    violates("Exposure", () -> guests.shows(NOTHING, NOTHING));
  }

  @Test
  void givenAnExposureThatBeginsTooLateThenItIsFound() {
    guests.pass(35);
    violates("Exposure", () -> guests.shows(Optional.of(41L), NOTHING));
  }

  @Test
  void givenACommitThenNothingIsToBeShown() {
    guests.repair(b, "page", a);
    guests.commit(a, b);
    guests.pass(60);
    guests.shows(NOTHING, NOTHING);
  }

  @Test
  void givenACommitOfAnOlderWriteThenTheNewerOneCounts() {
    guests.repair(b, "page", a);
    guests.pass(15);
    guests.write(a, "page", "newest", Content.Origin.USER);
    guests.commit(b, guests.a);
    guests.pass(30);
    guests.shows(NOTHING, NOTHING);
    guests.pass(1);
    violates("Exposure", () -> guests.shows(NOTHING, NOTHING));
  }

  @Test
  void givenADiskThatLooksLikeAWriteThatWasUndoneThenItIsNoOlderThanTheDisk() {
    guests.repair(b, "page", a);
    guests.commit(a, b);
    guests.write(a, "page", "undone", Content.Origin.USER);
    Volume earlier = ThreeGuests.disk(a).copy();
    guests.write(a, "page", "new", Content.Origin.USER);
    guests.pass(60);
    a.mounts.put(ThreeGuests.TREE, earlier);
    guests.truth.diskReplaced(a, earlier);
    guests.shows(NOTHING, NOTHING);
    guests.pass(31);
    violates("Exposure", () -> guests.shows(NOTHING, NOTHING));
  }

  @Test
  void givenAFailOverThatTakesBackAnOldWriteThenItMustHaveBeenShown() {
    guests.pass(31);
    guests.shows(Optional.of(12L), NOTHING);
    guests.failOver(b);
  }

  @Test
  void givenAFailOverThatTakesBackAnOldWriteThatWasNotShownThenItIsFound() {
    guests.pass(31);
    violates("WentBack", () -> guests.failOver(b));
  }

  @Test
  void givenAFailOverToWhoHasTheWriteThenNothingGoesBack() {
    guests.repair(b, "page", a);
    guests.pass(31);
    guests.failOver(b);
  }

  @Test
  void givenAFailOverAtOnceThenAWriteMayBeLost() {
    guests.pass(20);
    guests.failOver(b);
  }
}
