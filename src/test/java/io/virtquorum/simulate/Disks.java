package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** What is really on the guests' disks, whatever anybody says of it. For one thread. */
final class Disks {
  private final FingerprintKey key;
  private final Map<String, String> features;
  private final Map<String, SimulatedGuest> guests = new TreeMap<>();
  private final Map<Volume, Known> known = new HashMap<>();
  private final Map<SimulatedGuest, Whole> wholes = new HashMap<>();

  /** Rows of a volume, good as long as its version is the same. */
  private record Known(long version, List<Row> written, List<Row> platter, List<Row> seen) {
    List<Row> rows(View view) {
      return switch (view) {
        case WRITTEN -> written;
        case PLATTER -> platter;
        case SEEN -> seen;
      };
    }
  }

  /** What a guest's volumes make together, good as long as each is known to hold the same. */
  private record Whole(List<Known> parts, Map<View, Matrix> matrices) {
    boolean isOf(List<Known> now) {
      for (int i = 0; i < parts.size(); i++) {
        if (parts.get(i) != now.get(i)) {
          return false;
        }
      }
      return true;
    }
  }

  enum View {
    /** What the OS wrote last. */
    WRITTEN,
    /** What is on the platters. */
    PLATTER,
    /** What programs read. */
    SEEN
  }

  /**
   * @param features name of each file tree by its path, which is a mount point
   */
  Disks(FingerprintKey key, Map<String, String> features) {
    this.key = key;
    this.features = new TreeMap<>(features);
  }

  void add(SimulatedGuest guest) {
    guests.put(guest.name, guest);
  }

  Collection<SimulatedGuest> guests() {
    return guests.values();
  }

  SimulatedGuest guest(String name) {
    return guests.get(name);
  }

  /** The paths of the file trees. */
  Set<String> trees() {
    return features.keySet();
  }

  /** The name of the file tree at a path. */
  String feature(String tree) {
    return features.get(tree);
  }

  /** The root of what the OS wrote last. */
  Digest root(SimulatedGuest guest) {
    return matrix(guest, View.WRITTEN).root();
  }

  /** The root of what is on the platters. */
  Digest platterRoot(SimulatedGuest guest) {
    return matrix(guest, View.PLATTER).root();
  }

  /** A guest's rows. */
  Matrix matrix(SimulatedGuest guest, View view) {
    List<Known> parts = new ArrayList<>(features.size());
    features.forEach((path, feature) -> parts.add(known(feature, guest.mounts.get(path))));
    Whole whole = wholes.get(guest);
    if (whole == null || !whole.isOf(parts)) {
      whole = new Whole(parts, new EnumMap<>(View.class));
      wholes.put(guest, whole);
    }
    return whole.matrices.computeIfAbsent(
        view, v -> Matrix.of(parts.stream().flatMap(part -> part.rows(v).stream()).toList()));
  }

  private Known known(String feature, Volume volume) {
    Known now = known.get(volume);
    if (now == null || now.version() != volume.version()) {
      now = read(feature, volume);
      known.put(volume, now);
    }
    return now;
  }

  private Known read(String feature, Volume volume) {
    List<Row> written = new ArrayList<>();
    List<Row> platter = new ArrayList<>();
    List<Row> seen = volume.hides() ? new ArrayList<>() : platter;
    volume
        .all()
        .forEach(
            (path, node) -> {
              if (!Volume.isOwn(path)) {
                RowKey row = new RowKey(feature, path);
                if (node.digestWritten == null) {
                  node.digestWritten = digest(node, node.written);
                  node.digestContent =
                      node.content == node.written
                          ? node.digestWritten
                          : digest(node, node.content);
                }
                written.add(new Row(row, node.digestWritten));
                platter.add(new Row(row, node.digestContent));
                if (volume.hides()) {
                  Content read = node.isFile() ? volume.read(node) : null;
                  seen.add(
                      read == node.content ? platter.getLast() : new Row(row, digest(node, read)));
                }
              }
            });
    return new Known(volume.version(), written, platter, seen);
  }

  /** A row's digest by what a program reads. */
  Digest readDigest(Node node, Content read) {
    if (read == node.content && node.digestContent != null) {
      return node.digestContent;
    }
    return digest(node, read);
  }

  /** A row's digest by what is on the platter. */
  Digest platterDigest(Node node) {
    return digest(node, node.content);
  }

  private Digest digest(Node node, Content content) {
    return key.fingerprint(
        List.of(
            String.valueOf(node.type),
            Integer.toOctalString(node.mode),
            "0",
            "0",
            node.isFile() ? Long.toString(content.bytes.length) : "",
            node.isFile() ? content.sha() : "",
            node.target));
  }

  /** What the memory on a guest's disks says, as a sidecar would read it after a power cut. */
  Set<Remembered> memories(SimulatedGuest guest) {
    Set<Remembered> found = new HashSet<>();
    for (String path : features.keySet()) {
      found.addAll(memories(guest, path, false));
    }
    return found;
  }

  /** True if a memory on a guest's disks is of this position, or a later one. */
  boolean remembersFrom(SimulatedGuest guest, Position position) {
    for (String path : features.keySet()) {
      for (MemoryFile memory : memoryFiles(guest, path, false)) {
        if (!position.isAfter(memory.remembered().position())) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * A memory that is whole counts although it has not taken its place yet.
   *
   * @param synced only those of which all bytes are durable
   */
  static Set<Remembered> memories(SimulatedGuest guest, String tree, boolean synced) {
    Set<Remembered> found = new HashSet<>();
    memoryFiles(guest, tree, synced).forEach(memory -> found.add(memory.remembered()));
    return found;
  }

  /**
   * The guest's own memories of a tree, the newest first: a cloned disk has another's.
   *
   * @param synced only those of which all bytes are durable
   */
  private static List<MemoryFile> memoryFiles(SimulatedGuest guest, String tree, boolean synced) {
    Volume volume = guest.mounts.get(tree);
    List<MemoryFile> files = new ArrayList<>(2);
    for (String name : List.of(".virtquorum/memory.new", ".virtquorum/memory")) {
      Node file = volume.platter().get(name);
      if (file != null && !(synced && volume.isUnsynced(file.inode))) {
        file.content.memory().filter(one -> one.owner().equals(guest.name)).ifPresent(files::add);
      }
    }
    return files;
  }

  /** The rows that a guest remembers at this position; those that it has on all of its disks. */
  Matrix rowsOf(SimulatedGuest guest, Remembered remembered) {
    List<Row> rows = new ArrayList<>();
    features.forEach(
        (path, feature) ->
            memoryFiles(guest, path, false).stream()
                .filter(memory -> memory.remembered().equals(remembered))
                .findFirst()
                .ifPresent(
                    memory ->
                        memory.rows(
                            (item, digest) ->
                                rows.add(new Row(new RowKey(feature, item), digest)))));
    return Matrix.of(rows);
  }

  /** True if any disk still has these bytes, in its trees or its archive. */
  boolean exists(Content content) {
    for (SimulatedGuest guest : guests.values()) {
      for (Volume volume : guest.mounts.values()) {
        if (holds(volume.all(), content, _ -> true)) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * True if it exists now, and would after a power cut of everything: what was removed and is not
   * off the platter yet does not count (seed 7010084).
   */
  boolean isDurable(Content content) {
    return volumes().anyMatch(volume -> isDurable(volume, content));
  }

  private static boolean isDurable(Volume volume, Content content) {
    return holds(
        volume.platter(),
        content,
        node ->
            !volume.isUnsynced(node.inode)
                && holds(volume.all(), content, present -> present.inode == node.inode));
  }

  /** True if the tree of one of these members has these bytes, where users would see them. */
  boolean isLive(Content content, Set<String> members) {
    for (SimulatedGuest guest : guests.values()) {
      if (members.isEmpty() || members.contains(guest.name)) {
        for (Volume volume : guest.mounts.values()) {
          if (isLive(volume.all(), content, _ -> true)) {
            return true;
          }
        }
      }
    }
    return false;
  }

  /** True if it is live now, and would be after a power cut of everything. */
  boolean isDurablyLive(Content content, Set<String> members) {
    return trees(members)
        .anyMatch(
            volume ->
                isLive(
                    volume.platter(),
                    content,
                    node ->
                        !volume.isUnsynced(node.inode)
                            && isLive(
                                volume.all(), content, present -> present.inode == node.inode)));
  }

  /** True if there is a copy besides those below a path of a volume. */
  boolean existsBeside(Content content, Volume here, String path) {
    return volumes()
        .anyMatch(
            volume ->
                volume.all().entrySet().stream()
                    .anyMatch(
                        e ->
                            e.getValue().content == content
                                && Volume.counts(e.getKey())
                                && !(volume == here && e.getKey().startsWith(path + "/"))));
  }

  private Stream<Volume> trees(Set<String> members) {
    return guests.values().stream()
        .filter(guest -> members.isEmpty() || members.contains(guest.name))
        .flatMap(guest -> guest.mounts.values().stream());
  }

  private static boolean isLive(Map<String, Node> files, Content content, Predicate<Node> counts) {
    for (var entry : files.entrySet()) {
      Node node = entry.getValue();
      if (node.content == content && !Volume.isOwn(entry.getKey()) && counts.test(node)) {
        return true;
      }
    }
    return false;
  }

  private Stream<Volume> volumes() {
    return guests.values().stream().flatMap(guest -> guest.mounts.values().stream());
  }

  private static boolean holds(Map<String, Node> files, Content content, Predicate<Node> counts) {
    for (var entry : files.entrySet()) {
      Node node = entry.getValue();
      if (node.content == content && Volume.counts(entry.getKey()) && counts.test(node)) {
        return true;
      }
    }
    return false;
  }

  /** The bytes of a guest's files, as the OS wrote them last. */
  Map<RowKey, Content> contentsOf(SimulatedGuest guest) {
    Map<RowKey, Content> found = new HashMap<>();
    features.forEach(
        (path, feature) ->
            guest
                .mounts
                .get(path)
                .all()
                .forEach(
                    (item, node) -> {
                      if (node.isFile() && !Volume.isOwn(item)) {
                        found.put(new RowKey(feature, item), node.written);
                      }
                    }));
    return found;
  }
}
