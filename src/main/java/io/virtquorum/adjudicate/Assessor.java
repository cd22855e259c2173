package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.vote.Election;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Decides which state is right (design, rules 3 and 5 to 7, and 14). A pure function of what is
 * known; the vote is counted in {@link #tally}, and whether its winner is followed is decided in
 * {@link #target}.
 */
final class Assessor {
  private final State state;
  private final Config config;
  private final ClusterRecord record;
  private final Instant now;
  private final List<Hold> holds = new ArrayList<>();
  private final Set<String> disagreeing = new TreeSet<>();

  private Assessor(State state, Instant now) {
    this.state = state;
    this.config = state.config().orElseThrow();
    this.record = state.record();
    this.now = now;
  }

  /** Assesses a state whose config is known. */
  static Assessment assess(State state, Instant now) {
    return new Assessor(state, now).assess();
  }

  private Assessment assess() {
    Map<String, Classification> classes = new TreeMap<>();
    var names = new TreeSet<>(record.members().keySet());
    names.addAll(config.members().keySet());
    names.forEach(name -> classes.put(name, classify(name)));

    Optional<String> favoured =
        record.primary().filter(p -> isIn(classes, p, MemberClass.STEADY, MemberClass.ADVANCED));
    Map<String, Integer> weights = config.weights(record).inElection(favoured);
    Optional<Tally> tally =
        record.members().isEmpty() ? Optional.empty() : Optional.of(tally(classes, weights));

    if (record.committed().isEmpty()) {
      Optional<String> chosen = firstPrimary(tally);
      Optional<Target> target = chosen.flatMap(this::firstTarget);
      return new Assessment(classes, weights, tally, target, chosen, disagreeing, holds);
    }
    Optional<Target> target = tally.map(t -> target(classes, t, record.committed().get()));
    return new Assessment(classes, weights, tally, target, Optional.empty(), disagreeing, holds);
  }

  private Classification classify(String name) {
    MemberState member = state.member(name);
    return switch (member.presence()) {
      case DEAD -> new Classification(MemberClass.UNKNOWN, "it is dead");
      case ABSENT -> new Classification(MemberClass.UNKNOWN, "its sidecar is not connected");
      case ATTACHED -> Classification.of(record, name, member.ballot());
    };
  }

  /**
   * Rule 6. Absent members count in the total at their base weight; those behind, and the
   * unhealthy, do not vote.
   */
  private Tally tally(Map<String, Classification> classes, Map<String, Integer> weights) {
    List<Vote> votes = new ArrayList<>();
    for (String name : record.members().keySet()) {
      MemberState member = state.member(name);
      if (member.usable() && classes.get(name).memberClass() != MemberClass.BEHIND) {
        votes.add(new Vote(name, member.ballot().get().root(), weights.get(name)));
      }
    }
    int witness = config.weights(record).witness();
    record
        .committed()
        .filter(c -> witness > 0)
        .ifPresent(c -> votes.add(new Vote(Vote.WITNESS, c.root(), witness)));
    long total = weights.values().stream().mapToLong(Integer::longValue).sum() + witness;
    return new Election(config.rule(), total, record.committed().map(Committed::root)).count(votes);
  }

  /** Rule 7, after the first epoch. */
  private Target target(Map<String, Classification> classes, Tally tally, Committed committed) {
    Target restore =
        new Target(committed.position(), committed.root(), "it is the committed state");
    // What was elected stays elected until the primary's own ballot says otherwise.
    Target keep = newestAccepted(classes, committed).orElse(restore);
    Optional<String> primary = record.primary().filter(p -> state.member(p).usable());
    // 1. Without the primary's own ballot the newest accepted root is kept.
    if (primary.isEmpty()) {
      return keep;
    }
    String name = primary.get();
    Ballot ballot = state.member(name).ballot().get();
    // 2. An elected root that members are pulling right now is seen through first.
    Optional<Target> accepted = accepted(ballot, committed);
    if (accepted.isPresent() && underWay(accepted.get().position())) {
      return accepted.get();
    }
    // 3. A primary that holds C, and nothing newer, keeps it; a majority against it is only
    // reported.
    boolean newer =
        ballot.memory().filter(m -> m.position().isAfter(committed.position())).isPresent();
    if (ballot.root().equals(committed.root()) && !newer) {
      majorityAgainst(classes, committed);
      return restore;
    }
    // 4. A primary that is behind cannot lead anywhere.
    MemberClass own = classes.get(name).memberClass();
    if (own == MemberClass.BEHIND || own == MemberClass.UNKNOWN) {
      return keep;
    }
    // 5. A drifted one only with a majority by count, and never with rows that rotted.
    if (own == MemberClass.DRIFTED
        && (!ballot.rot().isEmpty() || heldByCount(ballot.root()) < record.majority())) {
      return keep;
    }
    // 6. Leaving C takes the primary's own ballot and the vote.
    if (!(tally instanceof Tally.Elected elected) || !elected.root().equals(ballot.root())) {
      holds.add(
          new Hold(
              "NoMajority",
              "The primary "
                  + name
                  + " holds "
                  + ballot.root().brief()
                  + ", which "
                  + tally.weightOf(ballot.root())
                  + " of "
                  + tally.total()
                  + " votes are for: too few to replace the committed "
                  + committed.root().brief()
                  + ".",
              "It ends when the missing members report, or their votes change."));
      return keep;
    }
    String why = "the primary " + name + " wrote it";
    if (accepted.isPresent() && accepted.get().root().equals(ballot.root())) {
      return new Target(accepted.get().position(), ballot.root(), why);
    }
    return new Target(nextPosition(ballot, committed), ballot.root(), why);
  }

  /** The root beyond C that a member remembers of the primary's tenure. */
  private Optional<Target> accepted(Ballot ballot, Committed committed) {
    return ballot
        .memory()
        .filter(
            m ->
                m.position().tenure() == record.tenure()
                    && m.position().isAfter(committed.position()))
        .map(
            m ->
                new Target(
                    m.position(),
                    m.root(),
                    "the primary " + record.primary().orElseThrow() + " wrote it"));
  }

  /** The newest root beyond C that was accepted in this tenure and that a living member holds. */
  private Optional<Target> newestAccepted(
      Map<String, Classification> classes, Committed committed) {
    return record.members().keySet().stream()
        .filter(m -> isIn(classes, m, MemberClass.STEADY))
        .map(m -> state.member(m).ballot().get())
        .filter(Ballot::unchanged)
        .flatMap(ballot -> accepted(ballot, committed).stream())
        .max(Comparator.comparing(Target::position));
  }

  private boolean underWay(Position position) {
    return state.jobs().stream()
        .anyMatch(
            job ->
                switch (job) {
                  case Job.Proving proving -> proving.position().equals(position);
                  case Job.Preparing preparing -> isFor(preparing.repair(), position);
                  case Job.Repairing repairing -> isFor(repairing.repair(), position);
                });
  }

  private static boolean isFor(Job.Repair repair, Position position) {
    return repair.aim() instanceof Job.Aim.Whole whole && whole.position().equals(position);
  }

  /**
   * Sequence numbers never repeat: the primary accepts a root before anyone else does, so it knows
   * the latest.
   */
  private Position nextPosition(Ballot ballot, Committed committed) {
    Position latest = committed.position();
    if (ballot.memory().isPresent() && ballot.memory().get().position().isAfter(latest)) {
      latest = ballot.memory().get().position();
    }
    return latest.tenure() == record.tenure() ? latest.next() : new Position(record.tenure(), 1);
  }

  private void majorityAgainst(Map<String, Classification> classes, Committed committed) {
    Map<Digest, List<String>> alike = new HashMap<>();
    for (String name : record.members().keySet()) {
      MemberState member = state.member(name);
      if (member.usable()
          && isIn(classes, name, MemberClass.ADVANCED, MemberClass.DRIFTED)
          && member.ballot().get().rot().isEmpty()) {
        alike.computeIfAbsent(member.ballot().get().root(), r -> new ArrayList<>()).add(name);
      }
    }
    for (var entry : alike.entrySet()) {
      List<String> names = entry.getValue();
      if (names.size() < record.majority()) {
        continue;
      }
      disagreeing.addAll(names);
      if (names.stream().allMatch(m -> state.member(m).strayedFor(config.settle(), now))) {
        holds.add(
            new Hold(
                "MajorityDisagrees",
                "%s changed alike to %s while the primary %s still holds the committed %s: they are left as they are."
                    .formatted(
                        String.join(" and ", names),
                        entry.getKey().brief(),
                        record.primary().orElseThrow(),
                        committed.root().brief()),
                "It ends when the primary changes alike, they change back, or a person promotes one"
                    + " of them."));
      }
    }
  }

  private long heldByCount(Digest root) {
    return record.members().keySet().stream()
        .map(state::member)
        .filter(m -> m.usable() && m.ballot().get().root().equals(root))
        .count();
  }

  /** Rule 14: whose state the first epoch is to be. */
  private Optional<String> firstPrimary(Optional<Tally> tally) {
    if (record.members().isEmpty()) {
      return Optional.empty();
    }
    if (config.bootstrapFrom().isPresent()) {
      String from = config.bootstrapFrom().get();
      if (!record.members().containsKey(from)) {
        return hold(
            "BootstrapUnknown",
            "spec.bootstrap.from names " + from + ", which is not a member.",
            "Name one of " + String.join(", ", record.members().keySet()) + ".");
      }
      if (!state.member(from).usable()) {
        return hold(
            "WaitingForMembers",
            "Waiting for " + from + " (" + excuse(from) + ").",
            "It ends when it reports.");
      }
      return Optional.of(from);
    }
    List<String> missing =
        record.members().keySet().stream().filter(name -> !state.member(name).usable()).toList();
    if (!missing.isEmpty()) {
      return hold(
          "WaitingForMembers",
          "Waiting for "
              + String.join(", ", missing.stream().map(m -> m + " (" + excuse(m) + ")").toList())
              + ".",
          "The first epoch needs every member; it begins when they report.");
    }
    List<Digest> roots =
        record.members().keySet().stream()
            .map(m -> state.member(m).ballot().get().root())
            .distinct()
            .toList();
    if (roots.size() == 1) {
      return Optional.of(
          record.primary().filter(record.members()::containsKey).orElse(firstName()));
    }
    if (config.bootstrapVote()
        && tally.isPresent()
        && tally.get() instanceof Tally.Elected elected) {
      List<String> voters =
          elected.votes().stream()
              .filter(v -> v.root().equals(elected.root()))
              .map(Vote::voter)
              .toList();
      // Once chosen it stays chosen, though others become equal to it.
      return Optional.of(record.primary().filter(voters::contains).orElse(voters.getFirst()));
    }
    String differing =
        String.join(", ", record.members().keySet().stream().map(this::nameAndRoot).toList());
    return config.bootstrapVote()
        ? hold(
            "BootstrapTied",
            "The members differ and no state has a majority: " + differing + ".",
            "Set spec.bootstrap.from to the member whose state is right.")
        : hold(
            "BootstrapNeeded",
            "The members differ and nothing is committed yet: " + differing + ".",
            "Set spec.bootstrap.from to the member whose state is right, or spec.bootstrap.vote to"
                + " true.");
  }

  private Optional<Target> firstTarget(String chosen) {
    Ballot ballot = state.member(chosen).ballot().get();
    // A memory of the tenure that is about to begin can only come from this same first epoch.
    Position position =
        ballot
            .memory()
            .filter(m -> record.isPrimary(chosen) && m.position().tenure() == record.tenure())
            .map(m -> ballot.unchanged() ? m.position() : m.position().next())
            .orElse(new Position(Math.max(record.tenure(), 1), 1));
    return Optional.of(
        new Target(position, ballot.root(), "it is to be the first epoch, from " + chosen));
  }

  private Optional<String> hold(String reason, String message, String until) {
    holds.add(new Hold(reason, message, until));
    return Optional.empty();
  }

  private String firstName() {
    return record.members().keySet().iterator().next();
  }

  private String excuse(String name) {
    return classify(name).why();
  }

  private String nameAndRoot(String name) {
    return name + " holds " + state.member(name).ballot().get().root().brief();
  }

  private static boolean isIn(
      Map<String, Classification> classes, String name, MemberClass... wanted) {
    Classification found = classes.get(name);
    return found != null && List.of(wanted).contains(found.memberClass());
  }
}
