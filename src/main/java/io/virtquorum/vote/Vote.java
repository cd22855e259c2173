package io.virtquorum.vote;

import io.virtquorum.fingerprint.Digest;

/**
 * One counted vote.
 *
 * @param voter a member's name, or {@link #WITNESS}
 * @param root what it votes for
 * @param weight 0 or more
 */
public record Vote(String voter, Digest root, int weight) {
  /**
   * The voter that stands for the committed state in a cluster with an even number of members
   * (design, rule 5).
   */
  public static final String WITNESS = "(witness)";

  public Vote {
    if (weight < 0) {
      throw new IllegalArgumentException("a vote cannot weigh " + weight);
    }
  }
}
