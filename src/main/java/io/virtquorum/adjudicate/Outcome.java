package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.StaleProcess;
import java.time.Duration;
import java.util.List;

/** How an order to a member ended. */
public sealed interface Outcome {
  /**
   * It did what was asked, and proved it.
   *
   * @param rows replaced or deleted
   * @param bytes that crossed the sync network
   * @param archiveEntry where the replaced rows are; empty: nothing was replaced
   * @param stale who still writes into what was replaced
   */
  record Done(int rows, long bytes, Duration took, String archiveEntry, List<StaleProcess> stale)
      implements Outcome {
    public Done {
      stale = List.copyOf(stale);
    }

    /** Nobody does. */
    public Done(int rows, long bytes, Duration took, String archiveEntry) {
      this(rows, bytes, took, archiveEntry, List.of());
    }
  }

  /**
   * More was written before it was proven: it holds this, proved it, and remembers it at the
   * position that was asked for.
   */
  record Accepted(Digest root) implements Outcome {}

  /**
   * The state moved meanwhile; nothing was changed.
   *
   * @param message what moved, without a full stop
   */
  record Void(String message) implements Outcome {}

  /** It was recalled before anything was replaced. */
  record Recalled() implements Outcome {}

  /**
   * It could not be done; whatever was changed is archived.
   *
   * @param asked false if the order could not even be given
   */
  record Failed(Trouble trouble, boolean asked) implements Outcome {
    public Failed(Trouble trouble) {
      this(trouble, true);
    }
  }
}
