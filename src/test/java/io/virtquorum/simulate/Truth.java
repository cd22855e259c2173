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
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What is really on the disks and in the record, whatever anybody says of it; judges the invariants
 * at each change. Each invariant is a method of its own. For one thread.
 */
final class Truth {
  /** What a sidecar may not have run in mode Observe, even where it would write nothing. */
  private static final Set<String> TOUCHING =
      Set.of("address", "reach.sh", "prepare.sh", "settle.sh", "serve.sh", "stage.sh", "apply.sh");

  final Disks disks;
  final Promises promises;
  final RepairRules repairs;
  private final RecordRules rules;
  private final Map<String, Set<Remembered>> everRemembered = new HashMap<>();
  private final Map<String, Set<Digest>> everHeld = new HashMap<>();
  private final Map<String, Set<Row>> everHeldRows = new HashMap<>();
  private final Map<Digest, Matrix> matrices = new HashMap<>();
  private final Map<Digest, Map<RowKey, Content>> contents = new HashMap<>();
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
    this.repairs = new RepairRules(this::violated, this::record, disks);
    this.rules = new RecordRules(this::violated, this::remembersAndHeld, this::inWords);
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
    promises.diskGone(guest);
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

  private boolean remembersAndHeld(String name, Committed committed) {
    return everRemembered.get(name).contains(committed.remembered())
        && everHeld(name, committed.root());
  }

  /** A repair changed something in a guest's trees. */
  void applied(SimulatedGuest guest) {
    held(guest);
  }

  /** Users, software or bad luck took these away: VirtQuorum does not answer for what is gone. */
  void takenAway(Iterable<Content> taken) {
    for (Content content : taken) {
      if (content == null || content.released) {
        continue;
      }
      if (!disks.exists(content)) {
        content.released = true;
      } else if (!disks.isDurable(content)) {
        content.wasDurable = false; // what is left of it a power cut may take (seed 1011029)
      }
    }
  }

  /** A memory is durable on a disk. */
  void remembered(SimulatedGuest guest, String tree) {
    for (Remembered memory : Disks.memories(guest.at(tree).volume(), false)) {
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
    repairs.judge(guest, tree, name, old, content);
    story.tell(
        "%s: repair %s %s (was %s, becomes %s)",
        guest.name,
        content == null ? "removes or makes" : "writes",
        name,
        old == null ? "nothing" : old.isFile() ? old.content : "a directory",
        content);
  }

  /** The record changed. */
  void recorded(Object writer, ClusterRecord before, ClusterRecord after) {
    if (after.equals(before)) {
      return; // a fence
    }
    story.tell("recorded %s", after);
    rules.judge(writer, before, after, observed);
    if (!after.committed().equals(before.committed())) {
      answerFor(after.committed().orElseThrow().root());
    }
    if (after.mandate().isPresent() && !after.mandate().equals(before.mandate())) {
      accept(disks.guest(after.primary().orElseThrow()));
    }
    record = after;
  }

  /** Somebody from outside put another record in the place of the present one. */
  void restored(ClusterRecord other) {
    story.tell("from outside recorded %s", other);
    rules.restored(other);
    record = other;
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

  private String inWords() {
    return disks.guests().stream().map(this::inWords).toList().toString();
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
    return rules.epochs();
  }
}
