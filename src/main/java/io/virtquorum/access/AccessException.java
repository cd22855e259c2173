package io.virtquorum.access;

/** Users could not be led to the primary. The message is a sentence for the person who must act. */
public final class AccessException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  AccessException(String message, Throwable cause) {
    super(message, cause);
  }
}
