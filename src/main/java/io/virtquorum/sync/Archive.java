package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A member's archive: {@code .virtquorum/archive/ENTRY/} at the root of each tree, with a {@code
 * manifest} and the old {@code files}. Not safe for use by many threads.
 */
public final class Archive {
  private static final Script LIST = Script.of(Archive.class, "archive-list.sh");
  private static final Script REMOVE = Script.of(Archive.class, "archive-remove.sh");

  private final Shell shell;
  private final List<Tree> trees;

  public Archive(Shell shell, List<Tree> trees) {
    this.shell = shell;
    this.trees = List.copyOf(trees);
  }

  /** All entries, oldest first. */
  public List<ArchiveEntry> list(Duration limit) throws GuestException, Trouble {
    Deadline deadline = shell.deadline(limit);
    Map<String, ArchiveEntry> found = new TreeMap<>();
    for (Tree tree : trees) {
      String output = Shell.text(shell.run(LIST, deadline, new byte[0], tree.path()));
      String[] lines = output.split("\n", -1);
      for (int i = 0; i + 2 < lines.length; i += 3) {
        found.merge(lines[i], entry(lines[i], lines[i + 1], lines[i + 2]), Archive::add);
      }
    }
    List<ArchiveEntry> entries = new ArrayList<>(found.values());
    entries.sort(Comparator.comparingLong(ArchiveEntry::millis).thenComparing(ArchiveEntry::name));
    return entries;
  }

  /** Removes the oldest entries until the limits hold, but none that may hold what a user wrote. */
  private void prune(List<ArchiveEntry> all, ArchiveLimits limits, Deadline deadline)
      throws GuestException, Trouble {
    List<ArchiveEntry> entries = new ArrayList<>(all);
    for (ArchiveEntry entry : all) {
      if (entries.size() <= limits.entries() && bytes(entries) <= limits.bytes()) {
        break;
      }
      if (!entry.attributed()) {
        remove(entry.name(), deadline);
        entries.remove(entry);
      }
    }
  }

  /** Removes an entry; nothing happens if there is none. */
  void remove(String entry, Deadline deadline) throws GuestException, Trouble {
    for (Tree tree : trees) {
      shell.run(REMOVE, deadline, new byte[0], tree.path(), entry);
    }
  }

  /**
   * Makes room for one more entry. False if that cannot be: then nothing is removed.
   *
   * @param coming bytes
   */
  boolean makeRoom(long coming, ArchiveLimits limits, Deadline deadline)
      throws GuestException, Trouble {
    if (coming > limits.bytes()) {
      return false;
    }
    List<ArchiveEntry> entries = list(deadline.left());
    if (kept(entries) + coming > limits.bytes()) {
      return false;
    }
    var room = new ArchiveLimits(Math.max(0, limits.entries() - 1), limits.bytes() - coming);
    prune(entries, room, deadline);
    return true;
  }

  /**
   * Why there is no room.
   *
   * @param coming bytes
   * @param what would be replaced, for people
   */
  PullResult full(long coming, String what, ArchiveLimits limits, Deadline deadline)
      throws GuestException, Trouble {
    String sentence =
        coming > limits.bytes()
            ? "The repair would replace %d bytes (%s), and the archive may hold %d; make spec.archive.maxSize larger, or copy and remove there what is not to be kept"
                .formatted(coming, what, limits.bytes())
            : "The archive holds %d bytes that a user may have written, and %d more (%s) would not fit archive.maxSize; look through the archive in .virtquorum and remove what is not needed"
                .formatted(kept(list(deadline.left())), coming, what);
    return new PullResult.Failed(PullResult.Reason.ArchiveFull, sentence);
  }

  /** Bytes that are never removed automatically. */
  private static long kept(List<ArchiveEntry> entries) {
    return bytes(entries.stream().filter(ArchiveEntry::attributed).toList());
  }

  /** What entries take on disk, in bytes. */
  private static long bytes(List<ArchiveEntry> entries) {
    return entries.stream().mapToLong(ArchiveEntry::bytes).sum();
  }

  private static ArchiveEntry entry(String name, String kib, String first) {
    long bytes = kib.isEmpty() ? 0 : Long.parseLong(kib) * 1024;
    return Manifest.head(first)
        .map(head -> new ArchiveEntry(name, head.millis(), bytes, head.attributed() > 0))
        .orElse(new ArchiveEntry(name, 0, bytes, true));
  }

  private static ArchiveEntry add(ArchiveEntry one, ArchiveEntry other) {
    return new ArchiveEntry(
        one.name(),
        Math.max(one.millis(), other.millis()),
        one.bytes() + other.bytes(),
        one.attributed() || other.attributed());
  }
}
