package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Entry;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.UsersSeen;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a member's trees equal to a sample's, in whole or in some rows (design, rules 8 and 11):
 * staged, checked, archived, applied, made durable, verified. Until the check nothing of the member
 * is touched. Whatever ends it in between, the next pull starts over and what was replaced is in
 * the archive. Not safe for use by many threads; its trees have no other caller meanwhile.
 */
public final class Puller {
  private static final Logger LOG = LoggerFactory.getLogger(Puller.class);
  private static final long AFTER_REPAIR_SECONDS = 30;
  private static final int MOST_NAMES = 100;

  private final FileTrees trees;
  private final TreeRepair repair;
  private final Archive archive;
  private final ArchiveLimits limits;

  /**
   * @param limits of the member's archive
   */
  public Puller(FileTrees trees, ArchiveLimits limits) {
    this.trees = trees;
    this.repair = new TreeRepair(trees.shell());
    this.archive = new Archive(trees.shell(), trees.trees());
    this.limits = limits;
  }

  /**
   * Makes sure that nothing which an earlier pull began replaces anything from now on: a guest
   * agent executes what it was asked for though nobody waits any more, and late. Without anything
   * to end nothing is written.
   *
   * @throws GuestException if the guest did not answer: it may still happen
   */
  public void settle(Duration limit) throws GuestException, Trouble {
    Deadline deadline = trees.shell().deadline(limit);
    for (Tree tree : trees.trees()) {
      repair.settle(tree, deadline);
    }
  }

  /** As the other, where it is known already whether somebody used the member. */
  public PullResult pull(Offer offer, Goal goal, ArchiveNote note, boolean users, Duration limit)
      throws GuestException, Trouble {
    return pull(offer, goal, note, () -> users, limit);
  }

  /**
   * Pulls.
   *
   * @param note for the archive
   * @param users asked right before anything is replaced: if somebody used the member since it last
   *     held what it remembers: what was written there is then archived as attributed
   * @param limit for everything
   * @throws GuestException if the guest did not answer: how far it came is unknown, pull again
   */
  public PullResult pull(Offer offer, Goal goal, ArchiveNote note, UsersSeen users, Duration limit)
      throws GuestException, Trouble {
    long start = trees.shell().nanoTime();
    Deadline deadline = trees.shell().deadline(limit);
    trees.shell().needRsync(deadline);
    String entry = repair.entry(note.entry(), trees.trees(), deadline);
    Snapshot before = trees.quick(deadline.left());
    if (before.interrupted()) {
      LOG.atWarn()
          .addKeyValue("verdict", note.verdict())
          .log("An earlier repair was interrupted; again");
    }
    Optional<RowKey> other = notRemembered(goal);
    if (other.isPresent()) {
      finish(before.interrupted(), deadline);
      return new PullResult.Void("This member remembers something else of " + other.get());
    }
    Plan plan = Plan.of(sparing(goal, before), before.matrix(), offer.rows(), trees::entry);
    Optional<RowKey> stranded = plan.stranded(before.matrix());
    if (stranded.isPresent()) {
      return failed(
          PullResult.Reason.NotEmpty,
          stranded.get() + " must stay and the directory that it is in must go",
          before.interrupted(),
          deadline);
    }
    long bytes = 0;
    Map<Tree, NavigableMap<RowKey, Optional<Digest>>> work = work(plan);
    for (var one : work.entrySet()) {
      RsyncReport report = repair.stage(one.getKey(), offer, one.getValue(), deadline);
      bytes += report.bytes();
      Optional<PullResult> problem = report.problem();
      if (problem.isPresent()) {
        finish(before.interrupted(), deadline);
        return problem.get();
      }
    }
    Map<Tree, FileTrees.Reading> staged = new LinkedHashMap<>();
    for (Tree tree : work.keySet()) {
      staged.put(tree, repair.staged(trees, tree, deadline));
    }
    boolean replaces =
        plan.wanted().keySet().stream().anyMatch(key -> trees.entry(key).isPresent());
    Optional<PullResult> obstacle = obstacle(plan, staged, before, goal, deadline);
    if (obstacle.isPresent()) {
      finish(before.interrupted(), deadline);
      return obstacle.get();
    }
    Copies all = Copies.of(goal, plan, offer.rows(), before, note.attributed(), trees::entry);
    Optional<Copies> kept = replaces ? room(all, deadline) : Optional.of(all.keepingAll());
    if (kept.isEmpty()) {
      PullResult full = archive.full(all.needed(), all.changed(), limits, deadline);
      finish(before.interrupted(), deadline);
      return full;
    }
    boolean seen = users.sinceHeld(); // who wrote may have come during the copy
    Set<RowKey> spared = kept.get().spare().keySet();
    for (var one : work.entrySet()) {
      byte[] manifest = manifest(one.getValue(), before, note, seen, kept.get());
      repair.archive(one.getKey(), entry, manifest, deadline);
      repair.apply(one.getKey(), entry, one.getValue(), staged.get(one.getKey()), deadline);
    }
    if (replaces && !seen && users.sinceHeld()) {
      // Somebody came while rows were replaced: any of them may be what he had just written.
      var attributed = new ArchiveNote(note.entry(), note.verdict(), true);
      for (var one : work.entrySet()) {
        byte[] manifest = manifest(one.getValue(), before, attributed, true, kept.get());
        repair.archive(one.getKey(), entry, manifest, deadline);
      }
    }
    Set<RowKey> late =
        goal instanceof Goal.Rows
            ? new LateWrites(trees, repair).putBack(work, before, entry, deadline)
            : Set.of();
    String archived = replaces || !late.isEmpty() ? entry : "";
    return prove(
        new Applied(goal, offer, plan, before, work.keySet(), archived, entry, spared, late),
        bytes,
        start,
        deadline);
  }

  /**
   * What was done, and is to be proved.
   *
   * @param before what the member held
   * @param archived what was replaced is there; empty if nothing was
   * @param entry of the archive
   * @param spared rows whose copies go again, for want of room
   * @param late rows that went back, because somebody wrote them at the last moment
   */
  private record Applied(
      Goal goal,
      Offer offer,
      Plan plan,
      Snapshot before,
      Set<Tree> touched,
      String archived,
      String entry,
      Set<RowKey> spared,
      Set<RowKey> late) {

    /** The member may hold a part of what this, or an earlier repair, brought. */
    boolean isHalf(boolean reached) {
      return goal instanceof Goal.Whole ? !reached : before.interrupted();
    }
  }

  /**
   * Of single rows, those that somebody wrote since they were found rotten stay as they are: the
   * order may be older than the write.
   */
  private static Goal sparing(Goal goal, Snapshot before) {
    if (!(goal instanceof Goal.Rows some)) {
      return goal;
    }
    Map<RowKey, Optional<Digest>> rows = new HashMap<>(some.rows());
    rows.keySet().removeIf(written(before));
    return new Goal.Rows(rows);
  }

  /** A row that is to be as it is remembered, and is remembered otherwise by now. */
  private Optional<RowKey> notRemembered(Goal goal) {
    return goal instanceof Goal.Remembered some
        ? some.rows().entrySet().stream()
            .filter(row -> !trees.remembered(row.getKey()).equals(row.getValue()))
            .map(Map.Entry::getKey)
            .min(Comparator.naturalOrder())
        : Optional.empty();
  }

  /** Rows that may have been written since: where there are too many to list, rot comes first. */
  private static Predicate<RowKey> written(Snapshot before) {
    Map<RowKey, Change.Kind> changed = new HashMap<>();
    before.changes().forEach(change -> changed.put(change.key(), change.kind()));
    boolean cut = before.changesTotal() > before.changes().size();
    return key ->
        changed.getOrDefault(key, cut ? Change.Kind.WRITTEN : Change.Kind.ROT)
            == Change.Kind.WRITTEN;
  }

  private Map<Tree, NavigableMap<RowKey, Optional<Digest>>> work(Plan plan) {
    Map<Tree, NavigableMap<RowKey, Optional<Digest>>> work = new LinkedHashMap<>();
    for (Tree tree : trees.trees()) {
      var wanted = plan.of(tree.name());
      if (!wanted.isEmpty()) {
        work.put(tree, wanted);
      }
    }
    return work;
  }

  /** What forbids to apply: the sample moved, this member moved, or the archive has no room. */
  private Optional<PullResult> obstacle(
      Plan plan, Map<Tree, FileTrees.Reading> staged, Snapshot before, Goal goal, Deadline deadline)
      throws GuestException, Trouble {
    for (var one : staged.entrySet()) {
      var matrix = one.getValue().matrix();
      for (var row : plan.of(one.getKey().name()).entrySet()) {
        if (row.getValue().isPresent() && !matrix.digest(row.getKey()).equals(row.getValue())) {
          return Optional.of(
              new PullResult.Void(
                  "The sample moved: " + row.getKey() + " is not what was offered"));
        }
      }
    }
    Snapshot now = trees.quick(deadline.left());
    boolean still =
        switch (goal) {
          case Goal.Whole whole -> now.matrix().equals(before.matrix());
          case Goal.Remembered remembered -> now.matrix().equals(before.matrix());
          case Goal.Rows rows ->
              plan.wanted().keySet().stream()
                  .allMatch(key -> now.matrix().digest(key).equals(before.matrix().digest(key)));
        };
    if (!still) {
      return Optional.of(new PullResult.Void("This member's files moved while the sample's came"));
    }
    return Optional.empty();
  }

  /** What can be kept; empty: not even what must be. */
  private Optional<Copies> room(Copies all, Deadline deadline) throws GuestException, Trouble {
    if (archive.makeRoom(all.needed() + all.spared(), limits, deadline) || all.isEmpty()) {
      return Optional.of(all.keepingAll());
    }
    return archive.makeRoom(all.needed(), limits, deadline) || all.needed() == 0
        ? Optional.of(all)
        : Optional.empty();
  }

  private byte[] manifest(
      NavigableMap<RowKey, Optional<Digest>> wanted,
      Snapshot before,
      ArchiveNote note,
      boolean users,
      Copies copies) {
    // Without a memory nobody can say which rows were not written.
    Predicate<RowKey> written = before.memory().isEmpty() ? _ -> true : written(before);
    // What a repair brought that was cut off is somebody's, and may be nowhere else by now.
    boolean somebodys = users || before.interrupted();
    var manifest = new Manifest(note.verdict(), before.guestMillis());
    wanted.forEach(
        (key, digest) -> {
          Optional<Entry> old = trees.entry(key);
          String what = digest.isEmpty() ? "deleted" : old.isEmpty() ? "created" : "replaced";
          Copies.Why spared = copies.spare().get(key);
          if (spared != null) {
            manifest.add(key.item(), spared.word, old, false);
            return;
          }
          boolean byUser = note.attributed() || (somebodys && written.test(key));
          manifest.add(key.item(), what, old, byUser);
        });
    return manifest.bytes();
  }

  private PullResult prove(Applied applied, long bytes, long start, Deadline deadline)
      throws GuestException, Trouble {
    Plan plan = applied.plan();
    Snapshot after = trees.recheck(plan.wanted().keySet(), deadline.left());
    List<RowKey> unmet =
        plan.unmet(after.matrix()).stream().filter(key -> !applied.late().contains(key)).toList();
    boolean reached =
        switch (applied.goal()) {
          case Goal.Whole whole -> {
            boolean equal = after.matrix().root().equals(applied.offer().rows().root());
            if (equal) {
              trees.remember(whole.position(), after, deadline.left());
            }
            yield equal;
          }
          case Goal.Rows rows -> unmet.isEmpty();
          case Goal.Remembered remembered -> unmet.isEmpty();
        };
    Duration took = Duration.ofNanos(trees.shell().nanoTime() - start);
    trees.renewSoon();
    List<String> warnings = new ArrayList<>();
    for (Tree tree : applied.touched()) {
      repair.afterRepair(tree, AFTER_REPAIR_SECONDS, deadline).ifPresent(warnings::add);
    }
    if (reached) {
      unkeep(applied, deadline);
    }
    finish(applied.isHalf(reached), deadline);
    if (!reached) {
      return new PullResult.Failed(
          PullResult.Reason.StillDiffers,
          unmet.isEmpty()
              ? "Other files of this member moved during the repair"
              : "After the repair these still differ: "
                  + unmet.stream()
                      .limit(MOST_NAMES)
                      .map(RowKey::display)
                      .collect(Collectors.joining(", ")));
    }
    return new PullResult.Done(
        plan.wanted().size() - applied.late().size(),
        bytes,
        applied.archived(),
        took.toMillis(),
        warnings);
  }

  /** Copies that there is no room for, and that the proven state makes needless. */
  private void unkeep(Applied applied, Deadline deadline) throws GuestException, Trouble {
    for (Tree tree : applied.touched()) {
      List<RowKey> spared =
          applied.spared().stream()
              .filter(key -> key.feature().equals(tree.name()) && !applied.late().contains(key))
              .toList();
      if (!spared.isEmpty()) {
        repair.unkeep(tree, applied.entry(), spared, deadline);
      }
    }
  }

  private PullResult failed(
      PullResult.Reason reason, String message, boolean half, Deadline deadline)
      throws GuestException, Trouble {
    finish(half, deadline);
    return new PullResult.Failed(reason, message);
  }

  private void finish(boolean half, Deadline deadline) throws GuestException, Trouble {
    for (Tree tree : trees.trees()) {
      repair.finish(tree, half, deadline);
    }
  }
}
