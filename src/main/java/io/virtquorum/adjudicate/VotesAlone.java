package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.vote.Tally;
import java.util.Comparator;
import java.util.Optional;

/**
 * {@link Authority#VOTES}, the original method: whatever root the tally elects is right, whoever
 * wrote it, and the primary may lose too. Without a winner nothing is touched.
 */
final class VotesAlone {
  private VotesAlone() {}

  static Ruling rule(Picture picture, Committed committed) {
    if (!(picture.count().tally().orElse(null) instanceof Tally.Elected elected)) {
      return Ruling.hold(
          picture,
          Hold.waiting(
              "NoMajority",
              "No state has the votes that it takes, and voting.authority is Votes: nothing is touched.",
              "It ends when votes change."));
    }
    return Ruling.of(picture.elect(target(picture, committed, elected.root())));
  }

  private static Target target(Picture picture, Committed committed, Digest root) {
    Optional<Remembered> newest =
        picture
            .usable()
            .flatMap(m -> picture.ballot(m).memory().stream())
            .filter(m -> m.position().isAfter(committed.position()))
            .filter(m -> m.position().tenure() <= picture.record().tenure())
            .max(Comparator.comparing(Remembered::position));
    if (newest.isEmpty() && root.equals(committed.root())) {
      return picture.committedTarget(committed);
    }
    return new Target(
        newest
            .filter(m -> m.root().equals(root))
            .filter(m -> m.position().tenure() == picture.record().tenure())
            .map(Remembered::position)
            .orElseGet(
                () ->
                    picture
                        .record()
                        .next(newest.map(Remembered::position).orElse(committed.position()))),
        root,
        Target.Ground.VOTED,
        Optional.empty());
  }
}
