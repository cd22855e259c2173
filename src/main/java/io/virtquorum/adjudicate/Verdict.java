package io.virtquorum.adjudicate;

import io.virtquorum.vote.Tally;
import io.virtquorum.vote.VotingRule;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What follows from the ballots at one moment, with the numbers that it rests on: which state is
 * right, or why nobody can say. Status, events and logs speak from it.
 */
public sealed interface Verdict {
  /** The counted votes. */
  Count count();

  /**
   * Everyone is to hold this.
   *
   * @param holders living members that hold it at this moment, in order
   */
  record Elected(Target target, List<String> holders, Count count) implements Verdict {
    public Elected {
      holders = List.copyOf(holders);
    }

    /**
     * Who holds it, by how many votes: "web-0 and web-1 hold the committed 9f2c (5 of 6 votes)".
     */
    public String words() {
      String state =
          (target.ground() == Target.Ground.COMMITTED ? "the committed " : "")
              + target.root().brief();
      return holders.isEmpty()
          ? "%s is the state to be: %s".formatted(state, target.why())
          : "%s %s %s (%s)%s"
              .formatted(
                  Words.and(holders),
                  holders.size() == 1 ? "holds" : "hold",
                  state,
                  count.words(target),
                  target.ground() == Target.Ground.COMMITTED ? "" : ", " + target.why());
    }
  }

  /** Nothing may be repaired. */
  record NoMajority(Hold hold, Count count) implements Verdict {}

  /**
   * The numbers.
   *
   * @param rule by which they were counted
   * @param tally empty while there is nobody to vote
   * @param weights what each member's vote weighs, the primary's bonus included
   * @param primary empty before the first epoch is prepared
   */
  record Count(
      VotingRule rule,
      Optional<Tally> tally,
      Map<String, Integer> weights,
      Optional<String> primary) {
    public Count {
      weights = Map.copyOf(weights);
    }

    /** "5 of 6 votes; the primary web-0 counts 4". */
    String words(Target target) {
      String votes =
          tally
              .map(t -> "%d of %d votes".formatted(t.weightOf(target.root()), t.total()))
              .orElse("no votes");
      return primary
          .filter(p -> weights.getOrDefault(p, 0) > 1)
          .map(p -> "%s; the primary %s counts %d".formatted(votes, p, weights.get(p)))
          .orElse(votes);
    }
  }
}
