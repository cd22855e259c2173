package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Decides who is repaired, from whom, and to what (design, rules 4, 7 and 8). Each member has a
 * part in one job at a time.
 */
final class RepairPlanner {
  /** How long a member may take to prove what it holds. */
  static final Duration PROVE = Duration.ofMinutes(2);

  /** How long a sample may take to begin to serve. */
  static final Duration PREPARE = Duration.ofSeconds(60);

  /** How long a repair may take: the one deadline of copy, archive and verification together. */
  static final Duration REPAIR = Duration.ofMinutes(10);

  private final Config config;
  private final ClusterRecord record;
  private final Assessment assessment;
  private final Instant now;
  private final List<Command> commands = new ArrayList<>();
  private final List<Hold> holds = new ArrayList<>();
  private State state;

  private RepairPlanner(State state, Assessment assessment, Instant now) {
    this.state = state;
    this.config = state.config().orElseThrow();
    this.record = state.record();
    this.assessment = assessment;
    this.now = now;
  }

  /** The state with the new jobs in it, what is to be ordered, and what is held back. */
  record Plan(State state, List<Command> commands, List<Hold> holds) {}

  static Plan plan(State state, Assessment assessment, Instant now) {
    RepairPlanner planner = new RepairPlanner(state, assessment, now);
    planner.restoreRot();
    assessment.target().ifPresent(planner::follow);
    return new Plan(planner.state, planner.commands, planner.holds);
  }

  /** Rule 4: rows that rotted come back from a member that still has them, before anything else. */
  private void restoreRot() {
    if (record.committed().isEmpty()) {
      return; // rule 14: nothing is repaired before the first epoch
    }
    for (String name : record.members().keySet()) {
      if (assessment.classOf(name) == MemberClass.DRIFTED && state.member(name).usable()) {
        Ballot ballot = ballot(name);
        if (!ballot.rot().isEmpty() && ballot.memory().isPresent()) {
          restoreRot(name, ballot.rot());
        }
      }
    }
  }

  private void restoreRot(String name, List<Change> rot) {
    List<String> others =
        record.members().keySet().stream()
            .filter(m -> !m.equals(name) && state.member(m).usable())
            .toList();
    // 1. From whoever certainly has most of the rows.
    Optional<String> donor =
        others.stream()
            .filter(m -> ready(m) && !kept(m, name, rot).isEmpty())
            .max(
                Comparator.comparing((String m) -> kept(m, name, rot).size())
                    .thenComparing(Comparator.reverseOrder()));
    if (donor.isPresent() && ready(name)) {
      restore(name, donor.get(), kept(donor.get(), name, rot));
    }
    // 2. Rows that nobody certainly has. Any other than the primary is brought to the target
    // anyway.
    List<Change> orphans =
        rot.stream()
            .filter(c -> others.stream().allMatch(m -> kept(m, name, List.of(c)).isEmpty()))
            .toList();
    if (orphans.isEmpty() || (!record.isPrimary(name) && hasHolder(name))) {
      return;
    }
    // 3. One who remembers something else may have them still; its offer will tell. Each try asks
    // the next one.
    List<String> perhaps =
        others.stream().filter(m -> !isKnown(m, name) && ready(m)).sorted().toList();
    int attempts = state.member(name).attempts();
    if (record.isPrimary(name) && ready(name) && donor.isEmpty() && !perhaps.isEmpty()) {
      restore(name, perhaps.get(attempts % perhaps.size()), orphans);
    }
    if (attempts > 0
        || !record.isPrimary(name)
        || others.stream().allMatch(m -> isKnown(m, name))) {
      holds.add(
          new Hold(
              "RotWithoutDonor",
              "%s rotted on %s and no healthy member is known to hold the remembered content: it is left as it is."
                  .formatted(names(orphans), name),
              "It ends when a member with the content returns, or somebody writes it anew."));
    }
  }

  private boolean hasHolder(String name) {
    return assessment
        .target()
        .filter(
            target ->
                record.members().keySet().stream()
                    .filter(m -> !m.equals(name) && state.member(m).usable())
                    .anyMatch(m -> target.isHeldBy(ballot(m))))
        .isPresent();
  }

  private void restore(String name, String donor, List<Change> rot) {
    List<Row> rows =
        rot.stream()
            .flatMap(c -> c.before().map(before -> new Row(c.key(), before)).stream())
            .toList();
    String why =
        "%s rotted and nothing had written to %s"
            .formatted(names(rot), rot.size() == 1 ? "it" : "them");
    prepare(new Job.Repair(name, donor, ballot(donor).root(), new Job.Aim.Rows(rows), why));
  }

  /** The rows that this donor certainly has as the member remembers them. */
  private List<Change> kept(String donor, String name, List<Change> rot) {
    Ballot theirs = ballot(donor);
    return remembersAlike(donor, name)
        ? rot.stream().filter(c -> c.before().isPresent() && theirs.keeps(c.key())).toList()
        : List.of();
  }

  /** True if the ballots alone tell which of the member's rows the donor has. */
  private boolean isKnown(String donor, String name) {
    Ballot theirs = ballot(donor);
    return remembersAlike(donor, name) && theirs.changes().size() == theirs.changesTotal();
  }

  private boolean remembersAlike(String donor, String name) {
    return ballot(donor).memory().isPresent()
        && ballot(donor).memory().get().root().equals(ballot(name).memory().get().root());
  }

  /** Rules 7 and 8: everybody to the target. */
  private void follow(Target target) {
    // 1. The primary accepts an elected root before anyone copies it.
    Optional<String> primary = record.primary().filter(p -> state.member(p).usable());
    if (primary.isPresent()
        && ballot(primary.get()).root().equals(target.root())
        && !target.rememberedBy(ballot(primary.get()))) {
      prove(primary.get(), target);
      return;
    }
    // 2. The others follow.
    TreeSet<String> names = new TreeSet<>(config.members().keySet());
    names.addAll(record.members().keySet());
    names.stream().filter(this::ready).forEach(name -> bring(name, target));
  }

  private void bring(String name, Target target) {
    Ballot ballot = ballot(name);
    if (!ready(name) || target.isHeldBy(ballot)) {
      return; // it may have become the sample of an earlier one just now
    }
    if (ballot.root().equals(target.root())) {
      prove(name, target);
    } else if (!record.isPrimary(name) && !heldBack(name)) { // of the primary only rot is touched
      sample(name, target)
          .ifPresent(
              sample ->
                  prepare(
                      new Job.Repair(
                          name,
                          sample,
                          target.root(),
                          new Job.Aim.Whole(target.position()),
                          reason(name, target))));
    }
  }

  /**
   * A steady member follows at once; one that strayed only after the settle time, and not if it
   * strayed with a majority.
   */
  private boolean heldBack(String name) {
    if (assessment.classOf(name) == MemberClass.STEADY || record.committed().isEmpty()) {
      return false;
    }
    return !state.member(name).strayedFor(config.settle(), now)
        || assessment.disagreeing().contains(name);
  }

  private String reason(String name, Target target) {
    if (record.committed().isEmpty()) {
      return "it differed before the first epoch";
    }
    String why = assessment.classes().get(name).why();
    return switch (assessment.classOf(name)) {
      case STEADY -> "%s (%s)".formatted(target.why(), target.root().brief());
      case ADVANCED, DRIFTED -> "%s differed: %s".formatted(names(ballot(name).changes()), why);
      case BEHIND, UNKNOWN -> why;
    };
  }

  /** The primary if it holds the target, otherwise the healthiest holder. */
  private Optional<String> sample(String puller, Target target) {
    return record.members().keySet().stream()
        .filter(m -> !m.equals(puller) && ready(m) && target.isHeldBy(ballot(m)))
        .min(
            Comparator.comparing((String m) -> !record.isPrimary(m))
                .thenComparing(m -> state.member(m).attempts())
                .thenComparing(Comparator.naturalOrder()));
  }

  /** Usable, idle, not waiting to try again, and known as it is after its last order. */
  private boolean ready(String name) {
    MemberState member = state.member(name);
    return member.usable()
        && member.fresh()
        && !state.busy(name)
        && !member.notBefore().isAfter(now);
  }

  private Ballot ballot(String name) {
    return state.member(name).ballot().orElseThrow();
  }

  private void prove(String name, Target target) {
    if (ready(name)) {
      String id = nextId();
      state =
          state.with(new Job.Proving(id, name, target.position(), target.root(), now.plus(PROVE)));
      commands.add(new Command.Prove(id, name, target.position(), target.root()));
    }
  }

  private void prepare(Job.Repair repair) {
    String id = nextId();
    state = state.with(new Job.Preparing(id, repair, now.plus(PREPARE)));
    commands.add(new Command.Serve(id, repair.sample(), repair.root(), repair.member()));
  }

  private String nextId() {
    state = state.counted();
    return "t%d-%d".formatted(state.term(), state.counter());
  }

  /** Up to three rows by name. */
  private static String names(List<Change> changes) {
    String names =
        String.join(", ", changes.stream().limit(3).map(c -> c.key().display()).toList());
    return changes.size() > 3 ? "%s and %d more".formatted(names, changes.size() - 3) : names;
  }
}
