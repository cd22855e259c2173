package io.virtquorum.adjudicate;

/** What decides first which state is right. */
public enum Authority {
  /** The recorded primary leads; votes decide whatever that leaves open. The default. */
  RECORD,
  /**
   * The tally alone (design, rule 6): nobody asks who wrote a change, every member with users has
   * the bonus, and the primary itself may lose. The original method; the simulator counts what it
   * costs.
   */
  VOTES
}
