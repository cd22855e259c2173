package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.util.Optional;

/**
 * The state that everyone is to hold: C, or an elected root on its way to be the next.
 *
 * @param ground why it is that one
 * @param leader the member whose state it is, where it is somebody's
 */
public record Target(Position position, Digest root, Ground ground, Optional<String> leader) {

  /** Why a root is the target; each names its rule of the design, section 4. */
  public enum Ground {
    /** Rule 7: keeping C needs no vote. */
    COMMITTED,
    /** Rule 7: the primary's own ballot, with the votes that it takes. */
    WRITTEN,
    /** Rule 14: the first epoch. */
    FIRST,
    /** A person's word. */
    PROMOTED,
    /** Rule 6 alone: {@link Authority#VOTES}. */
    VOTED
  }

  /** Completes "the target is 9f2c: ...". */
  public String why() {
    String name = leader.orElse("nobody");
    return switch (ground) {
      case COMMITTED -> "it is the committed state";
      case WRITTEN -> "the primary " + name + " wrote it";
      case FIRST -> "it is to be the first epoch, from " + name;
      case PROMOTED -> "a person promoted " + name + ", which holds it";
      case VOTED -> "the votes alone elected it";
    };
  }

  /** True if the member of this ballot holds the target now and remembers it. */
  public boolean isHeldBy(Ballot ballot) {
    return ballot.root().equals(root) && rememberedBy(ballot);
  }

  boolean rememberedBy(Ballot ballot) {
    return ballot.memory().isPresent()
        && ballot.memory().get().position().equals(position)
        && ballot.memory().get().root().equals(root);
  }
}
