package io.virtquorum.explore;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Hold;
import java.util.Locale;

/** What must be so whatever happens; each is named as it is broken. */
final class Rules {
  private final World world;
  private boolean heldBefore;

  Rules(World world) {
    this.world = world;
  }

  void stepped(Leader leader) {
    for (Hold hold : leader.state.news().holds()) {
      check(
          !hold.reason().isBlank() && hold.message().endsWith(".") && hold.until().endsWith("."),
          "every hold names its reason and its end: %s",
          hold);
    }
  }

  void told(Command.Tell tell) {
    check(
        tell.reason().matches("[A-Z][A-Za-z]+")
            && !tell.message().contains("Optional")
            && !tell.message().contains("null"),
        "what is told is for people: %s",
        tell);
  }

  void obeying(Member member, long term) {
    check(term >= member.termSeen, "an order of term %d is obeyed after %d", term, member.termSeen);
  }

  void recording(long term, ClusterRecord before, ClusterRecord after) {
    check(
        term >= before.term() && after.term() == term,
        "term %d writes %s over %s",
        term,
        after,
        before);
    check(after.tenure() >= before.tenure(), "the tenure goes back");
    check(
        after.primary().equals(before.primary()) || after.tenure() == before.tenure() + 1,
        "another primary without a new tenure");
    if (!after.primary().equals(before.primary()) && before.committed().isPresent()) {
      succeeding(before.committed().get(), World.index(after.primary().orElseThrow()));
    }
    if (!after.committed().equals(before.committed())) {
      committing(before, after, after.committed().orElseThrow());
    }
  }

  /** Nobody is promoted by a person here, so whoever leads must have what was committed. */
  private void succeeding(Committed committed, int next) {
    check(
        world
            .members[next]
            .disk
            .memory()
            .filter(m -> m.position().compareTo(committed.position()) >= 0)
            .isPresent(),
        "%s leads and remembers less than the committed state",
        World.NAMES.get(next));
    check(
        world.members[next].pulling.isEmpty(),
        "%s leads while its state is being replaced",
        World.NAMES.get(next));
  }

  private void committing(ClusterRecord before, ClusterRecord after, Committed committed) {
    long last = before.committed().map(Committed::epoch).orElse(0L);
    check(committed.epoch() == last + 1, "epoch %d after %d", committed.epoch(), last);
    check(
        before.committed().isEmpty()
            || committed.position().isAfter(before.committed().get().position()),
        "the position goes back");
    long holders =
        world.verified.stream().filter(v -> v.remembered().equals(committed.remembered())).count();
    check(
        2 * holders > after.members().size(),
        "epoch %d is committed and only %d members held it",
        committed.epoch(),
        holders);
    check(
        !Contents.hasRot(Contents.rows(committed.root())),
        "rot is committed: %s",
        Contents.words(Contents.rows(committed.root())));
  }

  void replacing(int member, int before, int wanted) {
    heldBefore = world.someoneHolds();
    for (int row = 0; row < Contents.ROWS; row++) {
      int old = Contents.value(before, row);
      int now = Contents.value(wanted, row);
      check(
          old == now || !Contents.isRot(now) || Contents.isRot(old),
          "rot replaces the good %s on %s",
          Contents.name(old),
          World.NAMES.get(member));
    }
  }

  void pulling(int member, Command.Pull order) {
    check(
        world.record.committed().isEmpty() || !world.record.isPrimary(World.NAMES.get(member)),
        "the recorded primary %s is overwritten by %s",
        World.NAMES.get(member),
        order.id());
  }

  void replaced(int member) {
    check(
        !heldBefore || world.someoneHolds(),
        "%s was the last that held the committed state",
        World.NAMES.get(member));
  }

  /** A fault took contents away: those are not ours to keep. */
  void taken() {
    world.accepted &= world.kept();
  }

  void everywhere() {
    int lost = world.accepted & ~world.kept();
    check(
        lost == 0,
        "what a user wrote is neither committed, nor on a disk, nor archived: %s",
        Integer.toBinaryString(lost));
  }

  private void check(boolean holds, String format, Object... arguments) {
    if (!holds) {
      throw new AssertionError(String.format(Locale.ROOT, format, arguments));
    }
  }
}
