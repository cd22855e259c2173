package io.virtquorum.collect;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What a simulated guest must know of this package's scripts and files. */
public final class CollectScripts {
  private CollectScripts() {}

  /** The script that looks who uses a guest. */
  public static String evidence() {
    return Evidence.Reader.SCRIPT;
  }

  /** What a memory file says in short; empty if it is damaged. */
  public static Optional<Remembered> remembered(byte[] memoryFile) {
    return TreeMemory.decode(memoryFile).map(TreeMemory::remembered);
  }

  /** The rows that a memory file remembers, by path; none if it is damaged. */
  public static Map<String, Digest> rows(byte[] memoryFile) {
    Map<String, Digest> rows = new TreeMap<>();
    TreeMemory.decode(memoryFile)
        .ifPresent(memory -> memory.rows().forEach((path, past) -> rows.put(path, past.digest())));
    return rows;
  }

  /** A memory file that remembers these rows. */
  public static byte[] memoryFile(Remembered remembered, Map<String, Digest> rows) {
    Map<String, TreeMemory.Past> pasts = new TreeMap<>();
    rows.forEach(
        (path, digest) -> pasts.put(path, new TreeMemory.Past(digest, TreeMemory.UNKNOWN, 1)));
    return new TreeMemory(remembered, new Digest(0, 0, 0, 0), pasts).encode();
  }

  /** True if a memory file remembers a row with a ctime that can be relied on. */
  public static boolean remembersCtime(byte[] memoryFile, String path, long ctime) {
    return TreeMemory.decode(memoryFile)
        .map(memory -> memory.rows().get(path))
        .filter(past -> past.ctime() == ctime)
        .isPresent();
  }
}
