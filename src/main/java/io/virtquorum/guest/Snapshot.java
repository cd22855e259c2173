package io.virtquorum.guest;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.StaleProcess;
import java.util.List;
import java.util.Optional;

/**
 * What a member holds at one moment, and how it differs from what it remembers. Immutable.
 *
 * @param bootId of the guest's boot that it was read in
 * @param matrix the rows of all file trees
 * @param memory the durable memory, if there is one
 * @param newestTenure of anything that a part of the member remembers, if only one of its trees; 0:
 *     nothing
 * @param changes rows that differ from memory, rot first if there are too many, in the order of
 *     their keys; at most {@value #MAX_CHANGES}; empty without a memory
 * @param changesTotal how many differ
 * @param audited every content was read from the disk, past the page cache
 * @param guestMillis the guest's clock when the reading began, since 1970
 * @param stale who still writes into files that a repair took out of the trees
 * @param asks a number that who waits in the guest wants to hear again, see {@link
 *     Standing#confirmed}; 0: none
 */
public record Snapshot(
    String bootId,
    Matrix matrix,
    Optional<Remembered> memory,
    long newestTenure,
    List<Change> changes,
    int changesTotal,
    boolean audited,
    long guestMillis,
    List<StaleProcess> stale,
    long asks) {
  /** Most changes that are listed; more are only counted. */
  public static final int MAX_CHANGES = 1_000;

  /** Of a member where nobody does, and nobody asks. */
  public Snapshot(
      String bootId,
      Matrix matrix,
      Optional<Remembered> memory,
      List<Change> changes,
      int changesTotal,
      boolean audited,
      long guestMillis) {
    this(
        bootId,
        matrix,
        memory,
        memory.map(m -> m.position().tenure()).orElse(0L),
        changes,
        changesTotal,
        audited,
        guestMillis,
        List.of(),
        0);
  }
}
