package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Hold;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Somebody who looks after a cluster once a minute when it is calm, and does what its holds ask
 * for. Where nobody attends to it he comes only for what nothing in the cluster can know. For one
 * thread.
 */
final class Person {
  /** He looks after so long. */
  static final long LOOKS = 60 * Timeline.SECOND;

  /** Members that can go on by themselves serve users after this time without faults. */
  private static final long SERVED = 5 * 60 * Timeline.SECOND;

  /** ... and all of them are equal after this one. */
  private static final long EQUAL = 15 * 60 * Timeline.SECOND;

  /** A user's write is committed by then where all is well. */
  private static final long COMMITTED = 120 * Timeline.SECOND;

  private final World world;
  private final Deeds deeds;
  private final Recovery recovery;
  private final boolean attends;
  private boolean promotes;
  private long aloneSince;

  /**
   * @param attends he does whatever a hold asks for
   */
  Person(World world, Deeds deeds, boolean attends) {
    this.world = world;
    this.deeds = deeds;
    this.recovery = new Recovery(world.truth);
    this.attends = attends;
  }

  /** What the newest leader holds back. */
  List<Hold> holds() {
    return world
        .leader()
        .filter(OperatorLife::isReady)
        .map(l -> l.adjudicator.holds())
        .orElse(List.of());
  }

  /** From now on it is calm. */
  void calm() {
    aloneSince = world.timeline.now();
  }

  /** He looks, or if it is not for him it must go well without him. */
  void look() {
    Set<String> reasons = new HashSet<>();
    holds().forEach(hold -> reasons.add(hold.reason()));
    if (attends || isNeeded(reasons)) {
      help(reasons);
      aloneSince = world.timeline.now();
    } else {
      noLongerPromotes();
      judge();
    }
  }

  /** Nothing in the cluster can know, or by the design it is a person's to say. */
  private boolean isNeeded(Set<String> reasons) {
    return world.needsAPerson
        || world.truth.record().committed().isEmpty()
        || !recovery.isPossible()
        || recovery.isRottenForGood()
        || (reasons.contains("MajorityDisagrees") && recovery.isServed());
  }

  /**
   * True until a user's write is committed, or another took its place.
   *
   * @param since when he wrote, where all is well
   */
  boolean waitsFor(Content content, long since) {
    if (content.committed || content.superseded) {
      return false;
    }
    if (world.timeline.now() - since >= COMMITTED) {
      throw new Violation(
          "SlowCommit",
          "%s is not committed after 2 min, though all is well: %s".formatted(content, holds()));
    }
    return true;
  }

  private void judge() {
    long alone = world.timeline.now() - aloneSince;
    if (alone >= SERVED && !recovery.isServed()) {
      throw new Violation(
          "NeedlessHold",
          "a majority runs and what is committed can be had from their disks, but after %d s users are not served: %s"
              .formatted(alone / Timeline.SECOND, holds()));
    }
    if (alone >= EQUAL) {
      throw new Violation(
          "NoRest", "not everybody is equal after 15 min of calm without a person: " + holds());
    }
  }

  /** Some holds end only when somebody acts, as they say themselves. */
  private void help(Set<String> reasons) {
    if (reasons.contains("BootstrapNeeded") || reasons.contains("BootstrapUnknown")) {
      world.bootstrapFrom(world.members().getFirst().name);
    } else if (reasons.contains("RotWithoutDonor") || reasons.contains("MajorityDisagrees")) {
      world.story.tell("a person writes anew what nobody has any more");
      boolean begun = world.truth.record().primary().isPresent();
      deeds.everything(begun ? world.primary(0) : world.members().getFirst());
    }
    if (reasons.contains("PrimaryForgot")
        || reasons.contains("NoSuccessor")
        || reasons.contains("RecordOlder")
        || reasons.contains("MembersOlder")) {
      world.newest().ifPresent(vm -> world.promote(Optional.of(vm.name)));
      promotes = true;
    } else {
      world.promote(Optional.empty());
      promotes = false;
    }
    world.stir();
  }

  private void noLongerPromotes() {
    if (promotes) {
      world.promote(Optional.empty());
      promotes = false;
    }
  }
}
