package io.virtquorum.sidecar;

import io.virtquorum.wire.WireMapping;
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

  /** It was cut off, because whoever ordered it does not wait for it any more. */
  static FromMember recalled(String id) {
    return refused(
        id, WireMapping.RECALLED, "Nobody waits for it any more, and nothing was replaced");
  }

  /** True if something was done, or is served. */
  static boolean isDone(FromMember answer) {
    return answer.hasOffer() || answer.getProgress().getOutcome() == Outcome.OUTCOME_DONE;
  }

  static FromMember message(Progress.Builder progress) {
    return FromMember.newBuilder().setProgress(progress).build();
  }
}
