package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads contents in batches, so that no call to the guest is long and no list large, and makes
 * rows' digests of them. For one thread.
 */
final class Contents {
  private static final Script HASH =
      Script.of(Contents.class, "look.sh").then(Contents.class, "hash.sh");
  private static final Script DROP = Script.of(Contents.class, "drop.sh");

  /** A batch ends at the first of these. */
  private static final int BATCH_FILES = 1_000;

  private static final int BATCH_NAMES = 128 * 1024;
  private static final long BATCH_CONTENT = 256L * 1024 * 1024;

  /** From this many files on, one drop of the whole page cache is cheaper than a process a file. */
  private static final int DROP_FROM = 256;

  /** Stands for a content that cannot be read: equal to no content's hash. */
  private static final String NOT_READABLE = "-";

  private final Shell shell;
  private final FingerprintKey key;

  Contents(Shell shell, FingerprintKey key) {
    this.shell = shell;
    this.key = key;
  }

  /** The digest of an entry that has no content. */
  Digest digest(Entry entry) {
    return digest(entry, "");
  }

  /**
   * Reads the items' contents and sets their digests.
   *
   * @param pastCache from the disk, not from the page cache
   * @param seconds the guest's clock before the items were listed
   */
  void read(Tree tree, List<Item> items, boolean pastCache, long seconds, Deadline deadline)
      throws GuestException, Trouble {
    List<Item> files = new ArrayList<>();
    List<Item> devices = new ArrayList<>();
    for (Item item : items) {
      (item.entry().isFile() ? files : devices).add(item);
    }
    String how = "cached";
    if (pastCache && !files.isEmpty()) {
      boolean dropped =
          files.size() >= DROP_FROM
              && shell.run(DROP, deadline, new byte[0], tree.path()).length > 0;
      how = dropped ? "cached" : "uncached";
    }
    batches(tree, files, how, seconds, deadline);
    batches(tree, devices, "device", seconds, deadline);
  }

  private void batches(Tree tree, List<Item> items, String how, long seconds, Deadline deadline)
      throws GuestException, Trouble {
    var names = new ByteArrayOutputStream();
    List<Item> batch = new ArrayList<>();
    long content = 0;
    for (Item item : items) {
      names.writeBytes(("./" + item.entry().path() + "\0").getBytes(ISO_8859_1));
      batch.add(item);
      content += item.entry().size();
      if (batch.size() >= BATCH_FILES || names.size() >= BATCH_NAMES || content >= BATCH_CONTENT) {
        batch(tree, batch, names.toByteArray(), how, seconds, deadline);
        names.reset();
        batch.clear();
        content = 0;
      }
    }
    if (!batch.isEmpty()) {
      batch(tree, batch, names.toByteArray(), how, seconds, deadline);
    }
  }

  private void batch(
      Tree tree, List<Item> batch, byte[] names, String how, long seconds, Deadline deadline)
      throws GuestException, Trouble {
    byte[] output =
        shell.run(
            HASH, deadline, names, tree.path(), shell.fresh(), how, Integer.toString(batch.size()));
    Map<String, String> found = parse(output);
    for (Item item : batch) {
      Entry entry = item.entry();
      String content = found.getOrDefault("./" + entry.path(), NOT_READABLE);
      boolean readable = !content.equals(NOT_READABLE);
      item.read(digest(entry, content), readable && isPast(entry.ctime(), seconds));
    }
  }

  /**
   * True if a write after the given second must have another ctime: the entry's is more than 2 s
   * away from it (facts), be it before, or after because the clock was set back.
   */
  static boolean isPast(long ctime, long seconds) {
    long second = Math.floorDiv(ctime, 1_000_000_000L);
    return second < seconds - 2 || second > seconds + 2;
  }

  /** Lines of "hash, two characters, name", each ended by NUL. */
  static Map<String, String> parse(byte[] output) {
    Map<String, String> found = new HashMap<>();
    int start = 0;
    for (int i = 0; i < output.length; i++) {
      if (output[i] == 0) {
        String line = new String(output, start, i - start, ISO_8859_1);
        int space = line.indexOf(' ');
        if (space > 0 && space + 2 <= line.length()) {
          found.put(line.substring(space + 2), line.substring(0, space));
        }
        start = i + 1;
      }
    }
    return found;
  }

  private Digest digest(Entry entry, String content) {
    return key.fingerprint(
        List.of(
            String.valueOf(entry.type()),
            entry.mode(),
            Long.toString(entry.uid()),
            Long.toString(entry.gid()),
            entry.isFile() ? Long.toString(entry.size()) : "",
            content,
            entry.target()));
  }
}
