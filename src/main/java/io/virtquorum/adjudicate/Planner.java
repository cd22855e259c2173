package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Decides what to do about an assessment (design, rules 4, 7 to 9, 12 and 15). A pure function of
 * what is known: it returns the state with the new jobs in it, and the commands.
 */
final class Planner {
  /** How long a member may take to prove what it holds. */
  static final Duration PROVE = Duration.ofMinutes(2);

  /** How long a sample may take to begin to serve. */
  static final Duration PREPARE = Duration.ofSeconds(60);

  /** How long a repair may take: the one deadline of rsync, archive and verification together. */
  static final Duration REPAIR = Duration.ofMinutes(10);

  private final Config config;
  private final ClusterRecord record;
  private final Assessment assessment;
  private final Instant now;
  private final List<Command> commands = new ArrayList<>();
  private final List<Hold> holds;
  private State state;

  private Planner(State state, Assessment assessment, Instant now) {
    this.state = state;
    this.config = state.config().orElseThrow();
    this.record = state.record();
    this.assessment = assessment;
    this.now = now;
    this.holds = new ArrayList<>(assessment.holds());
  }

  /** The state after the decisions, its holds set, and what is to be done. */
  static Step plan(State state, Assessment assessment, Instant now) {
    return new Planner(state, assessment, now).plan();
  }

  private Step plan() {
    if (state.writing().isEmpty()) {
      Optional<ClusterRecord> next = nextRecord();
      if (next.isPresent()) {
        state = state.withWriting(next.get());
        commands.add(new Command.Write(next.get()));
      } else if (!config.observe()) {
        restoreRot();
        assessment.target().ifPresent(this::follow);
      }
    }
    return new Step(state.withHolds(holds), commands);
  }

  // --- the record
  // -------------------------------------------------------------------------------------------------

  private Optional<ClusterRecord> nextRecord() {
    // 1. A new leader's term comes before anything else: from then on older leaders cannot write.
    if (record.term() < state.term()) {
      return Optional.of(withWantedMembersIfNone(record.withTerm(state.term())));
    }
    // 2. The members and weights that the spec asks for, one change at a time.
    Optional<ClusterRecord> changed = membership();
    if (changed.isPresent()) {
      return changed;
    }
    // 3. Before the first epoch: whose state it is to be.
    if (assessment.chosenPrimary().isPresent()) {
      String chosen = assessment.chosenPrimary().get();
      if (!record.isPrimary(chosen) && !config.observe()) {
        return Optional.of(record.withPrimary(chosen));
      }
    }
    if (record.committed().isEmpty()) {
      return commit();
    }
    // 4. A new primary where the old one is dead or forgot (rules 12 and 3).
    Optional<ClusterRecord> succession = succession();
    return succession.isPresent() ? succession : commit();
  }

  private ClusterRecord withWantedMembersIfNone(ClusterRecord next) {
    return next.members().isEmpty() ? next.withMembers(config.members()) : next;
  }

  /** Rule 15. Before the first epoch the spec's members simply are the record's. */
  private Optional<ClusterRecord> membership() {
    if (record.members().equals(config.members())) {
      return Optional.empty();
    }
    if (record.committed().isEmpty()) {
      return Optional.of(record.withMembers(config.members()));
    }
    long steady =
        record.members().keySet().stream()
            .filter(m -> assessment.classOf(m) == MemberClass.STEADY)
            .count();
    if (steady < record.majority()) {
      holds.add(
          new Hold(
              "MembershipWaits",
              "The members or weights of the spec differ from the record, and only "
                  + steady
                  + " of "
                  + record.members().size()
                  + " members are steady.",
              "A strict majority of the present members must be steady before they may change."));
      return Optional.empty();
    }
    Map<String, Integer> next = new TreeMap<>(record.members());
    for (var wanted : config.members().entrySet()) {
      Integer weight = next.get(wanted.getKey());
      boolean joins = weight == null && assessment.classOf(wanted.getKey()) == MemberClass.STEADY;
      if (joins || (weight != null && !weight.equals(wanted.getValue()))) {
        next.put(wanted.getKey(), wanted.getValue());
        return Optional.of(record.withMembers(next));
      }
    }
    for (String name : record.members().keySet()) {
      if (!config.members().containsKey(name) && !record.isPrimary(name)) {
        next.remove(name);
        return Optional.of(record.withMembers(next));
      }
    }
    return Optional.empty();
  }

  /** Rule 12, and the last sentence of rule 3. */
  private Optional<ClusterRecord> succession() {
    if (record.primary().isEmpty() || config.observe()) {
      return Optional.empty();
    }
    String primary = record.primary().get();
    boolean dead = state.member(primary).presence() == MemberState.Presence.DEAD;
    boolean forgot = assessment.classOf(primary) == MemberClass.BEHIND;
    if (!dead && !forgot) {
      return Optional.empty();
    }
    Optional<String> successor =
        record.members().keySet().stream()
            .filter(
                m ->
                    !m.equals(primary)
                        && state.member(m).usable()
                        && assessment.classOf(m) == MemberClass.STEADY)
            .max(
                Comparator.comparing(
                        (String m) -> state.member(m).ballot().get().memory().get().position())
                    .thenComparing(m -> record.members().get(m))
                    .thenComparing(Comparator.reverseOrder()));
    if (successor.isEmpty()) {
      holds.add(
          dead
              ? new Hold(
                  "NoSuccessor",
                  "The primary "
                      + primary
                      + " is dead and no living member is known to hold the committed state.",
                  "It ends when "
                      + primary
                      + " or a member that holds the committed state returns.")
              : new Hold(
                  "PrimaryForgot",
                  "The primary "
                      + primary
                      + " lost the committed state ("
                      + assessment.classes().get(primary).why()
                      + ") and no other living member holds it.",
                  "It ends when a member that holds the committed state returns."));
      return Optional.empty();
    }
    String why =
        dead
            ? primary + " is dead"
            : primary + " lost the committed state: " + assessment.classes().get(primary).why();
    commands.add(
        new Command.Tell(
            true,
            dead ? "FailedOver" : "SwitchedOver",
            "Users are led to "
                + successor.get()
                + ": "
                + why
                + ". It holds "
                + state.member(successor.get()).ballot().get().root().brief()
                + ", the newest accepted state."));
    state = state.with(new State.FailoverFact(primary, successor.get(), now, why));
    return Optional.of(record.withPrimary(successor.get()));
  }

  /** Rule 9: committed once a strict majority by count was verified at the target. */
  private Optional<ClusterRecord> commit() {
    if (assessment.target().isEmpty()) {
      return Optional.empty();
    }
    Target target = assessment.target().get();
    if (record.committed().isPresent()
        && !target.position().isAfter(record.committed().get().position())) {
      return Optional.empty();
    }
    List<String> verified =
        record.members().keySet().stream()
            .filter(
                m ->
                    state.member(m).usable() && target.rememberedBy(state.member(m).ballot().get()))
            .toList();
    if (verified.size() < record.majority()) {
      return Optional.empty();
    }
    long epoch = record.committed().map(Committed::epoch).orElse(0L) + 1;
    commands.add(
        new Command.Tell(
            false,
            "Committed",
            "Epoch "
                + epoch
                + " is "
                + target.root().brief()
                + ": "
                + target.why()
                + "; verified on "
                + String.join(", ", verified)
                + " ("
                + verified.size()
                + " of "
                + record.members().size()
                + ", "
                + record.majority()
                + " needed)."));
    return Optional.of(
        record.withCommitted(new Committed(epoch, target.position(), target.root())));
  }

  // --- repairs
  // ----------------------------------------------------------------------------------------------------

  /** Rule 4: rows that rotted come back from a member that still has them, before anything else. */
  private void restoreRot() {
    for (String name : record.members().keySet()) {
      if (!ready(name) || assessment.classOf(name) == MemberClass.BEHIND) {
        continue;
      }
      Ballot ballot = state.member(name).ballot().get();
      List<Change> rot = ballot.rot();
      if (rot.isEmpty() || ballot.memory().isEmpty()) {
        continue;
      }
      Optional<String> donor = donor(name, ballot, rot);
      if (donor.isPresent()) {
        List<Row> rows =
            rot.stream()
                .filter(c -> c.before().isPresent())
                .map(c -> new Row(c.key(), c.before().get()))
                .toList();
        Digest root = state.member(donor.get()).ballot().get().root();
        String why =
            name(rot) + " rotted and nothing had written to " + (rot.size() == 1 ? "it" : "them");
        prepare(new Job.Repair(name, donor.get(), root, new Job.Aim.Rows(rows), why));
      } else if (!anyBusyDonor(name, ballot, rot)) {
        holds.add(
            new Hold(
                "RotWithoutDonor",
                name(rot)
                    + " rotted on "
                    + name
                    + " and no healthy member holds the remembered content: it is left as it is.",
                "It ends when a member with the content returns, or somebody writes it anew."));
      }
    }
  }

  private Optional<String> donor(String name, Ballot ballot, List<Change> rot) {
    return record.members().keySet().stream()
        .filter(m -> ready(m) && hasRows(m, name, ballot, rot))
        .findFirst();
  }

  private boolean anyBusyDonor(String name, Ballot ballot, List<Change> rot) {
    return record.members().keySet().stream()
        .anyMatch(m -> state.member(m).usable() && hasRows(m, name, ballot, rot));
  }

  private boolean hasRows(String donor, String name, Ballot ballot, List<Change> rot) {
    if (donor.equals(name) || !state.member(donor).usable()) {
      return false;
    }
    Ballot theirs = state.member(donor).ballot().get();
    return theirs.memory().isPresent()
        && theirs.memory().get().root().equals(ballot.memory().get().root())
        && rot.stream().allMatch(c -> c.before().isPresent() && theirs.keeps(c.key()));
  }

  /** Rules 7 and 8: everybody to the target. */
  private void follow(Target target) {
    Optional<String> primary = record.primary();
    // 1. The primary accepts an elected root before anyone copies it.
    if (primary.isPresent() && state.member(primary.get()).usable()) {
      Ballot ballot = state.member(primary.get()).ballot().get();
      boolean leads = ballot.root().equals(target.root());
      if (leads && !target.rememberedBy(ballot)) {
        prove(primary.get(), target);
        return;
      }
    }
    // 2. The others follow.
    var names = new java.util.TreeSet<>(config.members().keySet());
    names.addAll(record.members().keySet());
    for (String name : names) {
      if (ready(name)) {
        bring(name, target);
      }
    }
  }

  private void bring(String name, Target target) {
    Ballot ballot = state.member(name).ballot().get();
    if (target.heldBy(ballot)) {
      return;
    }
    if (ballot.root().equals(target.root())) {
      prove(name, target);
      return;
    }
    if (record.isPrimary(name) && !ballot.rot().isEmpty()) {
      return; // only its rot rows are ever touched, and they have no donor
    }
    if (heldBack(name)) {
      return;
    }
    String why = reason(name, ballot, target);
    sample(name, target)
        .ifPresent(
            sample ->
                prepare(
                    new Job.Repair(
                        name, sample, target.root(), new Job.Aim.Whole(target.position()), why)));
  }

  /**
   * A steady member follows at once; one that strayed only after the settle time, and not against a
   * majority.
   */
  private boolean heldBack(String name) {
    MemberClass memberClass = assessment.classOf(name);
    if (memberClass == MemberClass.STEADY || record.committed().isEmpty()) {
      return false;
    }
    boolean settled =
        state
            .member(name)
            .strayingSince()
            .filter(since -> !since.plus(config.settle()).isAfter(now))
            .isPresent();
    return !settled || withMajorityAgainst(name);
  }

  private boolean withMajorityAgainst(String name) {
    Digest root = state.member(name).ballot().get().root();
    boolean disagrees = holds.stream().anyMatch(h -> h.reason().equals("MajorityDisagrees"));
    long alike =
        record.members().keySet().stream()
            .filter(
                m -> state.member(m).usable() && state.member(m).ballot().get().root().equals(root))
            .count();
    return disagrees && alike >= record.majority();
  }

  private String reason(String name, Ballot ballot, Target target) {
    if (record.committed().isEmpty()) {
      return "it differed before the first epoch";
    }
    return switch (assessment.classOf(name)) {
      case STEADY -> target.why() + " (" + target.root().brief() + ")";
      case ADVANCED, DRIFTED ->
          name(ballot.changes()) + " differed: " + assessment.classes().get(name).why();
      case BEHIND, UNKNOWN -> assessment.classes().get(name).why();
    };
  }

  /** The primary if it holds the target, otherwise the healthiest holder. */
  private Optional<String> sample(String puller, Target target) {
    return record.members().keySet().stream()
        .filter(m -> !m.equals(puller) && ready(m) && target.heldBy(state.member(m).ballot().get()))
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

  private void prove(String name, Target target) {
    if (!ready(name)) {
      return;
    }
    state = state.counted();
    String id = id();
    state =
        state.with(new Job.Proving(id, name, target.position(), target.root(), now.plus(PROVE)));
    commands.add(new Command.Prove(id, name, target.position(), target.root()));
  }

  private void prepare(Job.Repair repair) {
    state = state.counted();
    String id = id();
    state = state.with(new Job.Preparing(id, repair, now.plus(PREPARE)));
    commands.add(new Command.Serve(id, repair.sample(), repair.root(), repair.member()));
  }

  private String id() {
    return "t" + state.term() + "-" + state.counter();
  }

  /** Up to three rows by name. */
  private static String name(List<Change> changes) {
    String names =
        String.join(", ", changes.stream().limit(3).map(c -> c.key().display()).toList());
    return changes.size() > 3 ? names + " and " + (changes.size() - 3) + " more" : names;
  }
}
