package io.virtquorum.program;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Applied;
import io.virtquorum.guest.wire.v1.Apply;
import io.virtquorum.guest.wire.v1.Fetch;
import io.virtquorum.guest.wire.v1.Fetched;
import io.virtquorum.guest.wire.v1.Prove;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Remember;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Makes the trees equal to a donor's, in whole or in some rows (design, rules 8 and 11): fetched,
 * checked, archived and applied in one step, read back, remembered. Until that step nothing of the
 * member is touched. For one thread.
 */
final class Joining {
  private static final Duration AFTER_REPAIR = Duration.ofSeconds(30);
  private static final int MOST_NAMES = 100;
  private static final int TRIES = 5;

  private final Program program;
  private final Looks looks;
  private final Paths paths;
  private final Commands commands;
  private final List<Tree> trees;

  Joining(Program program, Looks looks, Paths paths, Commands commands, List<Tree> trees) {
    this.program = program;
    this.looks = looks;
    this.paths = paths;
    this.commands = commands;
    this.trees = List.copyOf(trees);
  }

  /** Whether somebody used the member since it last held what it remembers. */
  interface Comers {
    /**
     * @param seen right now; empty: it is to be asked for
     */
    boolean sinceHeld(Optional<Looks.Around> seen) throws GuestException;
  }

  /** As {@link io.virtquorum.guest.Watch#pull}. */
  PullResult pull(Offer offer, Goal goal, ArchiveNote note, Comers users, Limit limit)
      throws GuestException, Trouble {
    long start = program.time().nanos();
    Looks.Sight before = looks.drained(limit);
    Optional<RowKey> other = RowPlan.notRemembered(goal, before.snapshot());
    if (other.isPresent()) {
      return new PullResult.Void("This member remembers something else of " + other.get());
    }
    RowPlan plan = RowPlan.of(goal, before.snapshot(), offer.rows());
    Optional<RowKey> stranded = plan.stranded(before.matrix());
    if (stranded.isPresent()) {
      return new PullResult.Failed(
          PullResult.Reason.NotEmpty,
          stranded.get() + " must stay and the directory that it is in must go");
    }
    try {
      Fetched fetched = Fetched.getDefaultInstance();
      if (!plan.coming().isEmpty()) {
        Optional<Secret> secret = Secret.of(offer.password());
        if (secret.isEmpty()) {
          return Secret.ofAnotherKind();
        }
        fetched = fetch(offer, secret.get(), plan, limit);
        if (fetched.getMovedTotal() > 0) {
          return new PullResult.Void("The sample moved: " + moved(fetched));
        }
      }
      Optional<Applied> applied = Optional.empty();
      for (int tries = 1; applied.isEmpty(); tries++) {
        // What no event tells of, as a mount, only a walk does.
        Looks.Sight now = looks.drainedWithUsers(tries > 1, limit);
        boolean still =
            goal instanceof Goal.Rows
                ? plan.isAsBefore(before.matrix(), now.matrix())
                : now.matrix().equals(before.matrix());
        if (!still) {
          return new PullResult.Void(
              "This member's files moved while the sample's came: "
                  + moved(before.matrix(), now.matrix()));
        }
        applied = apply(goal, plan, now, note, users, limit, tries == TRIES);
      }
      long bytes = fetched.getSent() + fetched.getReceived();
      return prove(goal, offer, plan, applied.get(), bytes, start, limit);
    } catch (RefusedException refused) {
      return result(refused);
    }
  }

  private Fetched fetch(Offer offer, Secret secret, RowPlan plan, Limit limit)
      throws GuestException, Trouble, RefusedException {
    Fetch.Builder fetch = secret.fetch(offer).setAnySize(true);
    return program
        .ask(
            Request.newBuilder().setFetch(fetch),
            "fetching from the sample",
            paths.body(plan.coming()),
            limit)
        .getFetched();
  }

  /**
   * Where users were seen, what was written since the memory counts as theirs: its entry is kept.
   * What somebody writes after the look is found out by the program in the step itself, by the
   * ctime.
   *
   * @return empty if the look is not the newest any more, perhaps for a row that was read once more
   */
  private Optional<Applied> apply(
      Goal goal,
      RowPlan plan,
      Looks.Sight now,
      ArchiveNote note,
      Comers users,
      Limit limit,
      boolean last)
      throws GuestException, Trouble, RefusedException {
    if (plan.wanted().isEmpty()) {
      return Optional.of(Applied.getDefaultInstance());
    }
    boolean seen = users.sinceHeld(now.users()); // who wrote may have come during the copy
    boolean newer =
        goal instanceof Goal.Whole whole
            && now.snapshot()
                .memory()
                .filter(memory -> whole.position().isAfter(memory.position()))
                .isPresent();
    Apply.Builder apply =
        Apply.newBuilder()
            .setSingle(goal instanceof Goal.Rows)
            .setArchiveEntry(entry(note.entry()))
            .setVerdict(note.verdict())
            .setAttributed(note.attributed())
            .setUsers(seen)
            .setWhole(goal instanceof Goal.Whole)
            .setNewer(newer)
            .setProve(true)
            .setAfter(looks.question())
            .setLook(now.number());
    try {
      return Optional.of(
          program
              .ask(
                  Request.newBuilder().setApply(apply),
                  "applying what was fetched",
                  paths.body(plan.wanted()),
                  limit)
              .getApplied());
    } catch (RefusedException refused) {
      if (refused.reason() != Reason.REASON_VOID || last) {
        throw refused;
      }
      return Optional.empty();
    }
  }

  private PullResult prove(
      Goal goal, Offer offer, RowPlan plan, Applied applied, long bytes, long start, Limit limit)
      throws GuestException, Trouble, RefusedException {
    Set<RowKey> late = new HashSet<>();
    applied
        .getLateList()
        .forEach(row -> paths.key(row.getTree(), row.getPath()).ifPresent(late::add));
    NavigableMap<RowKey, Optional<Digest>> rows = new java.util.TreeMap<>(plan.wanted());
    rows.keySet().removeAll(late);
    if (!rows.isEmpty() && !applied.getProven()) { // a program from before it did that at once
      readBack(rows, limit);
    }
    Looks.Sight after = seen(applied, limit);
    List<RowKey> unmet;
    boolean reached;
    if (goal instanceof Goal.Whole whole) {
      Digest root = offer.rows().root();
      after = remember(whole.position(), root, after, limit);
      reached = after.matrix().root().equals(root);
      unmet = plan.unmet(after.matrix());
    } else {
      unmet = plan.unmet(after.matrix()).stream().filter(k -> !late.contains(k)).toList();
      reached = unmet.isEmpty();
    }
    long millis = Duration.ofNanos(program.time().nanos() - start).toMillis();
    List<String> warnings = afterRepair(plan, limit);
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
        rows.size(),
        bytes,
        applied.getArchiveEntry(),
        millis,
        warnings,
        after.snapshot().stale().isEmpty() // nobody opens later what is replaced by then
            ? List.of()
            : looks.look(limit).snapshot().stale());
  }

  /** What was seen after the step: with its answer, or by another look if that says too little. */
  private Looks.Sight seen(Applied applied, Limit limit) throws GuestException, Trouble {
    Optional<Looks.Sight> told =
        applied.hasSeen() ? looks.answered(applied.getSeen(), limit) : Optional.empty();
    return told.isPresent() ? told.get() : looks.drained(limit);
  }

  /** Reads rows from the disk, past the page cache: the looks after it know what is there. */
  void readBack(NavigableMap<RowKey, Optional<Digest>> rows, Limit limit)
      throws GuestException, Trouble, RefusedException {
    program.ask(
        Request.newBuilder().setProve(Prove.getDefaultInstance()),
        "reading back",
        paths.body(rows),
        limit);
  }

  /**
   * Remembers the newest look if it has this root; answers what it has, with what was remembered as
   * its memory.
   */
  Looks.Sight remember(Position position, Digest root, Limit limit) throws GuestException, Trouble {
    return remember(position, root, looks.drained(limit), limit);
  }

  private Looks.Sight remember(Position position, Digest root, Looks.Sight newest, Limit limit)
      throws GuestException, Trouble {
    RefusedException moved = null;
    for (int i = 0; i < TRIES; i++) {
      Looks.Sight sight = i == 0 ? newest : looks.drained(limit);
      if (!sight.matrix().root().equals(root)) {
        return sight;
      }
      Remember.Builder remember =
          Remember.newBuilder()
              .setPosition(Paths.position(position))
              .setRoot(Paths.bytes(root))
              .setLook(sight.number());
      try {
        program.ask(Request.newBuilder().setRemember(remember), "remembering", limit);
        looks.remembers();
        Snapshot was = sight.snapshot();
        return new Looks.Sight(
            new Snapshot(
                was.bootId(),
                was.matrix(),
                Optional.of(new io.virtquorum.fingerprint.Remembered(position, root)),
                position.tenure(),
                List.of(),
                0,
                was.audited(),
                was.guestMillis(),
                was.stale(),
                was.asks()),
            sight.number(),
            Optional.empty());
      } catch (RefusedException refused) {
        if (refused.reason() != Reason.REASON_VOID) {
          throw Refusals.trouble(refused);
        }
        moved = refused;
      }
    }
    throw Refusals.trouble(moved);
  }

  private List<String> afterRepair(RowPlan plan, Limit limit) throws GuestException {
    List<String> warnings = new ArrayList<>();
    Set<String> touched =
        plan.wanted().keySet().stream().map(RowKey::feature).collect(Collectors.toSet());
    for (Tree tree : trees) {
      if (touched.contains(tree.name()) && !tree.afterRepair().isEmpty()) {
        try {
          commands.say(
              tree.afterRepair(), com.google.protobuf.ByteString.EMPTY, AFTER_REPAIR, limit);
        } catch (Trouble trouble) {
          warnings.add(
              String.join(" ", tree.afterRepair())
                  + " failed after the repair: "
                  + trouble.getMessage());
        }
      }
    }
    return warnings;
  }

  private static String moved(Matrix before, Matrix now) {
    return Stream.concat(now.rows().stream(), before.rows().stream())
        .map(Row::key)
        .filter(key -> !before.digest(key).equals(now.digest(key)))
        .findFirst()
        .map(RowKey::display)
        .orElse("none of them by its content");
  }

  private String moved(Fetched fetched) {
    return fetched.getMovedList().stream()
        .map(row -> paths.display(row.getTree(), row.getPath()) + ", " + row.getTrouble())
        .findFirst()
        .orElse(fetched.getMovedTotal() + " rows");
  }

  /** A name that the archive takes. */
  static String entry(String wanted) {
    String name = wanted.replaceAll("[^A-Za-z0-9._-]", "-").replaceAll("^[.-]+", "");
    return name.isEmpty() ? "repair" : name.substring(0, Math.min(100, name.length()));
  }

  /** What a pull ended with that the program refused a part of. */
  static PullResult result(RefusedException refused) throws GuestException, Trouble {
    String why = refused.getMessage();
    if (refused.reason() == Reason.REASON_VOID) {
      return new PullResult.Void(why);
    }
    if (refused.reason() != Reason.REASON_FAILED) {
      throw Refusals.trouble(refused);
    }
    return switch (refused.detail()) {
      case "DiskFull" -> new PullResult.Failed(PullResult.Reason.GuestDiskFull, why);
      case "ArchiveFull" -> new PullResult.Failed(PullResult.Reason.ArchiveFull, why);
      case "DonorRefused", "DonorMisbehaved" ->
          new PullResult.Failed(PullResult.Reason.SampleRefused, why);
      case "DonorUnreachable" -> new PullResult.Failed(PullResult.Reason.SampleUnreachable, why);
      case "Plan", "Mounted" -> new PullResult.Failed(PullResult.Reason.NotEmpty, why);
      default -> throw Refusals.trouble(refused);
    };
  }
}
