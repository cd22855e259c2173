package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;

/**
 * The state that everyone is to hold: C, or an elected root on its way to be the next.
 *
 * @param why completes "the target is 9f2c: ..."
 */
public record Target(Position position, Digest root, String why) {
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
