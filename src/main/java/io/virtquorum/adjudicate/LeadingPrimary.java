package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.vote.Tally;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Rule 7 after the first epoch: leaving C takes the primary's own current ballot and the votes, or
 * a person; keeping C needs neither.
 */
final class LeadingPrimary {
  private final Picture picture;
  private final Committed committed;
  private final ClusterRecord record;

  private LeadingPrimary(Picture picture, Committed committed) {
    this.picture = picture;
    this.committed = committed;
    this.record = picture.record();
  }

  static Ruling rule(Picture picture, Committed committed) {
    return new LeadingPrimary(picture, committed).rule();
  }

  private Ruling rule() {
    // What was elected stays elected until the primary's own ballot says otherwise.
    Target keep = newestAccepted().orElse(picture.committedTarget(committed));
    Optional<String> primary = picture.primary();
    // 1. Without the primary's own ballot the newest accepted root is kept, whoever changed alike:
    // a majority disagrees only with a primary that says what it holds.
    if (primary.isEmpty()) {
      return Ruling.of(picture.elect(keep));
    }
    String name = primary.get();
    Ballot ballot = picture.ballot(name);
    // 2. A primary that accepted less than another member in its own tenure forgot: what it
    // accepted stays elected.
    if (Succession.forgot(picture, name)) {
      return Ruling.of(picture.elect(keep));
    }
    // 3. An elected root that members are pulling right now is seen through first.
    Optional<Target> accepted = picture.accepted(ballot, committed);
    if (accepted.isPresent() && picture.isUnderWay(accepted.get().position())) {
      return Ruling.of(picture.elect(accepted.get()));
    }
    // 4. A primary that holds C, and nothing newer, keeps it; a majority against it is only
    // reported.
    boolean newer =
        ballot.memory().filter(m -> m.position().isAfter(committed.position())).isPresent();
    if (ballot.root().equals(committed.root()) && !newer) {
      return against(
          picture.committedTarget(committed),
          "the primary " + name + " still holds the committed " + committed.root().brief());
    }
    // 5. A primary that is behind cannot lead anywhere, nor one with rows that rotted: they come
    // back first, and until then nobody can say whether it agrees with a majority.
    if (picture.is(name, MemberClass.DRIFTED)) {
      return new Ruling(picture.elect(keep), Optional.empty(), alike().keySet(), List.of());
    }
    if (!picture.is(name, MemberClass.STEADY, MemberClass.ADVANCED)) {
      return Ruling.of(picture.elect(keep));
    }
    // 6. Leaving C takes the primary's own ballot and the vote.
    Optional<Tally> tally = picture.count().tally();
    if (!(tally.orElse(null) instanceof Tally.Elected elected)
        || !elected.root().equals(ballot.root())) {
      return Ruling.of(picture.elect(keep), tooFew(name, ballot.root(), tally));
    }
    if (accepted.isPresent() && accepted.get().root().equals(ballot.root())) {
      return Ruling.of(picture.elect(accepted.get()));
    }
    Target.Ground ground =
        picture.classes().get(name).cause() instanceof Cause.Promoted
            ? Target.Ground.PROMOTED
            : Target.Ground.WRITTEN;
    return Ruling.of(
        picture.elect(new Target(nextPosition(ballot), ballot.root(), ground, Optional.of(name))));
  }

  private Hold tooFew(String name, Digest root, Optional<Tally> tally) {
    return Hold.waiting(
        "NoMajority",
        "The primary %s holds %s, which %d of %d votes are for: too few to replace the committed %s."
            .formatted(
                name,
                root.brief(),
                tally.map(t -> t.weightOf(root)).orElse(0L),
                tally.map(Tally::total).orElse(0L),
                committed.root().brief()),
        "It ends when the missing members report, their votes change, or a person promotes a"
            + " member.");
  }

  /** The newest root beyond C that was accepted in this tenure and that a living member holds. */
  private Optional<Target> newestAccepted() {
    return picture
        .usable()
        .filter(m -> picture.is(m, MemberClass.STEADY))
        .map(picture::ballot)
        .filter(Ballot::unchanged)
        .flatMap(ballot -> picture.accepted(ballot, committed).stream())
        .max(Comparator.comparing(Target::position));
  }

  /**
   * Sequence numbers never repeat: the primary accepts a root before anyone else does, so it knows
   * the latest.
   */
  private Position nextPosition(Ballot ballot) {
    Position latest = committed.position();
    if (ballot.memory().isPresent() && ballot.memory().get().position().isAfter(latest)) {
      latest = ballot.memory().get().position();
    }
    return record.next(latest);
  }

  /** Members that are a majority by count and changed alike, with what they hold now. */
  private Map<String, Digest> alike() {
    Map<Digest, List<String>> alike = new TreeMap<>();
    picture
        .usable()
        .filter(m -> picture.is(m, MemberClass.ADVANCED, MemberClass.DRIFTED))
        .filter(m -> picture.ballot(m).rot().isEmpty())
        .forEach(
            m -> alike.computeIfAbsent(picture.ballot(m).root(), r -> new ArrayList<>()).add(m));
    Map<String, Digest> found = new TreeMap<>();
    alike.forEach(
        (root, names) -> {
          if (names.size() >= record.majority()) {
            names.forEach(name -> found.put(name, root));
          }
        });
    return found;
  }

  /** Keeps a target; members that are a majority and changed alike against it are left alone. */
  private Ruling against(Target kept, String meanwhile) {
    Map<String, Digest> alike = alike();
    List<Hold> holds = new ArrayList<>();
    if (!alike.isEmpty() && alike.keySet().stream().allMatch(picture::isSettled)) {
      List<String> names = List.copyOf(alike.keySet());
      holds.add(disagreement(names, alike.get(names.getFirst()), meanwhile));
    }
    return new Ruling(picture.elect(kept), Optional.empty(), alike.keySet(), holds);
  }

  private static Hold disagreement(List<String> names, Digest root, String meanwhile) {
    return Hold.waiting(
        "MajorityDisagrees",
        "%s changed alike to %s while %s: they are left as they are."
            .formatted(Words.and(names), root.brief(), meanwhile),
        "It ends when the primary changes alike, they change back, or a person promotes one of"
            + " them.");
  }
}
