package io.virtquorum.guest;

/** Whether a state is served. */
public sealed interface ServeResult {
  /** It is, as this offer says. */
  record Begun(Offer offer) implements ServeResult {}

  /** The member holds another one. */
  record Differs(Snapshot snapshot) implements ServeResult {}
}
