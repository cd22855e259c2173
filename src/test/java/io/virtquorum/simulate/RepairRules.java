package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Judges what repairs do to disks. Each invariant is a method of its own. For one thread. */
final class RepairRules {
  /** A repair has at most that long to put back what it replaced against the rules. */
  private static final long BACK = 20 * Timeline.SECOND;

  /** A repair that was asked for under the record before has begun by then. */
  private static final long UNDER_WAY = 15 * Timeline.SECOND;

  private final BiConsumer<String, String> violated;
  private long underWayUntil;
  private final Supplier<ClusterRecord> record;
  private final Disks disks;
  private final Map<String, Set<Row>> remembered = new HashMap<>();
  private final Map<String, Long> began = new HashMap<>();

  /** Guests with a disk that was copied in the midst of a repair, which is ended there. */
  private final Set<String> copiedInRepair = new HashSet<>();

  /**
   * @param violated hears which invariant was broken, and how
   * @param record as it is now
   */
  RepairRules(BiConsumer<String, String> violated, Disks disks, Supplier<ClusterRecord> record) {
    this.violated = violated;
    this.record = record;
    this.disks = disks;
  }

  /** A guest has another disk. */
  void diskReplaced(SimulatedGuest guest, Volume disk) {
    if (disk.exists(Repairs.JOURNAL)) {
      copiedInRepair.add(guest.name);
    }
  }

  /** A repair that was asked for is about to begin, and what was interrupted has ended. */
  void asked(SimulatedGuest guest) {
    copiedInRepair.remove(guest.name);
    begins(guest);
  }

  /** A repair is about to replace rows: what the guest remembers of them now was verified. */
  void begins(SimulatedGuest guest) {
    Set<Row> rows = new HashSet<>();
    disks.memories(guest).forEach(memory -> rows.addAll(disks.rowsOf(guest, memory).rows()));
    remembered.put(guest.name, rows);
    began.put(guest.name, guest.timeline.now());
  }

  /**
   * True if it was asked for under the record before, on a slow disk it may take long; or if it was
   * asked for in the time that a disk comes from (seed 10000625).
   */
  private boolean isOfTheRecordBefore(SimulatedGuest guest) {
    return copiedInRepair.contains(guest.name)
        || began.getOrDefault(guest.name, guest.timeline.now()) < underWayUntil;
  }

  /**
   * A copy of what a repair replaced is given up for want of room. It must be in the guest's trees,
   * because it only moved, or have been what the guest remembered, so that no write of its own is
   * lost.
   */
  void unkept(SimulatedGuest guest, String tree, String name, Node copy) {
    boolean moved =
        guest.mounts.values().stream()
            .flatMap(volume -> volume.all().entrySet().stream())
            .anyMatch(
                e ->
                    !Volume.isOwn(e.getKey())
                        && e.getValue().isFile()
                        && Arrays.equals(e.getValue().content.bytes, copy.content.bytes));
    Row row = new Row(new RowKey(disks.feature(tree), name), disks.platterDigest(copy));
    if (!moved && !remembered.getOrDefault(guest.name, Set.of()).contains(row)) {
      violated.accept(
          "Destroyed",
          name + " of " + guest.name + " is given up, and is its own: " + copy.content);
    }
    copy.content.released = true;
  }

  /**
   * A repair is about to replace a row, or to delete it.
   *
   * @param old what is there; null: nothing
   * @param content what comes; null: it is deleted, or no file
   */
  void judge(SimulatedGuest guest, String tree, String name, Node old, Content content) {
    oldRecordOverwritesNobody(guest, name);
    primaryIsNotOverwritten(guest, tree, name, old, content);
    rotReplacesNothingGood(guest, name, old, content);
    nothingIsDestroyedWithoutACopy(guest, name, old);
  }

  /**
   * The record is another, by somebody from outside: what was asked for before may go on a while.
   */
  void restored(long now) {
    underWayUntil = now + UNDER_WAY;
  }

  /**
   * Who remembers a tenure that the record does not know of keeps what it has, until a person
   * speaks.
   */
  private void oldRecordOverwritesNobody(SimulatedGuest guest, String name) {
    long tenure = record.get().tenure();
    if (tenure > 0 // before that nobody repairs
        && !isOfTheRecordBefore(guest)
        && disks.memories(guest).stream().anyMatch(m -> m.position().tenure() > tenure)) {
      violated.accept(
          "OldRecordObeyed",
          "%s of %s is replaced by a record of tenure %d, and it remembers a later one"
              .formatted(name, guest.name, tenure));
    }
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
                    && (Content.isRot(old.content) || old.content.origin == Content.Origin.TORN)));
    boolean underWay = isOfTheRecordBefore(guest); // it was no primary then (seed 5495)
    if (record.get().committed().isPresent()
        && record.get().isPrimary(guest.name)
        && !rotted
        && !underWay) {
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
      violated.accept(
          "PrimaryOverwritten", name + " of the primary " + guest.name + " is replaced");
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
      violated.accept(
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
    if (!Content.isRot(content) || !content.detectable) {
      return;
    }
    if (old != null && old.isFile() && Arrays.equals(old.written.bytes, content.bytes)) {
      content.detectable = false; // it is right from now on
    } else {
      violated.accept("RotSpread", name + " of " + guest.name + " becomes rot: " + content);
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
            .filter(e -> e.getValue().content == old.content)
            .anyMatch(e -> e.getKey().contains(".virtquorum/archive/"));
    if (!kept) {
      violated.accept(
          "Destroyed",
          name + " of " + guest.name + " is replaced and not archived: " + old.content);
    }
  }

  /**
   * Invariant 4, at the archive: what a user wrote, and nobody committed or replaced, is never
   * removed from it, whatever the archive itself says of it; unless nobody can know of that user.
   */
  void pruning(SimulatedGuest guest, Volume volume, String entry) {
    if (!volume.exists(entry)) {
      return; // another tree's
    }
    for (Node node : List.copyOf(volume.below(entry).values())) {
      if (node.isFile() && !disks.existsBeside(node.content, volume, entry)) {
        if (isOnlyCopyOfAUsers(node.content)) {
          violated.accept(
              "ArchivePruned",
              "%s of %s is removed, and with it the only copy of what a user wrote: %s"
                  .formatted(entry, guest.name, node.content));
        }
        node.content.released = true;
      }
    }
  }

  private static boolean isOnlyCopyOfAUsers(Content content) {
    return content.origin == Content.Origin.USER
        && !content.committed
        && !content.superseded
        && !content.released
        && !content.unseen;
  }
}
