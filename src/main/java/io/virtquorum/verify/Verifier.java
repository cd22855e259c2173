package io.virtquorum.verify;

import io.virtquorum.collect.FileTrees;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.VerifyResult;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Proves that a member holds a root: what changed since it last remembered is read again from the
 * disk, past the page cache. Not safe for use by many threads; its trees have no other caller
 * meanwhile.
 */
public final class Verifier {
  private final FileTrees trees;

  public Verifier(FileTrees trees) {
    this.trees = trees;
  }

  /**
   * Verifies and, if the member holds the root, remembers it there.
   *
   * @param limit for everything
   */
  public VerifyResult verify(Position position, Digest root, Duration limit)
      throws GuestException, Trouble {
    long end = trees.shell().nanoTime() + limit.toNanos();
    Snapshot first = trees.quick(limit);
    if (!first.matrix().root().equals(root)) {
      return new VerifyResult.Differs(first);
    }
    Snapshot again = again(first, left(end));
    if (!again.matrix().root().equals(root)) {
      return new VerifyResult.Differs(again);
    }
    trees.remember(position, again, left(end));
    return new VerifyResult.Equal(again);
  }

  /** With nothing to compare with, or too much, everything is read again. */
  private Snapshot again(Snapshot first, Duration limit) throws GuestException, Trouble {
    if (first.memory().isEmpty() || first.changesTotal() > first.changes().size()) {
      return trees.audit(limit);
    }
    Set<RowKey> changed =
        first.changes().stream().map(Change::key).collect(Collectors.toUnmodifiableSet());
    return trees.recheck(changed, limit);
  }

  private Duration left(long end) {
    return Duration.ofNanos(Math.max(1, end - trees.shell().nanoTime()));
  }
}
