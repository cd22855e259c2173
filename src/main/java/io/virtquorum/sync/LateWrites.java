package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Entry;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** Gives back what somebody wrote at the last moment to rows that were restored. For one thread. */
final class LateWrites {
  private static final int MOST_ROUNDS = 3;

  private final FileTrees trees;
  private final TreeRepair repair;

  LateWrites(FileTrees trees, TreeRepair repair) {
    this.trees = trees;
    this.repair = repair;
  }

  /**
   * Of single rows only rot was to go. What somebody wrote between the last look and its
   * replacement is in the archive now, and goes back; what somebody removed goes again. Who writes
   * while it goes back is given way to as well.
   */
  Set<RowKey> putBack(
      Map<Tree, NavigableMap<RowKey, Optional<Digest>>> work,
      Snapshot before,
      String entry,
      Deadline deadline)
      throws GuestException, Trouble {
    Set<RowKey> late = new HashSet<>();
    for (var one : work.entrySet()) {
      Tree tree = one.getKey();
      String from = entry;
      Map<RowKey, Optional<Digest>> put = one.getValue();
      Function<RowKey, Optional<Digest>> found = before.matrix()::digest;
      for (int round = 1; round <= MOST_ROUNDS; round++) {
        var back = late(put, found, repair.archived(trees, tree, from, deadline));
        if (back.isEmpty()) {
          break;
        }
        String other = entry + "-late" + (round == 1 ? "" : "-" + round);
        var note =
            new Manifest(
                "Somebody wrote during the repair "
                    + entry
                    + ": that went back, and replaced this.",
                before.guestMillis());
        repair.archive(tree, other, note.bytes(), deadline);
        repair.putBack(tree, from, other, back, deadline);
        late.addAll(back.keySet());
        found = put::get;
        put = back;
        from = other;
      }
    }
    return late;
  }

  /**
   * Of what was put, the rows that replaced neither what was found there, as the disk or as the
   * page cache has it, nor the same: with what they replaced, or empty where somebody had removed
   * it.
   */
  private NavigableMap<RowKey, Optional<Digest>> late(
      Map<RowKey, Optional<Digest>> put,
      Function<RowKey, Optional<Digest>> found,
      FileTrees.Reading archived) {
    NavigableMap<RowKey, Optional<Digest>> late = new TreeMap<>();
    put.forEach(
        (key, digest) -> {
          Optional<Digest> replaced = archived.matrix().digest(key);
          boolean same = replaced.equals(digest) || replaced.equals(found.apply(key));
          if (!same && !archived.isDirectory(key.item()) && isByOs(key, archived)) {
            late.put(key, replaced);
          }
        });
    return late;
  }

  /**
   * What was replaced, or is missing in the archive, was written or removed by somebody: it is not
   * the file that was listed before, which may have rotted once more.
   */
  private boolean isByOs(RowKey key, FileTrees.Reading archived) {
    Optional<Entry> listed = trees.entry(key);
    Entry replaced = archived.entries().get(key.item());
    return replaced == null
        // Only of a file does rsync always keep what it replaces: of others it may set the owner.
        ? listed.filter(Entry::isFile).isPresent()
        : listed.filter(replaced::isSameAs).isEmpty();
  }
}
