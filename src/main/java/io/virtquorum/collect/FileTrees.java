package io.virtquorum.collect;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
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
import java.util.stream.Stream;

/**
 * The file trees of one member: fingerprints them, remembers durably what was verified, and says
 * what changed since and how. Not safe for use by many threads: one caller at a time.
 *
 * <p>A method that throws left the guest's files as they were; the next call starts afresh.
 */
public final class FileTrees {
  private final Shell shell;
  private final FingerprintKey key;
  private final CollectSettings settings;
  private final Map<Tree, TreeScanner> scanners = new LinkedHashMap<>();
  private final Map<Tree, Long> devices = new HashMap<>();
  private final DurableMemory memory;

  private String bootId = "";
  private Matrix matrix;

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
    this.memory = new DurableMemory(shell, key, scanners, settings);
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
    return pass(key -> false, false, shell.deadline(limit));
  }

  /** Reads every content again from the disk, past the page cache; finds rot. */
  public Snapshot audit(Duration limit) throws GuestException, Trouble {
    return pass(key -> true, true, shell.deadline(limit));
  }

  /** A quick pass that reads some contents again from the disk, past the page cache. */
  public Snapshot recheck(Set<RowKey> suspects, Duration limit) throws GuestException, Trouble {
    return pass(suspects::contains, false, shell.deadline(limit));
  }

  /** The durable memory in short, if there is one that is whole and of these trees. */
  public Optional<Remembered> memory(Duration limit) throws GuestException, Trouble {
    memory.load(shell.deadline(limit));
    return memory.remembered();
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
    memory.remember(new Remembered(position, snapshot.matrix().root()), shell.deadline(limit));
  }

  /** From now on nothing of the guest's disks is touched, not even the memory: mode Observe. */
  public void readOnly() {
    memory.readOnly();
  }

  /** After a repair: the next pass renews the remembered ctimes without waiting for its turn. */
  public void renewSoon() {
    memory.renewSoon();
  }

  /** The digest that is remembered of a row, or empty if none is. */
  public Optional<Digest> remembered(RowKey row) {
    return scanners.keySet().stream()
        .filter(tree -> tree.name().equals(row.feature()))
        .findFirst()
        .flatMap(tree -> memory.digest(tree, row.item()));
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
    scanner.scan(path -> false, settings.maxEntries(), shell.deadline(limit));
    Map<String, Entry> entries =
        scanner.items().values().stream()
            .map(Item::entry)
            .collect(Collectors.toUnmodifiableMap(Entry::path, entry -> entry));
    return new Reading(Matrix.of(rows(List.of(scanner))), entries);
  }

  /**
   * A directory that was read once.
   *
   * @param entries what its listing says of each row, by path
   */
  public record Reading(Matrix matrix, Map<String, Entry> entries) {
    /** True if there is a directory at this path. */
    public boolean isDirectory(String path) {
      return entries.containsKey(path) && entries.get(path).isDirectory();
    }
  }

  private Snapshot pass(Predicate<RowKey> suspect, boolean audited, Deadline deadline)
      throws GuestException, Trouble {
    rebooted(deadline);
    Matrix old = matrix;
    matrix = null; // if a tree cannot be read, the others may have moved nevertheless
    boolean moved = old == null;
    int room = settings.maxEntries();
    for (TreeScanner scanner : scanners.values()) {
      String feature = scanner.tree().name();
      moved |= scanner.scan(path -> suspect.test(new RowKey(feature, path)), room, deadline);
      room -= scanner.items().size();
      sameFileSystem(scanner);
    }
    matrix = moved ? Matrix.of(rows(scanners.values())) : old;
    List<Change> changes = memory.compare(deadline);
    if (!shell.boot(deadline).equals(bootId)) {
      throw new GuestException.Rebooted("The guest rebooted while its files were read");
    }
    boolean begun = scanners.values().stream().anyMatch(s -> s.last().interrupted());
    return new Snapshot(
        bootId,
        matrix,
        memory.remembered(),
        bounded(changes),
        changes.size(),
        audited,
        begun && (memory.remembered().isEmpty() || !changes.isEmpty()),
        scanners.values().stream().mapToLong(s -> s.last().seconds()).min().orElse(0) * 1000);
  }

  private static List<Change> bounded(List<Change> changes) {
    Stream<Change> kept = changes.stream();
    if (changes.size() > Snapshot.MAX_CHANGES) {
      kept =
          kept.sorted(Comparator.comparing(Change::kind).reversed().thenComparing(Change::key))
              .limit(Snapshot.MAX_CHANGES);
    }
    return kept.sorted(Comparator.comparing(Change::key)).toList();
  }

  private void rebooted(Deadline deadline) throws GuestException, Trouble {
    String now = shell.boot(deadline);
    if (!now.equals(bootId)) {
      bootId = now;
      scanners.values().forEach(TreeScanner::forget);
      devices.clear();
      memory.forget();
      matrix = null;
    }
  }

  /** Within one boot a tree's device never changes, unless a file system came or went over it. */
  private void sameFileSystem(TreeScanner scanner) throws Trouble {
    long device = scanner.last().device();
    Long before = devices.putIfAbsent(scanner.tree(), device);
    if (before != null && before != device) {
      boolean forgot =
          scanner.last().memoryMark().equals("none") && memory.remembered().isPresent();
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
      memory.forget();
      throw new Trouble(
          Trouble.Reason.NotMounted,
          scanner.tree().path() + " has just come to be on another file system; it is read afresh");
    }
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
}
