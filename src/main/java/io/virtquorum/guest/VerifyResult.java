package io.virtquorum.guest;

/** Whether a member holds a root. */
public sealed interface VerifyResult {
  /** What was read. */
  Snapshot snapshot();

  /** It does, and remembers it durably. */
  record Equal(Snapshot snapshot) implements VerifyResult {}

  /** It holds another one; nothing was changed. */
  record Differs(Snapshot snapshot) implements VerifyResult {}
}
