package io.virtquorum.vote;

/** How many votes elect a root. */
public enum VotingRule {
  /** More than half of all weight, absent members included: 2w &gt; W. The default. */
  STRICT_MAJORITY,
  /**
   * At least half of all weight: 2w &gt;= W. The original rule; two roots can reach it, and then a
   * tie is decided.
   */
  AT_LEAST_HALF,
  /** More weight than any other root has. */
  PLURALITY;

  /**
   * The least weight that elects.
   *
   * @param total of all that may vote
   */
  public long needed(long total) {
    return switch (this) {
      case STRICT_MAJORITY -> total / 2 + 1;
      case AT_LEAST_HALF -> (total + 1) / 2;
      case PLURALITY -> 1;
    };
  }
}
