package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Asks a guest whether what looks like rot was written all the same: by a process that has the file
 * mapped or open for writing, or on a file system in memory (design, rule 2). Each rot is asked
 * about once. For one thread.
 */
final class Writers {
  private static final Script WRITTEN = Script.of(Writers.class, "written.sh");
  private static final String ALL = "all";

  private final Shell shell;
  private final Map<RowKey, Optional<Digest>> nobodys = new HashMap<>();

  Writers(Shell shell) {
    this.shell = shell;
  }

  /**
   * The paths of those that somebody may have written.
   *
   * @param items what the tree holds
   * @param rot of the tree
   */
  Set<String> among(Tree tree, Map<String, Item> items, List<Change> rot, Deadline deadline)
      throws GuestException, Trouble {
    nobodys
        .keySet()
        .removeIf(key -> key.feature().equals(tree.name()) && !Change.keys(rot).contains(key));
    List<Change> unknown =
        rot.stream().filter(change -> !change.now().equals(nobodys.get(change.key()))).toList();
    if (unknown.isEmpty()) {
      return Set.of();
    }
    Set<String> busy = ask(tree, items, unknown, deadline);
    Set<String> written = new HashSet<>();
    for (Change change : unknown) {
      String path = change.key().item();
      if (busy.contains(ALL) || busy.contains(inode(items.get(path)))) {
        written.add(path);
      } else {
        nobodys.put(change.key(), change.now());
      }
    }
    return written;
  }

  private Set<String> ask(Tree tree, Map<String, Item> items, List<Change> rot, Deadline deadline)
      throws GuestException, Trouble {
    List<String> inodes = new ArrayList<>();
    rot.forEach(change -> inodes.add(inode(items.get(change.key().item()))));
    inodes.removeIf(String::isEmpty);
    byte[] input = inodes.isEmpty() ? new byte[0] : lines(inodes);
    byte[] said = shell.run(WRITTEN, deadline, input, tree.path(), shell.fresh());
    Set<String> busy = new HashSet<>(List.of(Shell.text(said).split("\n")));
    busy.remove("");
    return busy;
  }

  private static byte[] lines(List<String> inodes) {
    return (String.join("\n", inodes.subList(0, Math.min(inodes.size(), Snapshot.MAX_CHANGES)))
            + "\n")
        .getBytes(ISO_8859_1);
  }

  /** Empty if it is gone. */
  private static String inode(Item item) {
    return item == null ? "" : Long.toUnsignedString(item.entry().inode());
  }
}
