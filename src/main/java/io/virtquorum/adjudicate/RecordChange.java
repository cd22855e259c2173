package io.virtquorum.adjudicate;

import java.util.Optional;

/**
 * A change of the record, and what it means.
 *
 * @param record the whole record as it is to be
 * @param news what to tell people once it is recorded; empty: it is nothing to them
 * @param succession why another primary leads from then on; empty: the same one does
 * @param asked what the primary asked with before this is written; 0: nothing
 */
record RecordChange(
    ClusterRecord record, Optional<Command.Tell> news, Optional<String> succession, long asked) {
  RecordChange(ClusterRecord record, Optional<Command.Tell> news, Optional<String> succession) {
    this(record, news, succession, 0);
  }

  /** A change that nobody needs to hear of. */
  static RecordChange quiet(ClusterRecord record) {
    return new RecordChange(record, Optional.empty(), Optional.empty());
  }

  /** The same, written after the primary asked with this. */
  RecordChange after(long asks) {
    return new RecordChange(record, news, succession, asks);
  }
}
