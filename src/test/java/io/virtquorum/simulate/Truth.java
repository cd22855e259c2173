package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.api.Mode;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Request.OperationCase;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is really on the disks and in the record, whatever anybody says of it; judges the invariants
 * at each change. Each invariant is a method of its own. For one thread.
 */
final class Truth {
  /** What a sidecar may not ask for in mode Observe, even where it would write nothing. */
  private static final Set<OperationCase> TOUCHING =
      EnumSet.of(
          OperationCase.ADDRESS,
          OperationCase.HEALTH,
          OperationCase.SERVE,
          OperationCase.FETCH,
          OperationCase.APPLY,
          OperationCase.ARCHIVE_LIST,
          OperationCase.REMEMBER,
          OperationCase.MARK_USERS);

  final Disks disks;
  final Holdings holdings;
  final Promises promises;
  final RepairRules repairs;
  final ClientHistory clients;
  final ExposureRules exposure;
  final Confirmations confirmations;
  final Witnesses witnesses = new Witnesses();
  final Serving serving = new Serving(this, this::violated);

  /** As the spec has it; {@link #observed} is when everybody knows. */
  Mode mode = Mode.REPAIR;

  private final Evolution evolution = new Evolution();
  private final RecordRules rules;
  private final Story story;
  private final List<Gone> gone = new ArrayList<>();
  private Map<RowKey, Content> committed = Map.of();
  private final Set<String> promoted = new HashSet<>();
  private boolean observed;
  private Map<String, Long> counted;
  private ClusterRecord record = ClusterRecord.none();

  /**
   * @param features name of each file tree by its path, which is a mount point
   */
  Truth(FingerprintKey key, Map<String, String> features, Story story) {
    this.disks = new Disks(key, features);
    this.holdings = new Holdings(disks);
    this.promises = new Promises(disks, this::violated);
    this.repairs = new RepairRules(this::violated, disks, this::record);
    this.clients = new ClientHistory(this, evolution, this::violated);
    this.confirmations = new Confirmations(this, evolution, this::violated);
    this.exposure = new ExposureRules(this, evolution, this::violated);
    this.rules = new RecordRules(this::violated, holdings::everHadAndKnew, this::inWords);
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
    holdings.add(guest);
  }

  private void watch(SimulatedGuest guest, Volume volume) {
    volume.tell(content -> gone.add(new Gone(content, guest.name)));
  }

  /** Another disk takes the place of one of a guest's. */
  void diskReplaced(SimulatedGuest guest, Volume disk) {
    watch(guest, disk);
    promises.diskGone(guest);
    repairs.diskReplaced(guest, disk);
    witnesses.cameBack(guest, disk);
    Matrix before = holdings.latest(guest);
    Matrix now = changed(guest);
    if (before != null) {
      exposure.diskReplaced(guest, before.differences(now), guest.timeline.now());
    }
  }

  /**
   * A person restored a member from a backup of itself. Where that remembers what is committed,
   * nobody can tell what else was on it from what somebody wrote there later (seed 8139).
   */
  void restoredByAPerson(SimulatedGuest guest) {
    record
        .committed()
        .filter(c -> disks.memories(guest).contains(c.remembered()))
        .ifPresent(c -> wentOn(guest, c, holdings.latest(guest)));
  }

  /** What somebody's restore left between the two counts as what became of the first there. */
  private void wentOn(SimulatedGuest guest, Committed from, Matrix to) {
    Matrix known = holdings.matrix(from.root());
    if (known != null && to != null) {
      evolution.happened(guest.name, true, known.differences(to), guest.timeline.now());
    }
  }

  ClusterRecord record() {
    return record;
  }

  /** True of the member that users are led to, or are to be. */
  private boolean speaks(SimulatedGuest guest) {
    return record.isPrimary(guest.name) || clients.led().filter(led -> led == guest).isPresent();
  }

  // What happens.

  /** Software in a guest changed something in its trees, or its disk did. */
  void held(SimulatedGuest guest) {
    did(guest, Content.Origin.JOB);
  }

  /** Somebody changed something in a guest's trees. */
  void did(SimulatedGuest guest, Content.Origin by) {
    Matrix before = holdings.latest(guest);
    Optional<Matrix> lost = holdings.rotten(guest);
    Matrix now = changed(guest);
    if (before == null) {
      return;
    }
    boolean counts = speaks(guest);
    long at = guest.timeline.now();
    List<Matrix.Difference> changes = before.differences(now);
    evolution.happened(guest.name, counts, changes, at);
    // What is written over rot was rot before, and some rot cannot be told from a write.
    lost.ifPresent(rot -> evolution.happened(guest.name, counts, rot.differences(now), at));
    holdings
        .rotten(guest)
        .ifPresent(rot -> evolution.happened(guest.name, true, now.differences(rot), at));
    if (counts && by == Content.Origin.USER) {
      exposure.wrote(changes, at);
    }
  }

  /**
   * Somebody who keeps a file open wrote to it where a repair had moved it, in the archive. To who
   * writes it is that row still, and of single rows a repair brings back what was written while it
   * replaced them: that is no row that vanished (seed 6165).
   *
   * @param before the row's digest until then
   */
  void wroteMoved(SimulatedGuest guest, RowKey row, Digest before, Digest after) {
    Matrix.Difference change = new Matrix.Difference(row, Optional.of(before), Optional.of(after));
    evolution.happened(guest.name, speaks(guest), List.of(change), guest.timeline.now());
  }

  /** A user wrote this into a guest. */
  void userWrote(SimulatedGuest guest, Content content) {
    if (!speaks(guest)) {
      if (mode == Mode.OBSERVE) {
        content.unseen = true; // nothing may be written that a later pod could know it by
      } else {
        witnesses.wrote(guest, content);
      }
    }
  }

  /** A guest holds something else than before, for whatever reason. */
  private Matrix changed(SimulatedGuest guest) {
    holdings.changed(guest);
    exposure.changed();
    clients.changed(guest);
    return holdings.latest(guest);
  }

  /** A repair changed something in a guest's trees. */
  void applied(SimulatedGuest guest) {
    Matrix before = holdings.latest(guest);
    Matrix now = changed(guest);
    if (evolution.isWaiting(guest.name)) {
      evolution.repaired(guest.name, before.differences(now));
    }
  }

  /** Users, software or bad luck took these away: VirtQuorum does not answer for what is gone. */
  void takenAway(Iterable<Content> taken) {
    for (Content content : taken) {
      if (content == null || content.released) {
        continue;
      }
      if (!isLive(content)) {
        content.archived = true;
      } else if (!disks.isDurablyLive(content, record.members().keySet())) {
        content.wasLive = false;
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
    for (Remembered memory : Disks.memories(guest, tree, false)) {
      if (holdings.remembers(guest, memory)) {
        story.tell("%s remembers %s as %s", guest.name, memory.position(), memory.root());
      }
    }
    promises.remembers(guest);
  }

  /** Power was cut: what the OS itself lost is nobody's fault; what it had kept must be there. */
  void crashed(SimulatedGuest guest) {
    witnesses.died(guest);
    held(guest);
    for (Map<RowKey, Content> one : holdings.contents()) {
      for (Content content : one.values()) {
        if (!content.released && !content.wasDurable && !disks.exists(content)) {
          content.released = true;
        }
        if (!content.archived && !content.wasLive && !isLive(content)) {
          content.archived = true;
        }
      }
    }
  }

  /** From now on everybody knows that the mode is Observe, or no longer is. */
  void observed(boolean is) {
    observed = is;
  }

  /** A sidecar asks a guest's program for something. */
  void asked(SimulatedGuest guest, Request request) {
    boolean touches =
        TOUCHING.contains(request.getOperationCase())
            || (request.hasQuiesce() && request.getQuiesce().getStillMillis() > 0);
    if (observed && touches) {
      violated("ObserveChanged", request.getOperationCase() + " is asked of " + guest.name);
    }
  }

  /**
   * A guest's program did what it was asked for.
   *
   * @param wrote to the guest's disks
   */
  void ran(SimulatedGuest guest, Request request, boolean wrote) {
    if (observed && wrote) {
      violated("ObserveChanged", request.getOperationCase() + " writes to a disk of " + guest.name);
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
    if (after.mandate().isPresent() && !after.mandate().equals(before.mandate())) {
      promoted(disks.guest(after.primary().orElseThrow()));
    }
    leadsOnlyWithoutStaleProcess(before, after);
    after.primary().ifPresent(evolution::counts);
    record = after;
    exposure.changed();
    clients.recorded(before, after);
    if (!after.committed().equals(before.committed())) {
      if (before.committed().isEmpty()) {
        chosenAsFirst(holdings.contents(after.committed().orElseThrow().root()).values());
      }
      answerFor(after.committed().orElseThrow().root());
    } else if (!after.members().equals(before.members())) {
      committed.values().forEach(content -> isThere(content, "who is no member any more"));
    }
  }

  /**
   * A person wants this member to lead: also later, until it is known everywhere that he does not.
   */
  void promotedByAPerson(String member) {
    promoted.add(member);
  }

  /** Nobody begins to lead with whom users would write into what a repair replaced. */
  private void leadsOnlyWithoutStaleProcess(ClusterRecord before, ClusterRecord after) {
    String next = after.primary().orElse("");
    if (before.committed().isEmpty()
        || after.primary().equals(before.primary())
        || after.mandate().isPresent()
        || promoted.contains(next)) {
      return;
    }
    disks.guest(next).opened.stream()
        .flatMap(opened -> opened.stale(0).stream())
        .findFirst()
        .ifPresent(
            stale ->
                violated(
                    "StaleLed",
                    "%s leads from now on, where a process has %s open, which is in the archive"
                        .formatted(next, stale.getPath().toStringUtf8())));
  }

  /** What else users wrote before there was anything to keep is replaced by people's choice. */
  private void chosenAsFirst(Collection<Content> first) {
    holdings
        .contents()
        .forEach(rows -> rows.values().forEach(c -> c.superseded |= !first.contains(c)));
  }

  /** A person wants what this member holds in the place of what is committed. */
  private void promoted(SimulatedGuest guest) {
    confirmations.beginAnew();
    accept(guest);
    record
        .committed()
        .map(c -> holdings.matrix(c.root()))
        .ifPresent(
            known -> {
              for (Disks.View view : Disks.View.values()) {
                Matrix wanted = disks.matrix(guest, view);
                evolution.happened(
                    guest.name, true, known.differences(wanted), guest.timeline.now());
              }
            });
  }

  /** Somebody from outside put another record in the place of the present one. */
  void restored(ClusterRecord other) {
    story.tell("from outside recorded %s", other);
    repairs.restored(disks.guests().iterator().next().timeline.now());
    rules.restored(other);
    record = other;
    committed = other.committed().map(c -> holdings.contents(c.root())).orElse(Map.of());
    other.committed().ifPresent(c -> goesOn(c, disks.guest(other.primary().orElseThrow())));
    clients.restored();
    confirmations.beginAnew();
    exposure.changed();
  }

  /**
   * The record came back older than what its primary remembers of the same tenure: nobody can tell
   * whether that is what became of it, or of a life that a restore of all disks had brought back
   * before (seed 10002033).
   */
  private void goesOn(Committed restored, SimulatedGuest primary) {
    for (Remembered memory : disks.memories(primary)) {
      if (memory.position().tenure() == restored.position().tenure()
          && memory.position().isAfter(restored.position())) {
        wentOn(primary, restored, holdings.matrix(memory.root()));
      }
    }
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
          .forEach(
              node -> {
                node.content.detectable = false;
                node.written.released = true; // rot is in its place (seed 23000233)
              });
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
    clients.judge();
    exposure.judge();
    if (!gone.isEmpty()) {
      gone.forEach(one -> isThere(one.content(), one.where()));
      gone.clear();
    }
  }

  /** True if it is, or need not be. */
  private boolean isThere(Content content, String where) {
    if (!content.archived && isWanted(content)) {
      if (!isLive(content)) {
        violated(
            "Lost",
            "what is committed left the disk of %s and is in no member's tree any more, though nobody replaced it: %s"
                .formatted(where, content));
        return false;
      }
      return true;
    }
    boolean counts =
        !content.released
            && (content.committed || (content.held && content.origin == Content.Origin.USER));
    if (counts && !disks.exists(content)) {
      violated(
          "Lost",
          "what was %s left the disk of %s and is on no disk any more: %s"
              .formatted(content.committed ? "committed" : "written by a user", where, content));
      return false;
    }
    return true;
  }

  private boolean isLive(Content content) {
    return disks.isLive(content, record.members().keySet());
  }

  /** Part of the committed state, and nothing took its place where users are led. */
  private boolean isWanted(Content content) {
    if (!content.committed || content.released) {
      return false;
    }
    for (var row : committed.entrySet()) {
      if (row.getValue() == content) {
        Matrix known = holdings.matrix(record.committed().orElseThrow().root());
        if (!evolution.isReplaced(row.getKey(), known.digest(row.getKey()))) {
          return true;
        }
      }
    }
    return false;
  }

  /** What a root stands for is answered for once it is committed. */
  private void answerFor(Digest root) {
    committed = holdings.contents(root);
    for (Content content : committed.values()) {
      content.committed = true;
      isThere(content, "some member");
    }
  }

  /** The same of everything at once, for a judge that overlooked that something left a disk. */
  void nothingIsLost() {
    Set<Content> there = new HashSet<>(); // most are in many states
    for (Map<RowKey, Content> rows : holdings.contents()) {
      for (Content content : rows.values()) {
        if (!there.contains(content) && isThere(content, "some member")) {
          there.add(content);
        }
      }
    }
  }

  /** What was committed, or written by a user, in any state that a disk held. */
  Set<Content> answeredFor() {
    Set<Content> found = new HashSet<>();
    holdings.contents().forEach(rows -> found.addAll(rows.values()));
    found.removeIf(c -> !c.committed && c.origin != Content.Origin.USER);
    return found;
  }

  /** The root of each epoch. */
  Map<Long, Digest> epochs() {
    return rules.epochs();
  }
}
