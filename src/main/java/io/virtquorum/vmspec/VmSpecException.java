package io.virtquorum.vmspec;

/** A feature of state.vmSpec cannot work. The message is a sentence for the person who must act. */
public final class VmSpecException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  VmSpecException(String message, Throwable cause) {
    super(message, cause);
  }
}
