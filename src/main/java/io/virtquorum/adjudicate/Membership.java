package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Position;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Rule 15: members and weights change one at a time, committed by the old set; a new member counts
 * once it holds C. Who is to leave stays a member in everything until the record says otherwise; a
 * dead one that is to leave is gone, and nobody waits for it.
 */
final class Membership {
  private final Picture picture;
  private final Config config;
  private final ClusterRecord record;
  private final List<Hold> holds = new ArrayList<>();

  private Membership(Picture picture) {
    this.picture = picture;
    this.config = picture.config();
    this.record = picture.record();
  }

  static RecordPlanner.Plan plan(Picture picture) {
    Membership membership = new Membership(picture);
    Optional<RecordChange> change = membership.next().map(RecordChange::quiet);
    return new RecordPlanner.Plan(change, membership.holds);
  }

  /**
   * Who leads on where the spec no longer names the primary: a member that stays and holds C, once
   * the primary holds C too and so nothing that is not committed. Empty: the primary goes on.
   */
  static Optional<String> heir(Picture picture) {
    ClusterRecord record = picture.record();
    Optional<String> leaving = picture.primary().filter(m -> !picture.isWanted(m));
    if (leaving.isEmpty()
        || record.committed().isEmpty()
        || record.mandate().isPresent()
        || picture.config().promote().isPresent()) { // a person's later word, until it is settled
      return Optional.empty();
    }
    Target committed = picture.committedTarget(record.committed().get());
    if (!committed.isHeldBy(picture.ballot(leaving.get()))) {
      return Optional.empty();
    }
    return picture
        .usable()
        .filter(picture::isWanted)
        .filter(m -> committed.isHeldBy(picture.ballot(m)))
        .filter(m -> !picture.isOverwritten(m))
        .max(
            Comparator.comparing((String m) -> !picture.hasStaleProcess(m))
                .thenComparing(m -> record.members().get(m))
                .thenComparing(Comparator.reverseOrder()));
  }

  private Optional<ClusterRecord> next() {
    if (record.members().equals(config.members())) {
      return Optional.empty();
    }
    if (record.committed().isEmpty()) {
      return Optional.of(record.withMembers(config.members()));
    }
    if (2 * steady(counted()) <= counted().count()) {
      holds.add(
          waits(
              "The members or weights of the spec differ from the record, and only %d of %d members are steady."
                  .formatted(steady(counted()), counted().count()),
              "A strict majority of the present members must be steady before they may change."));
      return Optional.empty();
    }
    return joining().or(this::leaving);
  }

  private Optional<ClusterRecord> joining() {
    Map<String, Integer> next = new TreeMap<>(record.members());
    for (var wanted : config.members().entrySet()) {
      Integer weight = next.get(wanted.getKey());
      boolean joins = weight == null && isVerified(wanted.getKey());
      if (joins || (weight != null && !weight.equals(wanted.getValue()))) {
        next.put(wanted.getKey(), wanted.getValue());
        return Optional.of(record.withMembers(next));
      }
    }
    return Optional.empty();
  }

  private Optional<ClusterRecord> leaving() {
    for (String name : record.members().keySet()) {
      if (!config.members().containsKey(name) && mayLeave(name)) {
        Map<String, Integer> next = new TreeMap<>(record.members());
        next.remove(name);
        return Optional.of(record.withMembers(next));
      }
    }
    return Optional.empty();
  }

  /** Not the primary, and not a member without which too few of the rest hold C. */
  private boolean mayLeave(String name) {
    if (record.isPrimary(name)) {
      primaryStays(name);
      return false;
    }
    long rest = counted().filter(m -> !m.equals(name)).count();
    long holders = steady(counted().filter(m -> !m.equals(name)));
    if (2 * holders <= rest) {
      holds.add(
          waits(
              "%s stays for now: without it only %d of %d members would be steady."
                  .formatted(name, holders, rest),
              "It ends when a strict majority of the others is steady."));
      return false;
    }
    return true;
  }

  /** It passes as members are repaired, which nobody is in mode Observe. */
  private Hold waits(String message, String until) {
    boolean differs = counted().anyMatch(m -> picture.isUsable(m) && !isSteady(m));
    return config.observe() && differs
        ? Hold.waiting(
            "MembershipWaits",
            message,
            "It ends when a person sets the mode to Repair: in mode Observe nobody is repaired.")
        : Hold.passing("MembershipWaits", message, until);
  }

  private void primaryStays(String name) {
    String message =
        "The spec no longer names the primary " + name + ": it stays until another leads.";
    if (config.observe()) {
      holds.add(
          Hold.waiting(
              "MembershipWaits",
              message,
              "It ends when a person sets the mode to Repair, or the spec names it again."));
    } else if (heir(picture).isEmpty()) {
      holds.add(
          Hold.passing(
              "MembershipWaits",
              message,
              "It ends when a member that stays holds the committed state, and %s nothing newer."
                  .formatted(name)));
    }
  }

  /** The members of the record without those that are gone. */
  private Stream<String> counted() {
    return record.members().keySet().stream().filter(m -> !isGone(m));
  }

  /** Dead, and not to come back: the spec does not name it, and it does not lead. */
  private boolean isGone(String name) {
    return !picture.isWanted(name) && picture.state().isDead(name) && !record.isPrimary(name);
  }

  private long steady(Stream<String> names) {
    return names.filter(this::isSteady).count();
  }

  /** Steady, and not by chance: it was verified at the committed state, or at a newer one. */
  private boolean isVerified(String name) {
    Position committed = record.committed().orElseThrow().position();
    return isSteady(name)
        && picture
            .ballot(name)
            .memory()
            .filter(memory -> !committed.isAfter(memory.position()))
            .isPresent();
  }

  private boolean isSteady(String name) {
    return picture.is(name, MemberClass.STEADY);
  }
}
