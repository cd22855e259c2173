package io.virtquorum.kubevirt;

/** KubeVirt did not do what was asked. The message is a sentence for the person who must act. */
public abstract sealed class KubeVirtException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private KubeVirtException(String message, Throwable cause) {
    super(message, cause);
  }

  /** There is no such VM, instance, or KubeVirt. */
  public static final class NotFound extends KubeVirtException {
    private static final long serialVersionUID = 1L;

    NotFound(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * The object is not in a state in which this can be done, or it changed meanwhile: read it again
   * and decide anew.
   */
  public static final class Conflict extends KubeVirtException {
    private static final long serialVersionUID = 1L;

    Conflict(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Refused for good: a right is missing, or the request is wrong. */
  public static final class Refused extends KubeVirtException {
    private static final long serialVersionUID = 1L;

    Refused(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** No answer within the deadline, or the server is in trouble: whether it was done is unknown. */
  public static final class Unavailable extends KubeVirtException {
    private static final long serialVersionUID = 1L;

    Unavailable(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
