package io.virtquorum.guest;

/**
 * Why a guest did not do what it was asked; the message is a sentence for the person who must act.
 */
public abstract sealed class GuestException extends Exception {
  private GuestException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Nothing answers: no socket, no program, or the guest is off. */
  public static final class Unreachable extends GuestException {
    public Unreachable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** No answer before the deadline; whether it was executed is unknown. */
  public static final class TimedOut extends GuestException {
    public TimedOut(String message) {
      super(message, null);
    }
  }

  /** The guest answered that it will not or cannot. */
  public static final class Refused extends GuestException {
    public Refused(String message) {
      super(message, null);
    }
  }

  /** The guest rebooted in the midst of the call: nothing that was known of it holds any more. */
  public static final class Rebooted extends GuestException {
    public Rebooted(String message) {
      super(message, null);
    }
  }
}
