package io.virtquorum.operator;

import static java.util.Objects.requireNonNullElse;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Departure;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.time.Instant;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** Between the record in an HACluster's status and the core's. Pure. */
final class RecordMapping {
  private RecordMapping() {}

  /** From the status; an absent one is {@link ClusterRecord#none}. */
  static ClusterRecord read(Optional<io.virtquorum.api.ClusterRecord> stored) {
    if (stored.isEmpty()) {
      return ClusterRecord.none();
    }
    io.virtquorum.api.ClusterRecord record = stored.get();
    Map<String, Integer> members = new TreeMap<>();
    record.members().forEach(voter -> members.put(voter.name(), voter.weight()));
    Optional<Committed> committed =
        record
            .commitment()
            .map(
                c ->
                    new Committed(
                        c.epoch(), new Position(c.tenure(), c.sequence()), Digest.parse(c.root())));
    return new ClusterRecord(
        record.term(),
        record.tenure(),
        record.primaryMember(),
        members,
        committed,
        record.ordered().map(Digest::parse),
        departed(record),
        ended(record),
        led(record));
  }

  /**
   * To the status.
   *
   * @param before keeps the time of a commit that did not change, and the fence
   */
  static io.virtquorum.api.ClusterRecord write(
      ClusterRecord record, Optional<io.virtquorum.api.ClusterRecord> before, Instant now) {
    var committed =
        record
            .committed()
            .map(
                c ->
                    new io.virtquorum.api.ClusterRecord.Committed(
                        c.epoch(),
                        c.position().tenure(),
                        c.position().sequence(),
                        c.root().hex(),
                        before
                            .flatMap(io.virtquorum.api.ClusterRecord::commitment)
                            .filter(old -> old.epoch() == c.epoch())
                            .map(io.virtquorum.api.ClusterRecord.Committed::time)
                            .orElse(now)))
            .orElse(null);
    return new io.virtquorum.api.ClusterRecord(
        record.term(),
        record.tenure(),
        committed,
        record.mandate().map(Digest::hex).orElse(null),
        record.primary().orElse(null),
        record.members().entrySet().stream()
            .map(e -> new io.virtquorum.api.ClusterRecord.Voter(e.getKey(), e.getValue()))
            .toList(),
        before.map(io.virtquorum.api.ClusterRecord::fence).orElse(null),
        record.departed().entrySet().stream()
            .map(
                e ->
                    new io.virtquorum.api.ClusterRecord.Departed(
                        e.getKey(), e.getValue().tenure(), e.getValue().exposure()))
            .toList(),
        record.ended().entrySet().stream()
            .map(e -> new io.virtquorum.api.ClusterRecord.Ended(e.getKey(), e.getValue()))
            .toList(),
        record.led().entrySet().stream()
            .map(e -> new io.virtquorum.api.ClusterRecord.Led(e.getKey(), e.getValue()))
            .toList());
  }

  private static Map<String, Departure> departed(io.virtquorum.api.ClusterRecord record) {
    Map<String, Departure> departed = new TreeMap<>();
    record
        .departed()
        .forEach(
            d ->
                departed.put(
                    d.name(), new Departure(d.tenure(), requireNonNullElse(d.exposure(), ""))));
    return departed;
  }

  private static Map<String, Long> led(io.virtquorum.api.ClusterRecord record) {
    Map<String, Long> led = new TreeMap<>();
    record.led().forEach(former -> led.put(former.name(), former.tenure()));
    return led;
  }

  private static NavigableMap<Long, Long> ended(io.virtquorum.api.ClusterRecord record) {
    NavigableMap<Long, Long> ended = new TreeMap<>();
    record.ended().forEach(e -> ended.put(e.tenure(), e.sequence()));
    return ended;
  }
}
