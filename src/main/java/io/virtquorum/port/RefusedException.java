package io.virtquorum.port;

import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Refusal;

/** The program ended a request without doing all of it; the message is its sentence. */
public final class RefusedException extends Exception {
  private final Reason reason;
  private final String detail;

  /** As the program said it. */
  public RefusedException(Refusal refusal) {
    this(refusal.getReason(), refusal.getDetail(), refusal.getSentence());
  }

  /** For who refuses as the program does. */
  public RefusedException(Reason reason, String detail, String sentence) {
    super(sentence);
    this.reason = reason;
    this.detail = detail;
  }

  /** Why, for programs. */
  public Reason reason() {
    return reason;
  }

  /** A stable word of the operation; may be empty. */
  public String detail() {
    return detail;
  }
}
