package io.virtquorum.collect;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file trees of one member: fingerprints them, remembers durably what was verified, and says
 * what changed since and how. Not safe for use by many threads: one caller at a time.
 *
 * <p>A method that throws left the guest's files as they were; the next call starts afresh.
 */
public final class FileTrees {
  private static final Logger LOG = LoggerFactory.getLogger(FileTrees.class);

  /**
   * After this, what was just written has a ctime that can be relied on: 2 s and a tick's second.
   */
  private static final Duration SETTLED_AFTER = Duration.ofSeconds(4);

  private final Shell shell;
  private final FingerprintKey key;
  private final CollectSettings settings;
  private final Map<Tree, TreeScanner> scanners = new LinkedHashMap<>();
  private final Map<Tree, Long> devices = new HashMap<>();
  private final MemoryStore store;

  private String bootId = "";
  private boolean loaded;
  private Map<Tree, TreeMemory> memories = Map.of();
  private Map<Tree, String> marks = Map.of();
  private Matrix matrix;
  private long renewAt = System.nanoTime();

  /**
   * @param trees in the order of the HACluster; names and paths differ
   * @param shell to the member's guest
   */
  public FileTrees(Shell shell, FingerprintKey key, List<Tree> trees, CollectSettings settings) {
    this.shell = shell;
    this.key = key;
    this.settings = settings;
    var reader = new Listing.Reader(shell, settings.fstab());
    var contents = new Contents(shell, key);
    trees.forEach(tree -> scanners.put(tree, new TreeScanner(tree, reader, contents)));
    this.store = new MemoryStore(shell, List.copyOf(trees), configuration(key, trees));
  }

  /** As the other, in {@code /run/virtquorum} with default settings. */
  public FileTrees(Guest guest, FingerprintKey key, List<Tree> trees) {
    this(new Shell(guest, "/run/virtquorum"), key, trees, CollectSettings.defaults());
  }

  /** The trees, in the order of the HACluster. */
  public List<Tree> trees() {
    return List.copyOf(scanners.keySet());
  }

  /** The way into the guest that this object uses; for the same single caller. */
  public Shell shell() {
    return shell;
  }

  /**
   * Reads what changed. Costs one look at the metadata if nothing did.
   *
   * @throws Trouble if the trees cannot be read as they should be: that is no change of theirs
   */
  public Snapshot quick(Duration limit) throws GuestException, Trouble {
    return pass(key -> false, false, Deadline.in(limit));
  }

  /** Reads every content again from the disk, past the page cache; finds rot. */
  public Snapshot audit(Duration limit) throws GuestException, Trouble {
    return pass(key -> true, true, Deadline.in(limit));
  }

  /** A quick pass that reads some contents again from the disk, past the page cache. */
  public Snapshot recheck(Set<RowKey> suspects, Duration limit) throws GuestException, Trouble {
    return pass(suspects::contains, false, Deadline.in(limit));
  }

  /** The durable memory in short, if there is one that is whole and of these trees. */
  public Optional<Remembered> memory(Duration limit) throws GuestException, Trouble {
    load(Deadline.in(limit));
    return remembered();
  }

  /**
   * Remembers durably that the member was verified to hold a snapshot: its data, then the memory,
   * are on the disk when this returns.
   *
   * @param snapshot the newest one of this object
   * @throws IllegalArgumentException if it is another
   */
  public void remember(Position position, Snapshot snapshot, Duration limit)
      throws GuestException, Trouble {
    if (matrix == null || !matrix.root().equals(snapshot.matrix().root())) {
      throw new IllegalArgumentException("not the newest snapshot");
    }
    var remembered = new Remembered(position, snapshot.matrix().root());
    Map<Tree, TreeMemory> next = new LinkedHashMap<>();
    for (TreeScanner scanner : scanners.values()) {
      Map<String, TreeMemory.Past> rows = HashMap.newHashMap(scanner.items().size());
      scanner.items().forEach((path, item) -> rows.put(path, TreeMemory.Past.of(item)));
      next.put(scanner.tree(), new TreeMemory(remembered, configuration(key, trees()), rows));
    }
    save(next, Deadline.in(limit));
    renewSoon(); // what was just written has no ctime yet that can be relied on
  }

  /** After a repair: the next pass renews the remembered ctimes without waiting for its turn. */
  public void renewSoon() {
    renewIn(Math.min(SETTLED_AFTER.toNanos(), settings.refreshEvery().toNanos()));
  }

  /** What the newest snapshot's listing says of a row, or empty if it has none. */
  public Optional<Entry> entry(RowKey row) {
    return scanners.values().stream()
        .filter(s -> s.tree().name().equals(row.feature()))
        .findFirst()
        .map(s -> s.items().get(row.item()))
        .map(Item::entry);
  }

  /** Some other directory, read afresh as if it were a tree of this member. */
  public Reading read(Tree tree, Duration limit) throws GuestException, Trouble {
    var scanner =
        new TreeScanner(tree, new Listing.Reader(shell, "/dev/null"), new Contents(shell, key));
    scanner.scan(path -> false, settings.maxEntries(), Deadline.in(limit));
    Set<String> directories =
        scanner.items().values().stream()
            .map(Item::entry)
            .filter(Entry::isDirectory)
            .map(Entry::path)
            .collect(Collectors.toUnmodifiableSet());
    return new Reading(Matrix.of(rows(List.of(scanner))), directories);
  }

  /**
   * A directory that was read once.
   *
   * @param directories the paths of those rows that are directories
   */
  public record Reading(Matrix matrix, Set<String> directories) {}

  private Snapshot pass(Predicate<RowKey> suspect, boolean audited, Deadline deadline)
      throws GuestException, Trouble {
    rebooted(deadline);
    boolean moved = matrix == null;
    int room = settings.maxEntries();
    for (TreeScanner scanner : scanners.values()) {
      String feature = scanner.tree().name();
      moved |= scanner.scan(path -> suspect.test(new RowKey(feature, path)), room, deadline);
      room -= scanner.items().size();
      sameFileSystem(scanner);
    }
    if (moved) {
      matrix = Matrix.of(rows(scanners.values()));
    }
    load(deadline);
    mendMemory(deadline);
    List<Change> changes = changes();
    renew(deadline);
    return new Snapshot(
        bootId,
        matrix,
        remembered(),
        bounded(changes),
        changes.size(),
        audited,
        (memories.isEmpty() || !changes.isEmpty())
            && scanners.values().stream().anyMatch(s -> s.last().interrupted()),
        scanners.values().stream().mapToLong(s -> s.last().seconds()).min().orElse(0) * 1000);
  }

  private void rebooted(Deadline deadline) throws GuestException, Trouble {
    String now = shell.boot(deadline);
    if (!now.equals(bootId)) {
      bootId = now;
      scanners.values().forEach(TreeScanner::forget);
      devices.clear();
      loaded = false;
      matrix = null;
    }
  }

  /** Within one boot a tree's device never changes, unless a file system came or went over it. */
  private void sameFileSystem(TreeScanner scanner) throws Trouble {
    long device = scanner.last().device();
    Long before = devices.putIfAbsent(scanner.tree(), device);
    if (before != null && before != device) {
      boolean forgot =
          scanner.last().memoryMark().equals("none") && marks.containsKey(scanner.tree());
      scanner.forget();
      matrix = null;
      if (forgot) {
        throw new Trouble(
            Trouble.Reason.NotMounted,
            scanner.tree().path()
                + " is on another file system than before and the guest did not reboot;"
                + " mount the one that held it");
      }
      devices.put(scanner.tree(), device);
      loaded = false;
      throw new Trouble(
          Trouble.Reason.NotMounted,
          scanner.tree().path() + " has just come to be on another file system; it is read afresh");
    }
  }

  private void load(Deadline deadline) throws GuestException, Trouble {
    if (!loaded) {
      memories = store.load(deadline);
      marks = new HashMap<>();
      scanners.values().stream()
          .filter(s -> s.last() != null && !memories.isEmpty())
          .forEach(s -> marks.put(s.tree(), s.last().memoryMark()));
      loaded = true;
    }
  }

  /** Somebody removed or replaced a memory file under the running guest: it is written again. */
  private void mendMemory(Deadline deadline) throws GuestException, Trouble {
    if (memories.isEmpty()) {
      return;
    }
    for (TreeScanner scanner : scanners.values()) {
      String mark = marks.get(scanner.tree());
      if (mark == null) {
        marks.put(scanner.tree(), scanner.last().memoryMark());
      } else if (!mark.equals(scanner.last().memoryMark())) {
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

  private List<Change> changes() {
    List<Change> changes = new ArrayList<>();
    memories.forEach(
        (tree, memory) ->
            changes.addAll(
                new Changes(tree.name(), memory.rows(), scanners.get(tree).items()).list()));
    return changes;
  }

  private static List<Change> bounded(List<Change> changes) {
    return changes.stream()
        .sorted(Comparator.comparing(Change::kind).reversed().thenComparing(Change::key))
        .limit(Snapshot.MAX_CHANGES)
        .sorted(Comparator.comparing(Change::key))
        .toList();
  }

  /** Without this, rot after a touch would have another ctime than remembered and look written. */
  private void renew(Deadline deadline) throws GuestException, Trouble {
    if (System.nanoTime() - renewAt < 0) {
      return;
    }
    renewIn(settings.refreshEvery().toNanos());
    Map<Tree, TreeMemory> renewed = new LinkedHashMap<>();
    boolean any = false;
    for (var memory : memories.entrySet()) {
      var old = memory.getValue();
      var rows =
          new Changes(memory.getKey().name(), old.rows(), scanners.get(memory.getKey()).items())
              .renewed();
      any |= rows != old.rows();
      renewed.put(memory.getKey(), new TreeMemory(old.remembered(), old.configuration(), rows));
    }
    if (any) {
      saveOrGoOn(renewed, deadline);
    }
  }

  private void renewIn(long nanos) {
    renewAt = System.nanoTime() + nanos;
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

  private Optional<Remembered> remembered() {
    return memories.values().stream().findFirst().map(TreeMemory::remembered);
  }

  private static List<Row> rows(Iterable<TreeScanner> scanners) {
    List<Row> rows = new ArrayList<>();
    for (TreeScanner scanner : scanners) {
      String feature = scanner.tree().name();
      scanner
          .items()
          .values()
          .forEach(i -> rows.add(new Row(new RowKey(feature, i.entry().path()), i.digest())));
    }
    return rows;
  }

  private static Digest configuration(FingerprintKey key, List<Tree> trees) {
    List<String> fields = new ArrayList<>(List.of("memory 1"));
    for (Tree tree : trees) {
      fields.add(tree.name());
      fields.add(latin(tree.path()));
      fields.add(Integer.toString(tree.excludes().size()));
      tree.excludes().forEach(exclude -> fields.add(latin(exclude)));
    }
    return key.fingerprint(fields);
  }

  private static String latin(String text) {
    return new String(
        text.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        java.nio.charset.StandardCharsets.ISO_8859_1);
  }
}
