package io.virtquorum.sidecar;

import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.Progress.Outcome;

/** How commands end, as messages. Pure. */
final class Answers {
  private Answers() {}

  /** It was done and proved. */
  static Progress.Builder done(String id) {
    return Progress.newBuilder().setCommandId(id).setOutcome(Outcome.OUTCOME_DONE);
  }

  /** The state moved meanwhile; nothing was changed. */
  static FromMember moved(String id, String sentence) {
    return message(
        Progress.newBuilder()
            .setCommandId(id)
            .setOutcome(Outcome.OUTCOME_VOID)
            .setReason("Moved")
            .setMessage(sentence));
  }

  /** It could not be done. */
  static FromMember failed(String id, String reason, String sentence) {
    return message(
        Progress.newBuilder()
            .setCommandId(id)
            .setOutcome(Outcome.OUTCOME_FAILED)
            .setReason(reason)
            .setMessage(sentence));
  }

  /** It is not to be done by this sidecar, now or ever. */
  static FromMember refused(String id, String reason, String sentence) {
    return message(
        Progress.newBuilder()
            .setCommandId(id)
            .setOutcome(Outcome.OUTCOME_REFUSED)
            .setReason(reason)
            .setMessage(sentence));
  }

  static FromMember message(Progress.Builder progress) {
    return FromMember.newBuilder().setProgress(progress).build();
  }
}
