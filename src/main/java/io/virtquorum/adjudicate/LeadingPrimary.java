package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.vote.Tally;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

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
    // 1. Without the primary's own ballot the newest accepted root is kept; a majority that changed
    // alike is left alone, because the primary may have changed with it.
    if (primary.isEmpty()) {
      return against(keep, "the primary does not report");
    }
    String name = primary.get();
    Ballot ballot = picture.ballot(name);
    // 2. An elected root that members are pulling right now is seen through first.
    Optional<Target> accepted = picture.accepted(ballot, committed);
    if (accepted.isPresent() && picture.isUnderWay(accepted.get().position())) {
      return Ruling.of(picture.elect(accepted.get()));
    }
    // 3. A primary that holds C, and nothing newer, keeps it; a majority against it is only
    // reported.
    boolean newer =
        ballot.memory().filter(m -> m.position().isAfter(committed.position())).isPresent();
    if (ballot.root().equals(committed.root()) && !newer) {
      return against(
          picture.committedTarget(committed),
          "the primary " + name + " still holds the committed " + committed.root().brief());
    }
    // 4. A primary that is behind cannot lead anywhere, nor one with rows that rotted: they come
    // back first.
    if (!picture.is(name, MemberClass.STEADY, MemberClass.ADVANCED)) {
      return against(
          keep, "the primary %s cannot say what is right (%s)".formatted(name, picture.why(name)));
    }
    // 5. Leaving C takes the primary's own ballot and the vote.
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

  /** Keeps a target; members that are a majority and changed alike against it are left alone. */
  private Ruling against(Target kept, String meanwhile) {
    Map<Digest, List<String>> alike = new TreeMap<>();
    picture
        .usable()
        .filter(m -> picture.is(m, MemberClass.ADVANCED, MemberClass.DRIFTED))
        .filter(m -> picture.ballot(m).rot().isEmpty())
        .forEach(
            m -> alike.computeIfAbsent(picture.ballot(m).root(), r -> new ArrayList<>()).add(m));
    Set<String> disagreeing = new TreeSet<>();
    List<Hold> holds = new ArrayList<>();
    alike.forEach(
        (root, names) -> {
          if (names.size() >= record.majority()) {
            disagreeing.addAll(names);
            if (names.stream().allMatch(picture::isSettled)) {
              holds.add(disagreement(names, root, meanwhile));
            }
          }
        });
    return new Ruling(picture.elect(kept), Optional.empty(), disagreeing, holds);
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
