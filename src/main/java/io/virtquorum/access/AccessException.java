package io.virtquorum.access;

import io.fabric8.kubernetes.api.model.HasMetadata;

/** Users could not be led to the primary. The message is a sentence for the person who must act. */
public class AccessException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  AccessException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Somebody else's object has the name that ours needs; it was left as it is. */
  public static final class NameTaken extends AccessException {

    private static final long serialVersionUID = 1L;

    NameTaken(HasMetadata present) {
      super(
          "The %s %s/%s is there and is not VirtQuorum's: rename it or the HACluster."
              .formatted(
                  present.getKind(),
                  present.getMetadata().getNamespace(),
                  present.getMetadata().getName()),
          null);
    }
  }
}
