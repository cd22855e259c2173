package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * What a memory file of a tree says. Immutable.
 *
 * @param owner the member that it is of: a cloned disk has another's
 * @param rows by their paths
 */
record MemoryFile(String owner, Remembered remembered, TreeMap<String, Past> rows) {
  /**
   * A row as it was remembered.
   *
   * @param settled its ctime proves that nobody wrote since
   */
  record Past(Digest digest, long ctime, long inode, boolean settled) {}

  /** One that remembers these rows, and no ctime. */
  static Content of(String owner, Remembered remembered, Map<String, Digest> digests) {
    TreeMap<String, Past> rows = new TreeMap<>();
    digests.forEach((path, digest) -> rows.put(path, new Past(digest, 0, 0, false)));
    return new MemoryFile(owner, remembered, rows).content();
  }

  /** The file, about as large as a real one. */
  Content content() {
    return Content.own(new byte[100 + 60 * rows.size()], this);
  }

  /** Does something with each row, in the order of their paths. */
  void rows(BiConsumer<String, Digest> action) {
    rows.forEach((path, past) -> action.accept(path, past.digest()));
  }

  /** True if it remembers a row with a ctime that can be relied on. */
  boolean hasCtime(String path, long ctime) {
    Past past = rows.get(path);
    return past != null && past.settled() && past.ctime() == ctime;
  }
}
