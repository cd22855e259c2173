package io.virtquorum.guest;

import io.virtquorum.fingerprint.StaleProcess;
import java.util.List;

/** How a pull ended. */
public sealed interface PullResult {
  /**
   * The goal is reached, verified and durable.
   *
   * @param rows that were replaced, created or deleted
   * @param bytes that crossed the sync network in both directions
   * @param archiveEntry what was replaced is there; empty if nothing was
   * @param millis from the first look to the proof
   * @param warnings sentences: commands that failed after the repair; the repair itself is good
   * @param stale who still writes into what was replaced
   */
  record Done(
      int rows,
      long bytes,
      String archiveEntry,
      long millis,
      List<String> warnings,
      List<StaleProcess> stale)
      implements PullResult {
    public Done {
      warnings = List.copyOf(warnings);
      stale = List.copyOf(stale);
    }

    /** Nobody does. */
    public Done(int rows, long bytes, String archiveEntry, long millis, List<String> warnings) {
      this(rows, bytes, archiveEntry, millis, warnings, List.of());
    }
  }

  /** The sample or this member moved meanwhile; nothing was changed, try again. */
  record Void(String message) implements PullResult {}

  /**
   * @param message a sentence for the person who must act
   */
  record Failed(Reason reason, String message) implements PullResult {}

  /** Why a pull failed. Stable names. */
  enum Reason {
    /** No room in the guest; nothing was changed. */
    GuestDiskFull,
    /** What would be replaced does not fit the archive; nothing was changed. */
    ArchiveFull,
    /** The sample does not let this member in. */
    SampleRefused,
    /** The sample cannot be reached over the sync network, or not fast enough. */
    SampleUnreachable,
    /** A directory must go and holds rows that must stay. */
    NotEmpty,
    /**
     * All was applied, and the member is still not as it must be; what was replaced is archived.
     */
    StillDiffers
  }
}
