package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * What is really on the disks and in the record, whatever anybody says of it; judges the invariants
 * at each change. Each invariant is a method of its own. For one thread.
 */
final class Truth {
  /** A repair has at most that long to put back what it replaced against the rules. */
  private static final long BACK = 20 * Timeline.SECOND;

  /** What a sidecar may not have run in mode Observe, even where it would write nothing. */
  private static final Set<String> TOUCHING =
      Set.of("address", "reach.sh", "prepare.sh", "settle.sh", "serve.sh", "stage.sh", "apply.sh");

  final Disks disks;
  final Promises promises;
  private final Map<String, Set<Remembered>> everRemembered = new HashMap<>();
  private final Map<String, Set<Digest>> everHeld = new HashMap<>();
  private final Map<String, Set<Row>> everHeldRows = new HashMap<>();
  private final Map<Digest, Matrix> matrices = new HashMap<>();
  private final Map<Digest, Map<RowKey, Content>> contents = new HashMap<>();
  private final Map<Long, Digest> epochs = new TreeMap<>();
  private final Map<Long, Object> writers = new HashMap<>();
  private final Story story;
  private final List<Gone> gone = new ArrayList<>();
  private boolean observed;
  private Map<String, Long> counted;
  private ClusterRecord record = ClusterRecord.none();

  /**
   * @param features name of each file tree by its path, which is a mount point
   */
  Truth(FingerprintKey key, Map<String, String> features, Story story) {
    this.disks = new Disks(key, features);
    this.promises = new Promises(disks, this::violated);
    this.story = story;
  }

  /** Bytes that lost a place on a member's disk; there may be others. */
  private record Gone(Content content, String where) {}

  /** Counts from now on what would end a run. */
  void count(Map<String, Long> invariants) {
    counted = invariants;
  }

  private void violated(String invariant, String message) {
    if (counted == null) {
      throw new Violation(invariant, message);
    }
    counted.merge(invariant, 1L, Long::sum);
    story.tell("VIOLATED %s: %s", invariant, message);
  }

  void add(SimulatedGuest guest) {
    disks.add(guest);
    guest.mounts.values().forEach(volume -> watch(guest, volume));
    everRemembered.put(guest.name, new HashSet<>());
    everHeld.put(guest.name, new HashSet<>());
    everHeldRows.put(guest.name, new HashSet<>());
  }

  private void watch(SimulatedGuest guest, Volume volume) {
    volume.tell(content -> gone.add(new Gone(content, guest.name)));
  }

  /** Another disk takes the place of one of a guest's. */
  void diskReplaced(SimulatedGuest guest, Volume disk) {
    watch(guest, disk);
    promises.diskReplaced(guest);
    held(guest);
  }

  ClusterRecord record() {
    return record;
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
    for (Disks.View view : rotted ? Disks.View.values() : new Disks.View[] {Disks.View.WRITTEN}) {
      Matrix matrix = disks.matrix(guest, view);
      if (everHeld.get(guest.name).add(matrix.root())) {
        everHeldRows.get(guest.name).addAll(matrix.rows());
        matrices.putIfAbsent(matrix.root(), matrix);
        if (view == Disks.View.WRITTEN) {
          contents.computeIfAbsent(matrix.root(), r -> hold(guest));
        }
      }
    }
  }

  private Map<RowKey, Content> hold(SimulatedGuest guest) {
    Map<RowKey, Content> rows = disks.contentsOf(guest);
    rows.values().forEach(content -> content.held = true);
    return rows;
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

  /** A repair changed something in a guest's trees. */
  void applied(SimulatedGuest guest) {
    held(guest);
  }

  /** Users, software or bad luck took these away: VirtQuorum does not answer for what is gone. */
  void takenAway(Iterable<Content> taken) {
    for (Content content : taken) {
      if (content != null && !content.released && !disks.exists(content)) {
        content.released = true;
      }
    }
  }

  /** A memory is durable on a disk. */
  void remembered(SimulatedGuest guest, String tree) {
    for (Remembered memory : Disks.memories(guest.at(tree).volume())) {
      if (everRemembered.get(guest.name).add(memory)) {
        story.tell("%s remembers %s as %s", guest.name, memory.position(), memory.root());
      }
      Matrix rows = disks.rowsOf(guest, memory);
      matrices.putIfAbsent(rows.root(), rows);
    }
    promises.remembers(guest);
  }

  /** Power was cut: what the OS itself lost is nobody's fault; what it had kept must be there. */
  void crashed(SimulatedGuest guest) {
    held(guest);
    for (Map<RowKey, Content> one : contents.values()) {
      for (Content content : one.values()) {
        if (!content.released && !content.wasDurable && !disks.exists(content)) {
          content.released = true;
        }
      }
    }
  }

  /** From now on everybody knows that the mode is Observe, or no longer is. */
  void observed(boolean is) {
    observed = is;
  }

  /** A sidecar has a program run in a guest. */
  void asked(SimulatedGuest guest, String program, List<String> arguments) {
    boolean touches =
        TOUCHING.contains(program)
            || (program.equals("quiesce.sh") && arguments.get(1).equals("begin"));
    if (observed && touches) {
      violated("ObserveChanged", program + " is run in " + guest.name);
    }
  }

  /**
   * A program of a sidecar ended in a guest.
   *
   * @param wrote to the guest's disks
   */
  void ran(SimulatedGuest guest, String program, boolean wrote) {
    if (observed && wrote) {
      violated("ObserveChanged", program + " writes to a disk of " + guest.name);
    }
  }

  /** The users' command let writers go on, or made them keep still. */
  void kept(SimulatedGuest guest, boolean still) {
    story.tell("%s: its writers %s", guest.name, still ? "keep still" : "go on");
  }

  // The invariants.

  /**
   * A repair is about to replace a row, or to delete it.
   *
   * @param old what is there; null: nothing
   * @param content what comes; null: it is deleted, or no file
   */
  void replaced(SimulatedGuest guest, String tree, String name, Node old, Content content) {
    primaryIsNotOverwritten(guest, tree, name, old, content);
    rotReplacesNothingGood(guest, name, old, content);
    nothingIsDestroyedWithoutACopy(guest, name, old);
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
   * left of a write in place, whose ctime may not have reached the disk. What somebody writes while
   * a row is being replaced must be back at once, and what somebody removes be gone, unless the
   * power is cut before.
   */
  private void primaryIsNotOverwritten(
      SimulatedGuest guest, String tree, String name, Node old, Content content) {
    boolean rotted =
        old != null
            && (old.content != old.written
                || (old.isFile()
                    && (old.content.origin == Content.Origin.ROT
                        || old.content.origin == Content.Origin.TORN)));
    if (record.committed().isPresent() && record.isPrimary(guest.name) && !rotted) {
      boolean sameDirectory = old != null && old.isDirectory();
      if (!sameDirectory) {
        mustComeBack(guest, tree, name, old, content);
      }
    }
  }

  private void mustComeBack(
      SimulatedGuest guest, String tree, String name, Node old, Content content) {
    if (old == null && content != null) {
      BooleanSupplier gone =
          () -> {
            SimulatedGuest.Place place = guest.at(tree + "/" + name);
            Node node = place.volume().get(place.path());
            return node == null || node.content != content;
          };
      int boot = guest.boots();
      long until = guest.timeline.now() + BACK;
      String what = name + " was removed and";
      guest.timeline.after(BACK / 100, () -> await(guest, boot, gone, what, until)); // once it came
    } else if (old == null || !old.isFile()) {
      violated("PrimaryOverwritten", name + " of the primary " + guest.name + " is replaced");
    } else {
      BooleanSupplier back =
          () ->
              old.content.released
                  || guest.at(tree).volume().all().entrySet().stream()
                      .anyMatch(
                          e ->
                              e.getValue().content == old.content
                                  && !e.getKey().startsWith(".virtquorum/"));
      await(guest, guest.boots(), back, name + " was written and", guest.timeline.now() + BACK);
    }
  }

  private void await(
      SimulatedGuest guest, int boot, BooleanSupplier back, String what, long until) {
    if (guest.boots() != boot || back.getAsBoolean()) {
      return;
    }
    if (guest.timeline.now() >= until) {
      violated(
          "PrimaryOverwritten",
          what + " replaced by a repair, and did not come back on the primary " + guest.name);
      return;
    }
    guest.timeline.after(BACK / 100, () -> await(guest, boot, back, what, until));
  }

  /**
   * Invariant 3: what rotted, and could be told from a write, is copied nowhere; unless a flipped
   * bit made it what was written here, by chance (seed 226397: "user 1" became "user 3").
   */
  private void rotReplacesNothingGood(
      SimulatedGuest guest, String name, Node old, Content content) {
    if (content == null || content.origin != Content.Origin.ROT || !content.detectable) {
      return;
    }
    if (old != null && old.isFile() && Arrays.equals(old.written.bytes, content.bytes)) {
      content.detectable = false; // it is right from now on
    } else {
      violated("RotSpread", name + " of " + guest.name + " becomes rot: " + content);
    }
  }

  /** Invariant 5: what a repair replaces or deletes is in the member's archive at that moment. */
  private void nothingIsDestroyedWithoutACopy(SimulatedGuest guest, String name, Node old) {
    if (old == null || !old.isFile()) {
      return;
    }
    // On any file system: a tree that is unmounted meanwhile keeps its archive where it was.
    boolean kept =
        Stream.concat(guest.mounts.values().stream(), Stream.of(guest.bare))
            .flatMap(volume -> volume.all().entrySet().stream())
            .filter(e -> e.getKey().contains(".virtquorum/archive/"))
            .anyMatch(e -> e.getValue().content == old.content);
    if (!kept) {
      violated(
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
      violated("ArchivePruned", entry + " of " + guest.name + " is removed and has users' files");
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
    nothingIsDecidedWhileObserving(before, after);
    tenureEndsWithThePrimary(before, after);
    if (!after.committed().equals(before.committed())) {
      Committed committed = after.committed().orElseThrow();
      oneRootAnEpoch(before, committed);
      committedByAMajorityOfDisks(after, committed);
      answerFor(committed.root());
    }
    if (after.mandate().isPresent() && !after.mandate().equals(before.mandate())) {
      accept(disks.guest(after.primary().orElseThrow()));
    }
    record = after;
  }

  /** A person named the member whose state is to be the first. */
  void chosen(String member) {
    accept(disks.guest(member));
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
      violated("OldLeaderWrote", "term " + after.term() + " over " + before.term());
    }
    Object other = writers.putIfAbsent(after.term(), writer);
    if (other != null && other != writer) {
      violated("TwoLeadersWrote", "both in term " + after.term());
    }
  }

  /** Invariant 12: in mode Observe nobody else leads, nothing is committed, and no disk changes. */
  private void nothingIsDecidedWhileObserving(ClusterRecord before, ClusterRecord after) {
    if (observed
        && !(after.primary().equals(before.primary())
            && after.tenure() == before.tenure()
            && after.committed().equals(before.committed()))) {
      violated("ObserveChanged", before + " became " + after);
    }
  }

  private void tenureEndsWithThePrimary(ClusterRecord before, ClusterRecord after) {
    boolean samePrimary = after.primary().equals(before.primary());
    boolean sameTenure = after.tenure() == before.tenure();
    boolean promoted = after.mandate().isPresent();
    if (after.tenure() < before.tenure()
        || (!samePrimary && sameTenure)
        || (samePrimary && !sameTenure && !promoted)) {
      violated("Tenure", before + " became " + after);
    }
  }

  /** Invariant 7. */
  private void oneRootAnEpoch(ClusterRecord before, Committed committed) {
    long last = before.committed().map(Committed::epoch).orElse(0L);
    if (committed.epoch() != last + 1) {
      violated("Epoch", committed.epoch() + " after " + last);
    }
    Digest other = epochs.put(committed.epoch(), committed.root());
    if (other != null && !other.equals(committed.root())) {
      violated("TwoRoots", "epoch " + committed.epoch());
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
      violated(
          "CommitWithoutMajority",
          "epoch %d is %s, which only the disks of %s held; now there are %s"
              .formatted(
                  committed.epoch(),
                  committed.root(),
                  holders,
                  disks.guests().stream().map(this::inWords).toList()));
    }
  }

  private String inWords(SimulatedGuest guest) {
    return "%s: written %s, on the platter %s, seen %s, remembers %s"
        .formatted(
            guest.name,
            disks.root(guest),
            disks.platterRoot(guest),
            disks.matrix(guest, Disks.View.SEEN).root(),
            disks.memories(guest));
  }

  /**
   * Invariants 1 and 4, after each step: what was committed, or written by a user, is somewhere, or
   * was released by those whom VirtQuorum does not answer for.
   */
  void judge() {
    if (!gone.isEmpty()) {
      gone.forEach(one -> isThere(one.content(), one.where()));
      gone.clear();
    }
  }

  private void isThere(Content content, String where) {
    boolean counts =
        !content.released
            && (content.committed || (content.held && content.origin == Content.Origin.USER));
    if (counts && !disks.exists(content)) {
      violated(
          "Lost",
          "what was %s left the disk of %s and is on no disk any more: %s"
              .formatted(content.committed ? "committed" : "written by a user", where, content));
    }
  }

  /** What a root stands for is answered for once it is committed. */
  private void answerFor(Digest root) {
    contents
        .getOrDefault(root, Map.of())
        .values()
        .forEach(
            content -> {
              content.committed = true;
              isThere(content, "some member");
            });
  }

  /** The same of everything at once, for a judge that overlooked that something left a disk. */
  void nothingIsLost() {
    contents.values().forEach(rows -> rows.values().forEach(c -> isThere(c, "some member")));
  }

  /** What was committed, or written by a user, in any state that a disk held. */
  Set<Content> answeredFor() {
    Set<Content> found = new HashSet<>();
    contents.values().forEach(rows -> found.addAll(rows.values()));
    found.removeIf(c -> !c.committed && c.origin != Content.Origin.USER);
    return found;
  }

  /** The root of each epoch. */
  Map<Long, Digest> epochs() {
    return epochs;
  }
}
