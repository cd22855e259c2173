package io.virtquorum.collect;

import io.virtquorum.collect.TreeMemory.Past;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Change.Kind;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Compares a tree with what is remembered of it (design, rule 2). No clock is compared. Pure.
 *
 * <p>A row that is there in both is rot if its ctime and inode are the remembered ones. A row that
 * came or went is rot only if the directory that it is in is known not to have changed; below a
 * directory that itself came or went it is as that directory.
 */
final class Changes {
  private final String feature;
  private final Map<String, Past> past;
  private final Map<String, Item> now;

  Changes(String feature, Map<String, Past> past, Map<String, Item> now) {
    this.feature = feature;
    this.past = past;
    this.now = now;
  }

  /** All rows that differ, in no order. */
  List<Change> list() {
    List<Change> changes = new ArrayList<>();
    past.forEach(
        (path, before) -> {
          Item item = now.get(path);
          if (item == null || !item.digest().equals(before.digest())) {
            changes.add(
                new Change(
                    new RowKey(feature, path),
                    kind(path),
                    Optional.of(before.digest()),
                    Optional.ofNullable(item).map(Item::digest)));
          }
        });
    now.forEach(
        (path, item) -> {
          if (!past.containsKey(path)) {
            changes.add(
                new Change(
                    new RowKey(feature, path),
                    kind(path),
                    Optional.empty(),
                    Optional.of(item.digest())));
          }
        });
    return changes;
  }

  /**
   * The memory with the ctimes of today where that loses nothing; the same map if nothing is to be
   * renewed. A directory in which something came or went keeps its old ctime: it is what shows that
   * this went through the OS.
   */
  Map<String, Past> renewed() {
    Set<String> keep = new HashSet<>();
    past.keySet().stream().filter(p -> !now.containsKey(p)).forEach(p -> keep.add(parent(p)));
    now.keySet().stream().filter(p -> !past.containsKey(p)).forEach(p -> keep.add(parent(p)));
    Map<String, Past> renewed = null;
    for (var row : past.entrySet()) {
      Item item = now.get(row.getKey());
      Past before = row.getValue();
      if (item != null
          && item.settled()
          && item.digest().equals(before.digest())
          && before.wentThroughOs(item.entry())
          && !keep.contains(row.getKey())) {
        renewed = renewed == null ? new java.util.HashMap<>(past) : renewed;
        renewed.put(row.getKey(), Past.of(item));
      }
    }
    return renewed == null ? past : renewed;
  }

  private Kind kind(String path) {
    String at = witness(path);
    Item item = now.get(at);
    Past before = past.get(at);
    if (item != null && before != null) {
      return before.wentThroughOs(item.entry()) ? Kind.WRITTEN : Kind.ROT;
    }
    return Kind.WRITTEN;
  }

  /** The row itself, or the directory above it, whose ctime says how it changed. */
  private String witness(String path) {
    String at = path;
    while (!at.isEmpty() && !(now.containsKey(at) && past.containsKey(at))) {
      at = parent(at);
    }
    return at;
  }

  /** The memory with ctimes that say nothing of these rows: from now on they were written. */
  Map<String, Past> doubting(Set<String> paths) {
    Map<String, Past> doubted = new java.util.HashMap<>(past);
    paths.forEach(
        path -> doubted.computeIfPresent(witness(path), (at, before) -> before.doubted()));
    return doubted;
  }

  /** The path of the directory that an entry is in; the root is in itself. */
  static String parent(String path) {
    int slash = path.lastIndexOf('/');
    return slash < 0 ? "" : path.substring(0, slash);
  }
}
