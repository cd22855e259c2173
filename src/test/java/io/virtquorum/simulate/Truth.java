package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.collect.CollectScripts;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is really on the disks and in the record, whatever anybody says of it; judges the invariants
 * at each change. Each invariant is a method of its own. For one thread.
 */
final class Truth {
  private final FingerprintKey key;
  private final Map<String, String> features;
  private final Map<String, SimulatedGuest> guests = new TreeMap<>();
  private final Map<String, Set<Remembered>> everRemembered = new HashMap<>();
  private final Map<String, Set<Digest>> everHeld = new HashMap<>();
  private final Map<String, Set<Row>> everHeldRows = new HashMap<>();
  private final Map<Digest, Matrix> matrices = new HashMap<>();
  private final Map<Digest, Map<RowKey, Content>> contents = new HashMap<>();
  private final Map<Long, Digest> epochs = new TreeMap<>();
  private final Map<Long, Object> writers = new HashMap<>();
  private final Map<Volume, Known> known = new HashMap<>();
  private final Story story;
  private ClusterRecord record = ClusterRecord.none();

  /** Rows of a volume, good as long as its version is the same. */
  private record Known(long version, List<Row> written, List<Row> platter, List<Row> seen) {}

  private enum View {
    WRITTEN,
    PLATTER,
    SEEN
  }

  /**
   * @param features name of each file tree by its path, which is a mount point
   */
  Truth(FingerprintKey key, Map<String, String> features, Story story) {
    this.key = key;
    this.features = new TreeMap<>(features);
    this.story = story;
  }

  void add(SimulatedGuest guest) {
    guests.put(guest.name, guest);
    everRemembered.put(guest.name, new HashSet<>());
    everHeld.put(guest.name, new HashSet<>());
    everHeldRows.put(guest.name, new HashSet<>());
  }

  ClusterRecord record() {
    return record;
  }

  // What is on the disks.

  /** The root of what the OS wrote last. */
  Digest root(SimulatedGuest guest) {
    return matrix(guest, View.WRITTEN).root();
  }

  /** The root of what is on the platters. */
  Digest platterRoot(SimulatedGuest guest) {
    return matrix(guest, View.PLATTER).root();
  }

  private Matrix matrix(SimulatedGuest guest, View view) {
    List<Row> rows = new ArrayList<>();
    features.forEach(
        (path, feature) -> {
          Volume volume = guest.mounts.get(path);
          Known now = known.get(volume);
          if (now == null || now.version() != volume.version()) {
            now = read(feature, volume);
            known.put(volume, now);
          }
          rows.addAll(
              switch (view) {
                case WRITTEN -> now.written();
                case PLATTER -> now.platter();
                case SEEN -> now.seen();
              });
        });
    return Matrix.of(rows);
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
      found.addAll(memories(guest.mounts.get(path)));
    }
    return found;
  }

  /** A memory that is whole counts although it has not taken its place yet. */
  private static Set<Remembered> memories(Volume volume) {
    Set<Remembered> found = new HashSet<>();
    for (String file : List.of(".virtquorum/memory.new", ".virtquorum/memory")) {
      Node memory = volume.platter().get(file);
      if (memory != null) {
        CollectScripts.remembered(memory.content.bytes).ifPresent(found::add);
      }
    }
    return found;
  }

  /** True if any disk still has these bytes, in its trees or its archive. */
  boolean exists(Content content) {
    for (SimulatedGuest guest : guests.values()) {
      for (Volume volume : guest.mounts.values()) {
        for (var entry : volume.all().entrySet()) {
          if (entry.getValue().content == content
              && (!Volume.isOwn(entry.getKey()) || isArchived(entry.getKey()))) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private static boolean isArchived(String path) {
    return path.startsWith(".virtquorum/archive/");
  }

  // What happens.

  /** Something in a guest's trees changed. */
  void held(SimulatedGuest guest) {
    boolean rotted =
        guest.mounts.values().stream()
            .anyMatch(
                volume ->
                    volume.hides()
                        || volume.all().values().stream().anyMatch(n -> n.content != n.written));
    for (View view : rotted ? View.values() : new View[] {View.WRITTEN}) {
      Matrix matrix = matrix(guest, view);
      if (everHeld.get(guest.name).add(matrix.root())) {
        everHeldRows.get(guest.name).addAll(matrix.rows());
        matrices.putIfAbsent(matrix.root(), matrix);
        if (view == View.WRITTEN) {
          contents.computeIfAbsent(matrix.root(), r -> contentsOf(guest));
        }
      }
    }
  }

  /**
   * True if a guest held this state: all at once, or, where rows that nobody wrote rotted since
   * they were read, one row after the other.
   */
  private boolean everHeld(String name, Digest root) {
    return everHeld.get(name).contains(root)
        || (matrices.containsKey(root)
            && everHeldRows.get(name).containsAll(matrices.get(root).rows()));
  }

  private Map<RowKey, Content> contentsOf(SimulatedGuest guest) {
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

  /** A repair changed something in a guest's trees. */
  void applied(SimulatedGuest guest) {
    held(guest);
  }

  /** Users, software or bad luck took these away: VirtQuorum does not answer for what is gone. */
  void takenAway(Iterable<Content> taken) {
    for (Content content : taken) {
      if (content != null && !content.released && !exists(content)) {
        content.released = true;
      }
    }
  }

  /** A memory is durable on a disk. */
  void remembered(SimulatedGuest guest, String tree) {
    for (Remembered memory : memories(guest.at(tree).volume())) {
      if (everRemembered.get(guest.name).add(memory)) {
        story.tell("%s remembers %s as %s", guest.name, memory.position(), memory.root());
      }
    }
  }

  /** Power was cut: what the OS itself lost is nobody's fault; what it had kept must be there. */
  void crashed(SimulatedGuest guest) {
    held(guest);
    for (Map<RowKey, Content> one : contents.values()) {
      for (Content content : one.values()) {
        if (!content.released && !content.wasDurable && !exists(content)) {
          content.released = true;
        }
      }
    }
  }

  // The invariants.

  /**
   * A repair is about to replace a row, or to delete it.
   *
   * @param old what is there; null: nothing
   * @param content what comes; null: it is deleted, or no file
   */
  void replaced(SimulatedGuest guest, String tree, String name, Node old, Content content) {
    primaryIsNotOverwritten(guest, name, old);
    rotReplacesNothingGood(guest, name, content);
    nothingIsDestroyedWithoutACopy(guest, tree, name, old);
    story.tell(
        "%s: repair %s %s (was %s, becomes %s)",
        guest.name,
        content == null ? "removes or makes" : "writes",
        name,
        old == null ? "nothing" : old.isFile() ? old.content : "a directory",
        content);
  }

  /**
   * Invariant 2: of the recorded primary only what rotted is ever replaced, or what a power cut
   * left of a write in place, whose ctime may not have reached the disk.
   */
  private void primaryIsNotOverwritten(SimulatedGuest guest, String name, Node old) {
    boolean rotted =
        old != null
            && (old.content != old.written
                || (old.isFile()
                    && (old.content.origin == Content.Origin.ROT
                        || old.content.origin == Content.Origin.TORN)));
    if (record.committed().isPresent() && record.isPrimary(guest.name) && !rotted) {
      boolean sameDirectory = old != null && old.isDirectory();
      if (!sameDirectory) {
        throw new Violation(
            "PrimaryOverwritten", name + " of the primary " + guest.name + " is replaced");
      }
    }
  }

  /** Invariant 3: what rotted, and could be told from a write, is copied nowhere. */
  private void rotReplacesNothingGood(SimulatedGuest guest, String name, Content content) {
    if (content != null && content.origin == Content.Origin.ROT && content.detectable) {
      throw new Violation("RotSpread", name + " of " + guest.name + " becomes rot: " + content);
    }
  }

  /** Invariant 5: what a repair replaces or deletes is in the member's archive at that moment. */
  private void nothingIsDestroyedWithoutACopy(
      SimulatedGuest guest, String tree, String name, Node old) {
    if (old == null || !old.isFile()) {
      return;
    }
    Volume volume = guest.at(tree).volume();
    boolean kept =
        volume.all().subMap(".virtquorum/archive/", ".virtquorum/archive0").values().stream()
            .anyMatch(n -> n.content == old.content);
    if (!kept) {
      throw new Violation(
          "Destroyed",
          name + " of " + guest.name + " is replaced and not archived: " + old.content);
    }
  }

  /** Invariant 4, at the archive: what a user may have written is never removed from it. */
  void pruning(SimulatedGuest guest, Volume volume, String entry) {
    if (!volume.exists(entry)) {
      return; // another tree's
    }
    Node manifest = volume.get(entry + "/manifest");
    String first = manifest == null ? "" : manifest.content.text().lines().findFirst().orElse("");
    if (!first.endsWith(" 0")) {
      throw new Violation(
          "ArchivePruned", entry + " of " + guest.name + " is removed and has users' files");
    }
    for (Node node : List.copyOf(volume.below(entry).values())) {
      if (node.isFile()) {
        node.content.released = true;
      }
    }
  }

  /** The record changed. */
  void recorded(Object writer, ClusterRecord before, ClusterRecord after) {
    if (after.equals(before)) {
      return; // a fence
    }
    story.tell("recorded %s", after);
    oneLeaderWrites(writer, before, after);
    tenureEndsWithThePrimary(before, after);
    if (!after.committed().equals(before.committed())) {
      Committed committed = after.committed().orElseThrow();
      oneRootAnEpoch(before, committed);
      committedByAMajorityOfDisks(after, committed);
    }
    if (after.mandate().isPresent() && !after.mandate().equals(before.mandate())) {
      accept(guests.get(after.primary().orElseThrow()));
    }
    record = after;
  }

  /** A person wants what this member holds, rot and all. */
  private static void accept(SimulatedGuest guest) {
    for (Volume volume : guest.mounts.values()) {
      volume.all().values().stream()
          .filter(node -> node.content != node.written)
          .forEach(node -> node.content.detectable = false);
    }
  }

  /** Invariant 8: terms only grow, and two leaders of one term never both change the record. */
  private void oneLeaderWrites(Object writer, ClusterRecord before, ClusterRecord after) {
    if (after.term() < before.term()) {
      throw new Violation("OldLeaderWrote", "term " + after.term() + " over " + before.term());
    }
    Object other = writers.putIfAbsent(after.term(), writer);
    if (other != null && other != writer) {
      throw new Violation("TwoLeadersWrote", "both in term " + after.term());
    }
  }

  private static void tenureEndsWithThePrimary(ClusterRecord before, ClusterRecord after) {
    boolean samePrimary = after.primary().equals(before.primary());
    boolean sameTenure = after.tenure() == before.tenure();
    boolean promoted = after.mandate().isPresent();
    if (after.tenure() < before.tenure()
        || (!samePrimary && sameTenure)
        || (samePrimary && !sameTenure && !promoted)) {
      throw new Violation("Tenure", before + " became " + after);
    }
  }

  /** Invariant 7. */
  private void oneRootAnEpoch(ClusterRecord before, Committed committed) {
    long last = before.committed().map(Committed::epoch).orElse(0L);
    if (committed.epoch() != last + 1) {
      throw new Violation("Epoch", committed.epoch() + " after " + last);
    }
    Digest other = epochs.put(committed.epoch(), committed.root());
    if (other != null && !other.equals(committed.root())) {
      throw new Violation("TwoRoots", "epoch " + committed.epoch());
    }
  }

  /** Invariant 6, by the disks: each of a majority remembers the root and really held it. */
  private void committedByAMajorityOfDisks(ClusterRecord after, Committed committed) {
    List<String> holders =
        after.members().keySet().stream()
            .filter(m -> everRemembered.get(m).contains(committed.remembered()))
            .filter(m -> everHeld(m, committed.root()))
            .toList();
    if (holders.size() < after.majority()) {
      throw new Violation(
          "CommitWithoutMajority",
          "epoch %d is %s, which only the disks of %s held; now there are %s"
              .formatted(
                  committed.epoch(),
                  committed.root(),
                  holders,
                  guests.values().stream().map(this::inWords).toList()));
    }
  }

  private String inWords(SimulatedGuest guest) {
    return "%s: written %s, on the platter %s, seen %s, remembers %s"
        .formatted(
            guest.name,
            root(guest),
            platterRoot(guest),
            matrix(guest, View.SEEN).root(),
            memories(guest));
  }

  /** Invariants 1 and 4, at any moment: what was committed or written is somewhere, or released. */
  void nothingIsLost() {
    for (Digest root : epochs.values()) {
      Map<RowKey, Content> rows = contents.get(root);
      if (rows != null) {
        rows.forEach((row, content) -> there(row, content, "was committed"));
      }
    }
    contents
        .values()
        .forEach(
            rows ->
                rows.forEach(
                    (row, content) -> {
                      if (content.origin == Content.Origin.USER) {
                        there(row, content, "was written by a user");
                      }
                    }));
  }

  private void there(RowKey row, Content content, String what) {
    if (!content.released && !exists(content)) {
      throw new Violation("Lost", row + " " + what + " and is on no disk any more: " + content);
    }
  }

  /** How many contents were committed in any epoch and are on no disk though nobody took them. */
  Map<Long, Digest> epochs() {
    return epochs;
  }
}
