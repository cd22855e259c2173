package io.virtquorum.vote;

import io.virtquorum.fingerprint.Digest;
import java.util.List;

/** The counted votes of one unit. */
public sealed interface Tally {
  /** The weight of all that may vote, absent members included. */
  long total();

  /** The votes in the order in which they were given. */
  List<Vote> votes();

  /** The weight that voted for a root. */
  default long weightOf(Digest root) {
    return votes().stream().filter(v -> v.root().equals(root)).mapToLong(Vote::weight).sum();
  }

  /**
   * A root won.
   *
   * @param root the winner
   * @param weight the weight that voted for it
   */
  record Elected(Digest root, long weight, long total, List<Vote> votes) implements Tally {
    public Elected {
      votes = List.copyOf(votes);
    }
  }

  /** No root has what the rule asks for. */
  record NoMajority(long total, List<Vote> votes) implements Tally {
    public NoMajority {
      votes = List.copyOf(votes);
    }
  }
}
