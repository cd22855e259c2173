package io.virtquorum.adjudicate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Decides how the record changes (design, rules 3, 9, 12, 14 and 15): at most one change at a time,
 * because each is one compare-and-swap.
 */
final class RecordPlanner {
  private final State state;
  private final Config config;
  private final ClusterRecord record;
  private final Assessment assessment;
  private final List<Hold> holds = new ArrayList<>();

  private RecordPlanner(State state, Assessment assessment) {
    this.state = state;
    this.config = state.config().orElseThrow();
    this.record = state.record();
    this.assessment = assessment;
  }

  /**
   * The next change of the record, if there is one.
   *
   * @param write empty: the record stays as it is
   */
  record Plan(Optional<Command.Write> write, List<Hold> holds) {}

  static Plan plan(State state, Assessment assessment) {
    RecordPlanner planner = new RecordPlanner(state, assessment);
    Optional<Change> change = planner.next();
    return new Plan(change.map(c -> new Command.Write(c.record(), c.news())), planner.holds);
  }

  private record Change(ClusterRecord record, Optional<Command.Tell> news) {
    static Optional<Change> quiet(ClusterRecord record) {
      return Optional.of(new Change(record, Optional.empty()));
    }
  }

  private Optional<Change> next() {
    // 1. A new leader's term comes before anything else: from then on older leaders cannot write.
    if (record.term() < state.term()) {
      ClusterRecord mine = record.withTerm(state.term());
      return Change.quiet(mine.members().isEmpty() ? mine.withMembers(config.members()) : mine);
    }
    // 2. The members and weights that the spec asks for, one at a time (rule 15).
    Optional<Change> changed = membership();
    if (changed.isPresent()) {
      return changed;
    }
    // 3. Before the first epoch: whose state it is to be (rule 14).
    if (record.committed().isEmpty()) {
      Optional<String> chosen = assessment.chosenPrimary();
      if (chosen.isPresent() && !record.isPrimary(chosen.get()) && !config.observe()) {
        return Change.quiet(record.withPrimary(chosen.get()));
      }
      return commit();
    }
    // 4. A new primary where the old one is dead or forgot (rules 12 and 3); then commits (rule 9).
    return succession().or(this::commit);
  }

  private Optional<Change> membership() {
    if (record.members().equals(config.members())) {
      return Optional.empty();
    }
    if (record.committed().isEmpty()) {
      return Change.quiet(record.withMembers(config.members()));
    }
    if (steady() < record.majority()) {
      holds.add(
          new Hold(
              "MembershipWaits",
              "The members or weights of the spec differ from the record, and only %d of %d members are steady."
                  .formatted(steady(), record.members().size()),
              "A strict majority of the present members must be steady before they may change."));
      return Optional.empty();
    }
    Map<String, Integer> next = new TreeMap<>(record.members());
    for (var wanted : config.members().entrySet()) {
      Integer weight = next.get(wanted.getKey());
      boolean joins = weight == null && assessment.classOf(wanted.getKey()) == MemberClass.STEADY;
      if (joins || (weight != null && !weight.equals(wanted.getValue()))) {
        next.put(wanted.getKey(), wanted.getValue());
        return Change.quiet(record.withMembers(next));
      }
    }
    for (String name : record.members().keySet()) {
      if (!config.members().containsKey(name) && mayLeave(name)) {
        next.remove(name);
        return Change.quiet(record.withMembers(next));
      }
    }
    return Optional.empty();
  }

  /** Not the primary, and not a member without which too few of the rest hold C. */
  private boolean mayLeave(String name) {
    if (record.isPrimary(name)) {
      holds.add(
          new Hold(
              "MembershipWaits",
              "The spec no longer names the primary " + name + ": it stays until another leads.",
              "It ends when a person promotes another member, or the spec names it again."));
      return false;
    }
    long rest = record.members().size() - 1;
    long holders = steady() - (assessment.classOf(name) == MemberClass.STEADY ? 1 : 0);
    if (2 * holders <= rest) {
      holds.add(
          new Hold(
              "MembershipWaits",
              "%s stays for now: without it only %d of %d members would be steady."
                  .formatted(name, holders, rest),
              "It ends when a strict majority of the others is steady."));
      return false;
    }
    return true;
  }

  private long steady() {
    return record.members().keySet().stream()
        .filter(m -> assessment.classOf(m) == MemberClass.STEADY)
        .count();
  }

  private Optional<Change> succession() {
    if (record.primary().isEmpty() || config.observe()) {
      return Optional.empty();
    }
    String primary = record.primary().get();
    boolean dead = state.member(primary).presence() == MemberState.Presence.DEAD;
    if (!dead && assessment.classOf(primary) != MemberClass.BEHIND) {
      return Optional.empty();
    }
    String why =
        dead
            ? primary + " is dead"
            : primary + " lost the committed state: " + assessment.classes().get(primary).why();
    Optional<String> successor =
        record.members().keySet().stream()
            .filter(m -> !m.equals(primary) && state.member(m).usable())
            .filter(m -> assessment.classOf(m) == MemberClass.STEADY)
            .max(
                Comparator.comparing(
                        (String m) -> state.member(m).ballot().get().memory().get().position())
                    .thenComparing(m -> !state.isOverwritten(m))
                    .thenComparing(m -> record.members().get(m))
                    .thenComparing(Comparator.reverseOrder()));
    if (successor.isEmpty()) {
      holds.add(
          new Hold(
              dead ? "NoSuccessor" : "PrimaryForgot",
              "The primary %s, and no other living member is known to hold the committed state."
                  .formatted(why),
              "It ends when a member that holds the committed state returns."));
      return Optional.empty();
    }
    String next = successor.get();
    if (state.isOverwritten(next)) {
      holds.add(
          new Hold(
              "SuccessorBusy",
              "%s: %s is to succeed, and its state is being replaced at this moment."
                  .formatted(why, next),
              "It ends with that repair, or seconds later without an answer."));
      return Optional.empty();
    }
    Command.Tell news =
        new Command.Tell(
            true,
            dead ? "FailedOver" : "SwitchedOver",
            "Users are led to %s: %s. It holds %s, the newest accepted state."
                .formatted(next, why, state.member(next).ballot().get().root().brief()));
    return Optional.of(new Change(record.withPrimary(next), Optional.of(news)));
  }

  /**
   * Committed once a strict majority by count was verified at the target, or, where the primary has
   * moved on since, at a root that it accepted before.
   */
  private Optional<Change> commit() {
    Optional<Committed> committed = record.committed();
    return assessment
        .target()
        .flatMap(this::commit)
        .or(() -> committed.flatMap(c -> newestShared(c).flatMap(this::commit)));
  }

  /** The newest root of this tenure beyond C that a strict majority by count remembers. */
  private Optional<Target> newestShared(Committed committed) {
    return record.members().keySet().stream()
        .filter(m -> state.member(m).usable())
        .flatMap(m -> state.member(m).ballot().get().memory().stream())
        .filter(m -> m.position().tenure() == record.tenure())
        .filter(m -> m.position().isAfter(committed.position()))
        .map(
            m ->
                new Target(
                    m.position(), m.root(), "the primary " + record.primary().get() + " wrote it"))
        .filter(t -> verified(t).size() >= record.majority())
        .max(Comparator.comparing(Target::position));
  }

  private List<String> verified(Target target) {
    return record.members().keySet().stream()
        .filter(m -> state.member(m).usable())
        .filter(m -> target.rememberedBy(state.member(m).ballot().get()))
        .toList();
  }

  private Optional<Change> commit(Target target) {
    Optional<Committed> committed = record.committed();
    if (committed.isPresent() && !target.position().isAfter(committed.get().position())) {
      return Optional.empty();
    }
    List<String> verified = verified(target);
    if (verified.size() < record.majority()) {
      return Optional.empty();
    }
    long epoch = committed.map(Committed::epoch).orElse(0L) + 1;
    Command.Tell news =
        new Command.Tell(
            false,
            "Committed",
            "Epoch %d is %s: %s. Verified on %s (%d of %d, %d needed)."
                .formatted(
                    epoch,
                    target.root().brief(),
                    target.why(),
                    String.join(", ", verified),
                    verified.size(),
                    record.members().size(),
                    record.majority()));
    return Optional.of(
        new Change(
            record.withCommitted(new Committed(epoch, target.position(), target.root())),
            Optional.of(news)));
  }
}
