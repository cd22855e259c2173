package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Rule 4, rot first: rows that rotted come back from a member that still has them, on the primary
 * too, before anything is tallied; what was written meanwhile stays.
 */
final class RotPlanner {
  private final Picture picture;
  private final Assessment assessment;
  private final OrderBook orders;
  private final List<Hold> holds = new ArrayList<>();

  private RotPlanner(Picture picture, Assessment assessment, OrderBook orders) {
    this.picture = picture;
    this.assessment = assessment;
    this.orders = orders;
  }

  /** Gives the orders that there are to give; returns what is held back. */
  static List<Hold> plan(Picture picture, Assessment assessment, OrderBook orders) {
    RotPlanner planner = new RotPlanner(picture, assessment, orders);
    // Nothing is repaired before the first epoch (rule 14).
    if (picture.record().committed().isPresent()) {
      picture
          .usable()
          .filter(m -> picture.is(m, MemberClass.DRIFTED))
          .filter(m -> picture.ballot(m).memory().isPresent())
          .filter(m -> !picture.record().isPrimary(m) || picture.record().mandate().isEmpty())
          .forEach(m -> planner.restore(m, picture.ballot(m).rot()));
    }
    return planner.holds;
  }

  private void restore(String name, List<Change> rot) {
    if (rot.isEmpty()) {
      return;
    }
    Donors donors = new Donors(picture, name);
    // 1. From whoever certainly has most of the rows. A donor whose own repair failed serves before
    // that is tried again: two who have rows of each other would keep each other waiting.
    Optional<String> donor = donors.best(rot, orders::isStill);
    boolean ready = orders.isAtHand(name); // those it serves lose nothing
    if (donor.isPresent() && ready) {
      order(name, donor.get(), donors.kept(donor.get(), rot));
    }
    // 2. Rows that nobody certainly has. Any other than the primary is brought to the target
    // anyway.
    List<Change> orphans = donors.orphans(rot);
    boolean primary = picture.record().isPrimary(name);
    if (orphans.isEmpty() || (!primary && hasHolder(name))) {
      return;
    }
    // 3. One who remembers something else may have them still; its offer will tell. Each try asks
    // the next one.
    List<String> unknown = donors.unknown();
    int attempts = picture.member(name).tries().failed();
    if (ready && donor.isEmpty()) {
      donors.next(attempts, orders::isStill).ifPresent(next -> order(name, next, orphans));
    }
    if (attempts > 0 || unknown.isEmpty()) {
      holds.add(
          Hold.waiting(
              "RotWithoutDonor",
              "%s rotted on %s and no healthy member is known to hold the remembered content: it is left as it is."
                  .formatted(Words.rows(Change.keys(orphans), orphans.size()), name),
              "It ends when a member with the content returns, or somebody writes it anew."));
    }
  }

  private boolean hasHolder(String name) {
    return assessment
        .target()
        .filter(
            target ->
                picture
                    .usable()
                    .filter(m -> !m.equals(name))
                    .anyMatch(m -> target.isHeldBy(picture.ballot(m))))
        .isPresent();
  }

  private void order(String name, String donor, List<Change> rot) {
    List<Row> rows =
        rot.stream()
            .flatMap(c -> c.before().map(before -> new Row(c.key(), before)).stream())
            .toList();
    orders.repair(
        name, donor, picture.ballot(donor).root(), new Job.Aim.Rows(rows), finding(name, rot));
  }

  /** What is right here is what the member itself remembers, whatever everyone is to hold next. */
  private Finding finding(String name, List<Change> rot) {
    var memory = picture.ballot(name).memory().orElseThrow();
    Committed committed = picture.record().committed().orElseThrow();
    Target right =
        memory.root().equals(committed.root())
            ? picture.committedTarget(committed)
            : new Target(
                memory.position(),
                memory.root(),
                Target.Ground.WRITTEN,
                picture.record().primary());
    return new Finding.OfFiles(
        name, picture.elect(right), picture.classes().get(name), Change.keys(rot), false);
  }
}
