package io.virtquorum.collect;

import io.virtquorum.fingerprint.Remembered;
import java.util.Optional;

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

  /** True if a memory file remembers a row with a ctime that can be relied on. */
  public static boolean remembersCtime(byte[] memoryFile, String path, long ctime) {
    return TreeMemory.decode(memoryFile)
        .map(memory -> memory.rows().get(path))
        .filter(past -> past.ctime() == ctime)
        .isPresent();
  }
}
