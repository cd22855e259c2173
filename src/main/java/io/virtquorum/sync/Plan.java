package io.virtquorum.sync;

import io.virtquorum.collect.Entry;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Goal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Which rows a pull must bring about.
 *
 * @param wanted the digest of a row that must come, or empty for one that must go; in the order of
 *     keys, so directories before what is in them
 */
record Plan(NavigableMap<RowKey, Optional<Digest>> wanted) {
  /**
   * What is to be done to reach a goal.
   *
   * @param entries what the member's file system says of its own rows
   */
  static Plan of(
      Goal goal, Matrix mine, Matrix offered, Function<RowKey, Optional<Entry>> entries) {
    NavigableMap<RowKey, Optional<Digest>> wanted = new TreeMap<>();
    switch (goal) {
      case Goal.Whole whole ->
          mine.differences(offered).forEach(d -> wanted.put(d.key(), d.theirs()));
      case Goal.Rows some -> rows(some.rows(), mine, offered, entries, wanted);
      case Goal.Remembered some -> rows(some.rows(), mine, offered, entries, wanted);
    }
    return new Plan(wanted);
  }

  private static void rows(
      Map<RowKey, Optional<Digest>> rows,
      Matrix mine,
      Matrix offered,
      Function<RowKey, Optional<Entry>> entries,
      Map<RowKey, Optional<Digest>> wanted) {
    wanted.putAll(rows);
    wanted.entrySet().removeIf(row -> mine.digest(row.getKey()).equals(row.getValue()));
    for (RowKey key : List.copyOf(wanted.keySet())) {
      if (wanted.get(key).isPresent()) {
        parents(key, offered, entries, wanted);
      }
    }
  }

  /** A row cannot come into a directory that is not there: then the directory comes too. */
  private static void parents(
      RowKey key,
      Matrix offered,
      Function<RowKey, Optional<Entry>> entries,
      Map<RowKey, Optional<Digest>> wanted) {
    for (RowKey at = parent(key); !at.item().isEmpty(); at = parent(at)) {
      boolean named = wanted.getOrDefault(at, Optional.empty()).isPresent();
      if (!named && entries.apply(at).filter(Entry::isDirectory).isEmpty()) {
        wanted.put(at, offered.digest(at));
      }
    }
  }

  /** The directory that a row is in; the root is in itself. */
  static RowKey parent(RowKey key) {
    int slash = key.item().lastIndexOf('/');
    return new RowKey(key.feature(), slash < 0 ? "" : key.item().substring(0, slash));
  }

  boolean isEmpty() {
    return wanted.isEmpty();
  }

  /** The rows of one feature. */
  NavigableMap<RowKey, Optional<Digest>> of(String feature) {
    return wanted.subMap(new RowKey(feature, ""), true, new RowKey(feature + "\0", ""), false);
  }

  /** A row that would be lost because a directory above it must go, if there is one. */
  Optional<RowKey> stranded(Matrix mine) {
    Map<RowKey, Boolean> going = new HashMap<>();
    wanted.forEach((key, digest) -> going.put(key, digest.isEmpty()));
    for (Row row : mine.rows()) {
      RowKey key = row.key();
      if (!key.item().isEmpty()
          && !going.getOrDefault(key, false)
          && going.getOrDefault(parent(key), false)) {
        return Optional.of(key);
      }
    }
    return Optional.empty();
  }

  /** The rows whose digests are not the wanted ones. */
  List<RowKey> unmet(Matrix matrix) {
    return wanted.entrySet().stream()
        .filter(row -> !matrix.digest(row.getKey()).equals(row.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }
}
