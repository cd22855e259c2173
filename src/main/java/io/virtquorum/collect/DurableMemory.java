package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a member remembers of its trees: on disk, and here while the guest's boot lasts. For one
 * thread.
 */
final class DurableMemory {
  private static final Logger LOG = LoggerFactory.getLogger(DurableMemory.class);

  /**
   * After this, what was just written has a ctime that can be relied on: 2 s and a tick's second.
   */
  private static final Duration SETTLED_AFTER = Duration.ofSeconds(4);

  private final Shell shell;
  private final MemoryStore store;
  private final Digest configuration;
  private final Map<Tree, TreeScanner> scanners;
  private final Duration renewEvery;
  private final Writers writers;
  private Map<Tree, TreeMemory> memories = Map.of();
  private Map<Tree, String> marks = new HashMap<>();
  private boolean loaded;
  private boolean readOnly;
  private long renewAt;

  /**
   * @param scanners of all trees, in their order; owned by the caller
   */
  DurableMemory(
      Shell shell, FingerprintKey key, Map<Tree, TreeScanner> scanners, CollectSettings settings) {
    this.shell = shell;
    this.renewAt = shell.nanoTime();
    this.scanners = scanners;
    this.renewEvery = settings.refreshEvery();
    this.writers = new Writers(shell);
    this.configuration = configuration(key, scanners.keySet(), settings.owner());
    // One that an earlier version wrote, which named no owner, counts until it is written anew.
    Digest unowned = configuration(key, scanners.keySet(), "");
    this.store =
        new MemoryStore(
            shell,
            List.copyOf(scanners.keySet()),
            own -> own.equals(configuration) || own.equals(unowned));
  }

  /** From now on nothing is written, neither renewed nor mended nor put in force. */
  void readOnly() {
    readOnly = true;
  }

  /** From now on what the disk says counts. */
  void forget() {
    loaded = false;
  }

  Optional<Remembered> remembered() {
    return memories.values().stream().findFirst().map(TreeMemory::remembered);
  }

  /** What is remembered of a row. */
  Optional<Digest> digest(Tree tree, String path) {
    return Optional.ofNullable(memories.get(tree))
        .map(memory -> memory.rows().get(path))
        .map(TreeMemory.Past::digest);
  }

  void load(Deadline deadline) throws GuestException, Trouble {
    if (!loaded) {
      memories = store.load(readOnly, deadline);
      marks = new HashMap<>();
      loaded = true;
    }
  }

  /** All rows in which the newest scans differ from what is remembered, in no order. */
  List<Change> compare(Deadline deadline) throws GuestException, Trouble {
    load(deadline);
    mend(deadline);
    List<Change> changes = differences();
    if (doubt(changes, deadline)) {
      changes = differences();
    }
    renew(deadline);
    return changes;
  }

  private List<Change> differences() {
    List<Change> changes = new ArrayList<>();
    memories.forEach((tree, memory) -> changes.addAll(changes(tree, memory).list()));
    return changes;
  }

  /**
   * Of rot that somebody may have written after all the memory forgets the ctimes, for good: who
   * wrote may be gone at the next look. True if there is such.
   */
  private boolean doubt(List<Change> changes, Deadline deadline) throws GuestException, Trouble {
    Map<Tree, TreeMemory> doubted = new LinkedHashMap<>(memories);
    boolean any = false;
    for (var memory : memories.entrySet()) {
      Tree tree = memory.getKey();
      List<Change> rot =
          changes.stream()
              .filter(c -> c.kind() == Change.Kind.ROT && c.key().feature().equals(tree.name()))
              .toList();
      Set<String> written = writers.among(tree, scanners.get(tree).items(), rot, deadline);
      if (!written.isEmpty()) {
        any = true;
        var old = memory.getValue();
        var rows = changes(tree, old).doubting(written);
        doubted.put(tree, new TreeMemory(old.remembered(), configuration, rows));
      }
    }
    if (any) {
      memories = doubted;
      if (!readOnly) {
        saveOrGoOn(doubted, deadline);
      }
    }
    return any;
  }

  /** Remembers the newest scans, durably. */
  void remember(Remembered remembered, Deadline deadline) throws GuestException, Trouble {
    Map<Tree, TreeMemory> next = new LinkedHashMap<>();
    for (TreeScanner scanner : scanners.values()) {
      Map<String, TreeMemory.Past> rows = HashMap.newHashMap(scanner.items().size());
      scanner.items().forEach((path, item) -> rows.put(path, TreeMemory.Past.of(item)));
      next.put(scanner.tree(), new TreeMemory(remembered, configuration, rows));
    }
    save(next, deadline);
    renewSoon(); // what was just written has no ctime yet that can be relied on
  }

  void renewSoon() {
    renewIn(Math.min(SETTLED_AFTER.toNanos(), renewEvery.toNanos()));
  }

  /** Without this, rot after a touch would have another ctime than remembered and look written. */
  private void renew(Deadline deadline) throws GuestException {
    if (readOnly || shell.nanoTime() - renewAt < 0) {
      return;
    }
    renewIn(renewEvery.toNanos());
    Map<Tree, TreeMemory> renewed = new LinkedHashMap<>();
    boolean any = false;
    for (var memory : memories.entrySet()) {
      var old = memory.getValue();
      var rows = changes(memory.getKey(), old).renewed();
      any |= rows != old.rows();
      renewed.put(memory.getKey(), new TreeMemory(old.remembered(), configuration, rows));
    }
    if (any) {
      saveOrGoOn(renewed, deadline);
    }
  }

  private void renewIn(long nanos) {
    renewAt = shell.nanoTime() + nanos;
  }

  /** Somebody removed or replaced a memory file under the running guest: it is written again. */
  private void mend(Deadline deadline) throws GuestException {
    if (readOnly || memories.isEmpty()) {
      return;
    }
    for (TreeScanner scanner : scanners.values()) {
      String found = scanner.last().memoryMark();
      String mark = marks.putIfAbsent(scanner.tree(), found);
      if (mark != null && !mark.equals(found)) {
        LOG.atWarn()
            .addKeyValue("tree", scanner.tree().path())
            .log("The memory file was touched by somebody else; it is written again");
        saveOrGoOn(memories, deadline);
        return;
      }
    }
  }

  private void save(Map<Tree, TreeMemory> next, Deadline deadline) throws GuestException, Trouble {
    loaded = false; // if this fails, what the disk says counts
    marks = store.save(next, deadline);
    memories = next;
    loaded = true;
  }

  /** A guest without room must still be fingerprinted: what was remembered stays in force. */
  private void saveOrGoOn(Map<Tree, TreeMemory> next, Deadline deadline) throws GuestException {
    try {
      save(next, deadline);
    } catch (Trouble trouble) {
      loaded = true;
      LOG.atWarn()
          .addKeyValue("reason", trouble.reason())
          .addKeyValue("message", trouble.getMessage())
          .log("The memory files cannot be written now");
    }
  }

  private Changes changes(Tree tree, TreeMemory memory) {
    return new Changes(tree.name(), memory.rows(), scanners.get(tree).items());
  }

  private static Digest configuration(FingerprintKey key, Iterable<Tree> trees, String owner) {
    List<String> fields = new ArrayList<>(List.of("memory 1"));
    for (Tree tree : trees) {
      fields.add(tree.name());
      fields.add(latin(tree.path()));
      fields.add(Integer.toString(tree.excludes().size()));
      tree.excludes().forEach(exclude -> fields.add(latin(exclude)));
    }
    if (!owner.isEmpty()) {
      fields.add(latin(owner));
    }
    return key.fingerprint(fields);
  }

  private static String latin(String text) {
    return new String(text.getBytes(UTF_8), ISO_8859_1);
  }
}
