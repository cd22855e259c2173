package io.virtquorum.adjudicate;

/** What a member's ballot amounts to, measured against the committed state (design, rule 3). */
public enum MemberClass {
  /** No ballot, an unhealthy one, or nothing committed to measure it against. */
  UNKNOWN,
  /** Holds the committed state, or a newer root that it accepted. */
  STEADY,
  /** All that changed since was written by somebody entitled to. */
  ADVANCED,
  /** Some of what changed was not. */
  DRIFTED,
  /** Remembers nothing, or less than the committed state: it does not vote. */
  BEHIND
}
