package io.virtquorum.fingerprint;

import java.util.List;
import java.util.Optional;

/**
 * One row in which a member differs from what it remembers.
 *
 * @param before the remembered digest; empty: the row is new
 * @param now the digest that it has; empty: the row is gone
 */
public record Change(RowKey key, Kind kind, Optional<Digest> before, Optional<Digest> now) {
  /** How the change came about (design, rule 2). */
  public enum Kind {
    /**
     * It went through the guest's OS: the ctime moved, or the entry or a directory above it
     * appeared or went.
     */
    WRITTEN,
    /** The content is another and the ctime is not: nobody wrote it. */
    ROT
  }

  /** The rows of some changes, in their order. */
  public static List<RowKey> keys(List<Change> changes) {
    return changes.stream().map(Change::key).toList();
  }
}
