package io.virtquorum.operator;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.api.HAClusterStatus;
import java.time.Instant;
import java.util.Optional;

/**
 * What an adjudicator takes over from the one before it.
 *
 * @param record as it was read
 * @param floor its own term is above this, and above the record's
 * @param exposedSince what the status shows of exposure: it stands until the primary itself says
 *     otherwise
 * @param committedAt when C was committed, as the record has it
 */
record Legacy(
    ClusterRecord record,
    long floor,
    Optional<Instant> exposedSince,
    Optional<Instant> committedAt) {
  /** What there is to read in a status. */
  static Legacy of(ClusterRecord record, long floor, Optional<HAClusterStatus> status) {
    return new Legacy(
        record,
        floor,
        status.map(HAClusterStatus::exposureSince),
        status
            .flatMap(HAClusterStatus::recorded)
            .flatMap(io.virtquorum.api.ClusterRecord::commitment)
            .map(io.virtquorum.api.ClusterRecord.Committed::time));
  }

  long nextTerm() {
    return Math.max(record.term(), floor) + 1;
  }
}
