package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;

/**
 * The committed state C: verified on a strict majority of members and recorded.
 *
 * @param epoch counts commits, from 1
 */
public record Committed(long epoch, Position position, Digest root) {
  /** What a member that holds C remembers. */
  public Remembered remembered() {
    return new Remembered(position, root);
  }
}
