package io.virtquorum.vote;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Counts votes (design, rule 6). The result does not depend on the order of the votes.
 *
 * @param rule what elects
 * @param total the weight of all that may vote; at least the weight of the votes given
 * @param incumbent the root that wins a tie: the committed one
 */
public record Election(VotingRule rule, long total, Optional<Digest> incumbent) {

  /**
   * Holds the vote.
   *
   * @throws IllegalArgumentException if more weight votes than there is
   */
  public Tally count(List<Vote> votes) {
    long given = 0;
    for (Vote vote : votes) {
      given += vote.weight();
    }
    if (given > total) {
      throw new IllegalArgumentException("votes weigh " + given + " of " + total);
    }
    Optional<Digest> winner =
        switch (rule) {
          case STRICT_MAJORITY -> strictMajority(votes);
          case AT_LEAST_HALF, PLURALITY -> best(votes, rule.needed(total));
        };
    return winner
        .<Tally>map(root -> new Tally.Elected(root, weight(votes, root), total, votes))
        .orElseGet(() -> new Tally.NoMajority(total, votes));
  }

  /**
   * Weighted Boyer-Moore majority vote (Boyer, Moore 1981), then a second pass that counts the
   * candidate.
   */
  private Optional<Digest> strictMajority(List<Vote> votes) {
    Digest candidate = null;
    long lead = 0;
    for (Vote vote : votes) {
      if (vote.root().equals(candidate)) {
        lead += vote.weight();
      } else if (vote.weight() > lead) {
        candidate = vote.root();
        lead = vote.weight() - lead;
      } else {
        lead -= vote.weight();
      }
    }
    return candidate != null && 2 * weight(votes, candidate) > total
        ? Optional.of(candidate)
        : Optional.empty();
  }

  /**
   * The heaviest root of at least this weight; a tie goes to the incumbent, otherwise to nobody.
   */
  private Optional<Digest> best(List<Vote> votes, long least) {
    Map<Digest, Long> weights = new HashMap<>();
    votes.forEach(vote -> weights.merge(vote.root(), (long) vote.weight(), Long::sum));
    long most = weights.values().stream().mapToLong(Long::longValue).max().orElse(0);
    if (most < Math.max(least, 1)) {
      return Optional.empty();
    }
    List<Digest> leaders = new ArrayList<>();
    weights.forEach(
        (root, weight) -> {
          if (weight == most) {
            leaders.add(root);
          }
        });
    return leaders.size() == 1
        ? Optional.of(leaders.getFirst())
        : incumbent.filter(leaders::contains);
  }

  private static long weight(List<Vote> votes, Digest root) {
    long weight = 0;
    for (Vote vote : votes) {
      weight += vote.root().equals(root) ? vote.weight() : 0;
    }
    return weight;
  }
}
