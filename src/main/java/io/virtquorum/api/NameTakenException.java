package io.virtquorum.api;

import io.fabric8.kubernetes.api.model.HasMetadata;

/**
 * Somebody else's object has the name that one of an HACluster's needs. The message is a sentence
 * for the person who must act.
 */
public final class NameTakenException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NameTakenException(HasMetadata present) {
    super(
        "The %s %s/%s is there and is not VirtQuorum's: rename it or the HACluster."
            .formatted(
                present.getKind(),
                present.getMetadata().getNamespace(),
                present.getMetadata().getName()));
  }
}
