package io.virtquorum.program;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Snapshot;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Which rows a repair replaces. Pure.
 *
 * @param wanted the digest of a row that must come, or empty for one that must go; in the order of
 *     keys, so directories before what is in them
 */
record RowPlan(NavigableMap<RowKey, Optional<Digest>> wanted) {
  /** What is to be done to reach a goal from what the member holds. */
  static RowPlan of(Goal goal, Snapshot before, Matrix offered) {
    NavigableMap<RowKey, Optional<Digest>> wanted = new TreeMap<>();
    switch (goal) {
      case Goal.Whole whole ->
          before.matrix().differences(offered).forEach(row -> wanted.put(row.key(), row.theirs()));
      case Goal.Rows some -> {
        // Those that somebody wrote since they were found rotten stay: the order may be older.
        wanted.putAll(some.rows());
        wanted.keySet().removeIf(written(before));
        rows(before.matrix(), offered, wanted);
      }
      case Goal.Remembered some -> {
        wanted.putAll(some.rows());
        rows(before.matrix(), offered, wanted);
      }
    }
    return new RowPlan(wanted);
  }

  private static void rows(
      Matrix mine, Matrix offered, NavigableMap<RowKey, Optional<Digest>> wanted) {
    wanted.entrySet().removeIf(row -> mine.digest(row.getKey()).equals(row.getValue()));
    for (RowKey key : List.copyOf(wanted.keySet())) {
      if (wanted.get(key).isPresent()) {
        // A row cannot come into a directory that is not there: then the directory comes too.
        for (RowKey at = parent(key); !at.item().isEmpty(); at = parent(at)) {
          if (mine.digest(at).isEmpty() && wanted.getOrDefault(at, Optional.empty()).isEmpty()) {
            wanted.put(at, offered.digest(at));
          }
        }
      }
    }
  }

  /** A row that would be lost because a directory above it must go, if there is one. */
  Optional<RowKey> stranded(Matrix mine) {
    Map<RowKey, Boolean> going = new HashMap<>();
    wanted.forEach((key, digest) -> going.put(key, digest.isEmpty()));
    return mine.rows().stream()
        .map(Row::key)
        .filter(key -> !key.item().isEmpty() && !going.getOrDefault(key, false))
        .filter(key -> going.getOrDefault(parent(key), false))
        .findFirst();
  }

  /** The rows that must come. */
  NavigableMap<RowKey, Optional<Digest>> coming() {
    NavigableMap<RowKey, Optional<Digest>> coming = new TreeMap<>(wanted);
    coming.values().removeIf(Optional::isEmpty);
    return coming;
  }

  /** True if nothing that is planned has changed between two looks. */
  boolean isAsBefore(Matrix before, Matrix now) {
    return wanted.keySet().stream().allMatch(key -> now.digest(key).equals(before.digest(key)));
  }

  /** The rows whose digests are not the wanted ones. */
  List<RowKey> unmet(Matrix matrix) {
    return wanted.entrySet().stream()
        .filter(row -> !matrix.digest(row.getKey()).equals(row.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Rows that may have been written since: where there are too many to list, all others may. */
  static Predicate<RowKey> written(Snapshot before) {
    Map<RowKey, Change.Kind> changed = new HashMap<>();
    before.changes().forEach(change -> changed.put(change.key(), change.kind()));
    boolean cut = before.changesTotal() > before.changes().size();
    return key ->
        changed.getOrDefault(key, cut ? Change.Kind.WRITTEN : Change.Kind.ROT)
            == Change.Kind.WRITTEN;
  }

  /**
   * A row that is to be as it is remembered, and is remembered otherwise by now, or nobody knows
   * how, because too much changed.
   */
  static Optional<RowKey> notRemembered(Goal goal, Snapshot before) {
    if (!(goal instanceof Goal.Remembered some)) {
      return Optional.empty();
    }
    Map<RowKey, Optional<Digest>> remembered = new HashMap<>();
    before.changes().forEach(change -> remembered.put(change.key(), change.before()));
    boolean known = before.memory().isPresent() && before.changesTotal() <= before.changes().size();
    return some.rows().entrySet().stream()
        .filter(
            row -> {
              Optional<Digest> listed = remembered.get(row.getKey());
              Optional<Digest> then =
                  listed != null || !known
                      ? Optional.ofNullable(listed).orElse(Optional.empty())
                      : before.matrix().digest(row.getKey());
              return (listed == null && !known) || !then.equals(row.getValue());
            })
        .map(Map.Entry::getKey)
        .min(RowKey::compareTo);
  }

  private static RowKey parent(RowKey key) {
    int slash = key.item().lastIndexOf('/');
    return new RowKey(key.feature(), slash < 0 ? "" : key.item().substring(0, slash));
  }
}
