package io.virtquorum.sync;

import io.virtquorum.collect.Entry;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Snapshot;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What of a repair's rows must have a copy in the archive (design, rule 11). What the member
 * changed itself must. What only moves needs none, and neither does what the member holds as it was
 * verified and a newer state replaces: that is kept while there is room.
 *
 * @param needed bytes
 * @param spared bytes of what is kept only while there is room
 * @param spare why a row needs no copy
 * @param changed what needs one, for people
 */
record Copies(long needed, long spared, Map<RowKey, Why> spare, String changed) {
  /** Why a row needs no copy, as the manifest says it. */
  enum Why {
    /** The same content is in the new state, here or under another name. */
    MOVED("moved"),
    /** The member held it as verified, and a newer state replaces it. */
    SUPERSEDED("superseded");

    final String word;

    Why(String word) {
      this.word = word;
    }
  }

  /**
   * Finds out.
   *
   * @param attributed all that is replaced is somebody's
   * @param entries what the member's file system says of its rows
   */
  static Copies of(
      Goal goal,
      Plan plan,
      Matrix offered,
      Snapshot before,
      boolean attributed,
      Function<RowKey, Optional<Entry>> entries) {
    Set<Digest> coming = new HashSet<>();
    plan.wanted().values().forEach(digest -> digest.ifPresent(coming::add));
    if (goal instanceof Goal.Whole) {
      offered.rows().forEach(row -> coming.add(row.digest()));
    }
    Set<RowKey> written = new HashSet<>(Change.keys(before.changes()));
    boolean newer = !attributed && isNewer(goal, before);
    Map<RowKey, Why> spare = new TreeMap<>();
    RowKey largest = null;
    int files = 0;
    long needed = 0;
    long spared = 0;
    long most = -1;
    for (RowKey key : plan.wanted().keySet()) {
      Optional<Entry> old = entries.apply(key).filter(Entry::isFile);
      if (old.isEmpty()) {
        continue; // of others the manifest says all
      }
      long size = old.get().size();
      if (before.matrix().digest(key).filter(coming::contains).isPresent()) {
        spare.put(key, Why.MOVED);
        spared += size;
      } else if (newer && !written.contains(key)) {
        spare.put(key, Why.SUPERSEDED);
        spared += size;
      } else {
        needed += size;
        files++;
        if (size > most) {
          most = size;
          largest = key;
        }
      }
    }
    return new Copies(needed, spared, spare, inWords(largest, files));
  }

  private static String inWords(RowKey largest, int files) {
    return switch (files) {
      case 0 -> "nothing";
      case 1 -> largest.display();
      default -> "%s and %d more".formatted(largest.display(), files - 1);
    };
  }

  /** True if what the member remembers, and still holds, is older than what comes. */
  private static boolean isNewer(Goal goal, Snapshot before) {
    return goal instanceof Goal.Whole whole
        && before.changesTotal() == before.changes().size() // else nobody knows which changed
        && before
            .memory()
            .filter(memory -> whole.position().isAfter(memory.position()))
            .isPresent();
  }

  boolean isEmpty() {
    return needed + spared == 0;
  }

  /** All that can be spared is spared, or nothing. */
  Copies keepingAll() {
    return new Copies(needed + spared, 0, Map.of(), changed);
  }
}
