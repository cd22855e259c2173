package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Departure;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Nothing of the record is lost on its way through the status. */
final class RecordMappingTest {
  @Test
  void givenARecordWithAllThatItCanHaveThenItIsReadAsItWasWritten() {
    ClusterRecord record =
        new ClusterRecord(
            7,
            3,
            Optional.of("web-1"),
            Map.of("web-0", 1, "web-1", 2),
            Optional.of(new Committed(9, new Position(3, 2), new Digest(1, 2, 3, 4))),
            Optional.of(new Digest(5, 6, 7, 8)),
            Map.of("web-0", new Departure(2, "it had a change"), "old", new Departure(1, "")),
            new TreeMap<>(Map.of(1L, 4L, 2L, 17L)),
            Map.of("web-0", 2L, "old", 1L));
    var stored = RecordMapping.write(record, Optional.empty(), Instant.EPOCH);
    assertThat(RecordMapping.read(Optional.of(stored))).isEqualTo(record);
  }
}
