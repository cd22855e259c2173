package io.virtquorum.operator;

import io.virtquorum.adjudicate.ClusterRecord;
import java.time.Instant;
import java.util.Optional;

/**
 * What an adjudicator takes over from the one before it.
 *
 * @param record as it was read
 * @param floor its own term is above this, and above the record's
 * @param exposedSince what the status shows of exposure: it stands until the primary itself says
 *     otherwise
 */
record Legacy(ClusterRecord record, long floor, Optional<Instant> exposedSince) {
  long nextTerm() {
    return Math.max(record.term(), floor) + 1;
  }
}
