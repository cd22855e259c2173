package io.virtquorum.simulate;

import static io.virtquorum.simulate.ThreeGuests.violates;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.adjudicate.Config;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who attends to nothing is not needed, or what the members do without him is judged. */
final class PersonTest {
  private static final long MINUTE = 60 * Timeline.SECOND;

  private final World world =
      new World(1, new Story(false), Shape.plain(3, false), Config.Voting.standard());
  private final Person nobody = new Person(world, new Deeds(world), false);
  private final Person somebody = new Person(world, new Deeds(world), true);

  @BeforeEach
  void start() {
    world.begin();
    pass(MINUTE);
    assertThat(world.isAtRest()).isTrue();
    nobody.calm();
    somebody.calm();
  }

  private void pass(long time) {
    long end = world.timeline.now() + time;
    while (world.timeline.step(end)) {
      // the judge is asked by each test
    }
  }

  /** Nobody leads users to who is there. */
  private void stall() {
    world.leader().orElseThrow().die();
    SimulatedVm primary = world.primary(0);
    primary.crash();
    primary.start();
  }

  @Test
  void givenUsersWhoAreNotServedThoughTheMembersCouldThenItIsFoundAfterFiveMinutes() {
    stall();
    pass(4 * MINUTE);
    nobody.look();
    pass(MINUTE);
    violates("NeedlessHold", nobody::look);
  }

  @Test
  void givenUsersWhoAreServedWhileNotAllAreEqualThenItIsFoundAfterFifteenMinutes() {
    pass(14 * MINUTE);
    nobody.look();
    pass(MINUTE);
    violates("NoRest", nobody::look);
  }

  @Test
  void givenSomebodyWhoAttendsThenTheTimeBeginsAnewEachTimeHeHelps() {
    stall();
    for (int i = 0; i < 10; i++) {
      pass(MINUTE);
      somebody.look();
    }
  }

  @Test
  void givenAWriteThatIsNotCommittedAfterTwoMinutesThenItIsFound() {
    Content content = Content.of("new", Content.Origin.USER);
    long since = world.timeline.now();
    pass(2 * MINUTE - 1);
    assertThat(nobody.waitsFor(content, since)).isTrue();
    pass(1);
    violates("SlowCommit", () -> nobody.waitsFor(content, since));
    content.committed = true;
    assertThat(nobody.waitsFor(content, since)).isFalse();
  }

  @Test
  void givenAWriteWhereAllIsWellThenItIsCommitted() {
    Content content = new Deeds(world).save(world.served(0), new java.util.SplittableRandom(1));
    for (int second = 0; second < 30; second++) {
      pass(Timeline.SECOND);
      world.truth.judge();
    }
    assertThat(content.committed).isTrue();
  }

  @Test
  void givenNoMajorityThatRunsThenAPersonIsNeeded() {
    stall();
    world.vms.forEach(SimulatedVm::crash);
    pass(6 * MINUTE);
    nobody.look();
  }

  @Test
  void givenARecordThatOnlyAPersonCanMendThenHeIsNeeded() {
    stall();
    world.needsAPerson = true;
    pass(6 * MINUTE);
    nobody.look();
  }
}
