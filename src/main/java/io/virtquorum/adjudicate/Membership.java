package io.virtquorum.adjudicate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Rule 15: members and weights change one at a time, committed by the old set; a new member counts
 * once it holds C.
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

  private Optional<ClusterRecord> next() {
    if (record.members().equals(config.members())) {
      return Optional.empty();
    }
    if (record.committed().isEmpty()) {
      return Optional.of(record.withMembers(config.members()));
    }
    if (steady() < record.majority()) {
      holds.add(
          Hold.passing(
              "MembershipWaits",
              "The members or weights of the spec differ from the record, and only %d of %d members are steady."
                  .formatted(steady(), record.members().size()),
              "A strict majority of the present members must be steady before they may change."));
      return Optional.empty();
    }
    return joining().or(this::leaving);
  }

  private Optional<ClusterRecord> joining() {
    Map<String, Integer> next = new TreeMap<>(record.members());
    for (var wanted : config.members().entrySet()) {
      Integer weight = next.get(wanted.getKey());
      boolean joins = weight == null && isSteady(wanted.getKey());
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
      holds.add(
          Hold.waiting(
              "MembershipWaits",
              "The spec no longer names the primary " + name + ": it stays until another leads.",
              "It ends when a person promotes another member, or the spec names it again."));
      return false;
    }
    long rest = record.members().size() - 1;
    long holders = steady() - (isSteady(name) ? 1 : 0);
    if (2 * holders <= rest) {
      holds.add(
          Hold.passing(
              "MembershipWaits",
              "%s stays for now: without it only %d of %d members would be steady."
                  .formatted(name, holders, rest),
              "It ends when a strict majority of the others is steady."));
      return false;
    }
    return true;
  }

  private long steady() {
    return record.members().keySet().stream().filter(this::isSteady).count();
  }

  private boolean isSteady(String name) {
    return picture.is(name, MemberClass.STEADY);
  }
}
