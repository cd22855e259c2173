package io.virtquorum.collect;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** What a simulated guest must know of this package's scripts and files. */
public final class CollectScripts {
  private CollectScripts() {}

  /** The script that looks who uses a guest. */
  public static String evidence() {
    return EvidenceReader.SCRIPT;
  }

  /** What a memory file says; empty if it is damaged. */
  public static Optional<Memory> memory(byte[] memoryFile) {
    return TreeMemory.decode(memoryFile).map(Memory::new);
  }

  /** What a memory file says. Immutable. */
  public static final class Memory {
    private final TreeMemory memory;

    private Memory(TreeMemory memory) {
      this.memory = memory;
    }

    /** In short. */
    public Remembered remembered() {
      return memory.remembered();
    }

    /** Does something with each row that it remembers, in no order. */
    public void rows(BiConsumer<String, Digest> action) {
      memory.rows().forEach((path, past) -> action.accept(path, past.digest()));
    }

    /** True if it remembers a row with a ctime that can be relied on. */
    public boolean hasCtime(String path, long ctime) {
      TreeMemory.Past past = memory.rows().get(path);
      return past != null && past.ctime() == ctime;
    }
  }

  /** A memory file that remembers these rows. */
  public static byte[] memoryFile(Remembered remembered, Map<String, Digest> rows) {
    Map<String, TreeMemory.Past> pasts = new TreeMap<>();
    rows.forEach(
        (path, digest) -> pasts.put(path, new TreeMemory.Past(digest, TreeMemory.UNKNOWN, 1)));
    return new TreeMemory(remembered, new Digest(0, 0, 0, 0), pasts).encode();
  }
}
