package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.vote.Tally;
import java.util.Comparator;
import java.util.Optional;

/**
 * {@link Authority#VOTES}, the original method: whatever root the tally elects is right, whoever
 * wrote it, and the primary may lose too. Without a winner nothing is touched, until a person
 * promotes a member.
 */
final class VotesAlone {
  private VotesAlone() {}

  static Ruling rule(Picture picture, Committed committed) {
    if (picture.record().mandate().isPresent()) {
      return ordered(picture, committed)
          .map(target -> Ruling.of(picture.elect(target)))
          .orElseGet(() -> waiting(picture));
    }
    if (!(picture.count().tally().orElse(null) instanceof Tally.Elected elected)) {
      return Ruling.hold(
          picture,
          Hold.waiting(
              "NoMajority",
              "No state has the votes that it takes, and voting.authority is Votes: nothing is touched.",
              "It ends when votes change, or a person promotes a member."));
    }
    return Ruling.of(picture.elect(target(picture, committed, elected.root())));
  }

  private static Ruling waiting(Picture picture) {
    String primary = picture.record().primary().orElse("nobody");
    Hold hold =
        Hold.passing(
            "PromotionWaits",
            "%s was promoted, and what it holds is not committed yet: %s."
                .formatted(primary, picture.why(primary)),
            "It ends when it reports.");
    return picture.isUsable(primary)
        ? Ruling.silent(picture, hold) // a person is told to promote it again
        : Ruling.hold(picture, hold);
  }

  /**
   * Until it is committed, what a person promoted needs no votes: those who are behind have none,
   * and may be too many.
   */
  private static Optional<Target> ordered(Picture picture, Committed committed) {
    Optional<String> primary =
        picture.primary().filter(p -> picture.is(p, MemberClass.STEADY, MemberClass.ADVANCED));
    if (primary.isEmpty()) {
      return Optional.empty();
    }
    Ballot ballot = picture.ballot(primary.get());
    return picture
        .accepted(ballot, committed)
        .filter(target -> target.isHeldBy(ballot) || picture.isUnderWay(target.position()))
        .or(
            () -> {
              Position position = next(picture, committed, newest(picture, committed));
              return Optional.of(
                  new Target(position, ballot.root(), Target.Ground.PROMOTED, primary));
            });
  }

  private static Target target(Picture picture, Committed committed, Digest root) {
    Optional<Remembered> newest = newest(picture, committed);
    if (newest.isEmpty() && root.equals(committed.root())) {
      return picture.committedTarget(committed);
    }
    return new Target(
        newest
            .filter(m -> m.root().equals(root))
            .filter(m -> m.position().tenure() == picture.record().tenure())
            .map(Remembered::position)
            .orElseGet(() -> next(picture, committed, newest)),
        root,
        Target.Ground.VOTED,
        Optional.empty());
  }

  /** What anybody accepted last beyond C. */
  private static Optional<Remembered> newest(Picture picture, Committed committed) {
    return picture
        .usable()
        .flatMap(m -> picture.ballot(m).memory().stream())
        .filter(m -> m.position().isAfter(committed.position()))
        .filter(m -> m.position().tenure() <= picture.record().tenure())
        .max(Comparator.comparing(Remembered::position));
  }

  private static Position next(Picture picture, Committed committed, Optional<Remembered> newest) {
    return picture.record().next(newest.map(Remembered::position).orElse(committed.position()));
  }
}
