package io.virtquorum.network;

/**
 * A VM or a network cannot be used as it is. The message is a sentence for the person who must act.
 */
public final class NetworkException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NetworkException(String message) {
    super(message);
  }

  NetworkException(String message, Throwable cause) {
    super(message, cause);
  }
}
