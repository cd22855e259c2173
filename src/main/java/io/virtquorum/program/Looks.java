package io.virtquorum.program;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Audit;
import io.virtquorum.guest.wire.v1.Look;
import io.virtquorum.guest.wire.v1.Memory;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.RowList;
import io.virtquorum.guest.wire.v1.Rows;
import io.virtquorum.guest.wire.v1.Seen;
import io.virtquorum.guest.wire.v1.TreeState;
import io.virtquorum.guest.wire.v1.UserList;
import io.virtquorum.guest.wire.v1.Watcher;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the program sees of the trees, as snapshots. The rows are asked for only where a look has
 * another number than the one before. For one thread.
 */
final class Looks {
  /**
   * Where events are complete the program walks by itself, the more seldom the more that costs. One
   * that is so much later than it should be is asked for.
   */
  private static final Duration WALK = Duration.ofSeconds(30);

  /** So long for files that are being read; they are read on, and looks have room between. */
  private static final Duration READING = Duration.ofSeconds(5);

  private static final Duration PAUSE = Duration.ofMillis(20);
  private static final Duration LONGEST_PAUSE = Duration.ofMillis(320);

  /** As many as a ballot has room for. */
  private static final int MOST_STALE = 20;

  private final Program program;
  private final Paths paths;

  private Session session; // that the number counts in
  private long number;
  private Matrix matrix;
  private Map<RowKey, String> unreadable = Map.of(); // rows of it, and why
  private Optional<Sight> newest = Optional.empty(); // in this session
  private boolean walks = true; // the newest look was told that events are not to be relied on

  Looks(Program program, Paths paths) {
    this.program = program;
    this.paths = paths;
  }

  /**
   * One look.
   *
   * @param number of it in its session
   * @param users if that was asked, and the program knows the question
   */
  record Sight(Snapshot snapshot, long number, Optional<Around> users) {
    Matrix matrix() {
      return snapshot.matrix();
    }
  }

  /** Who used the guest right before a look at the trees, and right after. */
  record Around(UserList before, UserList after) {}

  /** What changed by events, and by a walk where there are none or the newest is old. */
  Sight look(Limit limit) throws GuestException, Trouble {
    return sight(walks ? How.WALK : How.AT_ONCE, limit);
  }

  /** The same, and who uses the guest. */
  Sight withUsers(Limit limit) throws GuestException, Trouble {
    return sight(walks ? How.WALK : How.AT_ONCE, true, limit);
  }

  /**
   * The same once all events of what happened before came. What no event tells of, as a store
   * through a mapping, the next walk finds.
   */
  Sight drained(Limit limit) throws GuestException, Trouble {
    return sight(walks ? How.WALK : How.DRAINED, limit);
  }

  /**
   * Everything from before it, and who uses the guest.
   *
   * @param walk whatever events say
   */
  Sight drainedWithUsers(boolean walk, Limit limit) throws GuestException, Trouble {
    return sight(walk || walks ? How.WALK : How.DRAINED, true, limit);
  }

  /** What changed, whatever events say: after this everything from before it is seen. */
  Sight walk(Limit limit) throws GuestException, Trouble {
    return sight(How.WALK, limit);
  }

  /** As {@link #drained} asks, for a request that looks after what it did. */
  Look question() {
    return question(walks ? How.WALK : How.DRAINED, false);
  }

  /** The answer to that; empty: it says too little, and another look says more. */
  Optional<Sight> answered(Seen seen, Limit limit) throws GuestException, Trouble {
    if (program.session(limit) != session) {
      return Optional.empty(); // the next look begins anew
    }
    heed(seen);
    return sight(seen, seen, limit);
  }

  /** Every content, from the disk. */
  Sight audit(Limit limit) throws GuestException, Trouble {
    return sight(How.AUDIT, limit);
  }

  /** What was seen last, if that was in this session. */
  Optional<Sight> newest(Session now) {
    return newest.filter(_ -> session == now);
  }

  /** The member remembers something else now: what was seen before compares with what it did. */
  void remembers() {
    newest = Optional.empty();
  }

  /** What of the trees a look sees. */
  private enum How {
    AT_ONCE,
    DRAINED,
    WALK,
    AUDIT
  }

  private Sight sight(How how, Limit limit) throws GuestException, Trouble {
    return sight(how, false, limit);
  }

  private Sight sight(How how, boolean users, Limit limit) throws GuestException, Trouble {
    Limit reading = how == How.AUDIT ? limit : limit.within(READING);
    Seen first = seen(how, users, limit);
    String boot = session.welcome().getBootId();
    Seen seen = first;
    for (Duration pause = PAUSE; ; pause = longer(pause)) {
      Optional<Sight> sight = sight(first, seen, limit);
      if (sight.isPresent()) {
        return sight.get();
      }
      if (seen.getReadingBytes() > 0 && reading.isOver()) {
        throw new Trouble(
            Trouble.Reason.SlowLook,
            seen.getReadingBytes()
                + " bytes of changed files are still to be read, and until then nobody knows what"
                + " they hold; wait, or exclude large files that change all the time");
      }
      if (limit.isOver()) {
        throw new Trouble(
            Trouble.Reason.SlowLook,
            "The trees change faster than their rows can be listed; exclude what changes all the"
                + " time");
      }
      pause(pause);
      seen = seen(How.AT_ONCE, users, limit);
      if (!session.welcome().getBootId().equals(boot)) {
        throw new GuestException.Rebooted("The guest rebooted while its files were read");
      }
    }
  }

  /** What was seen, if all rows are known. */
  private Optional<Sight> sight(Seen first, Seen seen, Limit limit) throws GuestException, Trouble {
    Optional<Matrix> rows = seen.getReadingBytes() > 0 ? Optional.empty() : rows(seen, limit);
    if (rows.isEmpty()) {
      return Optional.empty();
    }
    Snapshot snapshot = snapshot(seen, rows.get(), first.getAudited());
    refuseUnreadable(snapshot);
    newest = Optional.of(new Sight(snapshot, seen.getNumber(), around(first, seen)));
    return newest;
  }

  private static Optional<Around> around(Seen first, Seen last) {
    return first.hasUsersBefore() && last.hasUsersAfter()
        ? Optional.of(new Around(first.getUsersBefore(), last.getUsersAfter()))
        : Optional.empty();
  }

  /**
   * What was remembered and cannot be read any more, though nobody wrote it, rotted: the others
   * have it. Of anything else that cannot be read nobody knows what it is.
   */
  private void refuseUnreadable(Snapshot snapshot) throws Trouble {
    if (unreadable.isEmpty()) {
      return;
    }
    Map<RowKey, String> unknown = new TreeMap<>(unreadable);
    snapshot.changes().stream()
        .filter(change -> change.kind() == Change.Kind.ROT)
        .forEach(change -> unknown.remove(change.key()));
    for (var row : unknown.entrySet()) {
      throw new Trouble(
          Trouble.Reason.Unreadable,
          "%s cannot be read (%s), and no other content of it is known; see the guest's kernel log, and write it anew or exclude it"
              .formatted(row.getKey().display(), row.getValue()));
    }
  }

  private static Duration longer(Duration pause) {
    return pause.compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
  }

  private void pause(Duration pause) throws GuestException {
    try {
      program.time().sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.Unreachable("The sidecar ends during a look", e);
    }
  }

  private Seen seen(How how, boolean users, Limit limit) throws GuestException, Trouble {
    Session before = session;
    session = program.session(limit);
    if (session != before) {
      matrix = null; // another program may count its looks from 1 again
      newest = Optional.empty();
    }
    boolean audit = how == How.AUDIT;
    Request.Builder request = Request.newBuilder();
    if (audit) {
      request.setAudit(Audit.getDefaultInstance());
    } else {
      request.setLook(question(session == before ? how : How.WALK, users));
    }
    Seen seen = program.demand(request, audit ? "an audit" : "a look", limit).getLook();
    heed(seen);
    return seen;
  }

  private Look question(How how, boolean users) {
    return Look.newBuilder()
        .setWalk(how == How.WALK)
        .setDrain(how == How.DRAINED)
        .setUsers(users)
        .setRows(true)
        .setSince(matrix == null ? 0 : number)
        .build();
  }

  /** Takes in what was seen of the trees themselves. */
  private void heed(Seen seen) throws Trouble {
    for (TreeState tree : seen.getTreesList()) {
      if (!tree.getReason().isEmpty() && !tree.getReason().equals(Refusals.NO_MEMORY)) {
        throw Refusals.trouble(tree);
      }
    }
    walks =
        seen.getWalkAgeMillis() > seen.getWalkRestMillis() + WALK.toMillis()
            || seen.getTreesList().stream().anyMatch(t -> t.getWatcher() == Watcher.WATCHER_WALK);
  }

  /** The rows of a look; empty if it is not the newest any more, or one is still to be read. */
  private Optional<Matrix> rows(Seen seen, Limit limit) throws GuestException, Trouble {
    long wanted = seen.getNumber();
    if (matrix != null && wanted == number) {
      return Optional.of(matrix);
    }
    Listing listing = new Listing(wanted);
    if (seen.hasRowsThen() && listing.takes(seen.getRowsThen())) {
      return listing.end();
    }
    listing = new Listing(wanted);
    try (Call call =
        program.begin(
            Request.newBuilder().setRows(Rows.newBuilder().setSince(matrix == null ? 0 : number)),
            "the list of rows",
            List.of(),
            limit)) {
      Answer piece;
      do {
        piece = call.next(limit);
        if (!listing.takes(piece.getRows())) {
          return Optional.empty();
        }
      } while (!piece.getLast());
    } catch (RefusedException refused) {
      if (refused.reason() == Reason.REASON_VOID) {
        return Optional.empty();
      }
      throw Refusals.trouble(refused);
    }
    return listing.end();
  }

  /** The rows of a look while they come. */
  private final class Listing {
    private final long wanted;
    private final Map<RowKey, Row> rows = new HashMap<>();
    private final Map<RowKey, String> lost = new HashMap<>();
    private boolean begun;
    private boolean unread; // one of them is still to be read

    Listing(long wanted) {
      this.wanted = wanted;
    }

    /** Takes a piece of them; false: it is of another look. */
    boolean takes(RowList list) {
      if (list.getLook() != wanted) {
        return false;
      }
      if (!begun && !list.getAll() && matrix != null) { // what follows is only what is different
        matrix.rows().forEach(row -> rows.put(row.key(), row));
        lost.putAll(unreadable);
      }
      begun = true;
      list.getRowsList().forEach(this::add);
      return true;
    }

    /** Adds a row, or that it is gone. */
    private void add(io.virtquorum.guest.wire.v1.Row row) {
      Optional<RowKey> key = paths.key(row.getTree(), row.getPath());
      Optional<Digest> digest = Paths.digest(row.getDigest());
      if (key.isEmpty()) {
        return; // of no tree
      }
      lost.remove(key.get());
      if (digest.isEmpty()) {
        unread |= !row.getTrouble().isEmpty();
        rows.remove(key.get());
        return;
      }
      if (!row.getTrouble().isEmpty()) {
        lost.put(key.get(), row.getTrouble());
      }
      rows.put(key.get(), new Row(key.get(), digest.get()));
    }

    /** What was listed is the newest that is known; empty: not all of it is. */
    Optional<Matrix> end() {
      if (unread) {
        return Optional.empty();
      }
      matrix = Matrix.of(rows.values());
      unreadable = Map.copyOf(lost);
      number = wanted;
      return Optional.of(matrix);
    }
  }

  private Snapshot snapshot(Seen seen, Matrix rows, boolean audited) throws GuestException {
    String boot = session.welcome().getBootId();
    if (!session.isOpen()) {
      throw new GuestException.Unreachable(
          "The guest program was lost during a look: " + session.lost(), null);
    }
    Optional<Remembered> memory = memory(seen.getTreesList());
    List<Change> changes = memory.isPresent() ? changes(seen.getChangesList()) : List.of();
    int total = (int) Math.clamp(seen.getChangesTotal(), 0, Integer.MAX_VALUE);
    return new Snapshot(
        boot,
        rows,
        memory,
        newestTenure(seen.getTreesList()),
        changes,
        memory.isPresent() ? total : 0,
        audited,
        seen.getBegan() / 1_000_000,
        stale(seen.getStaleList()),
        seen.getAsks());
  }

  private List<StaleProcess> stale(List<io.virtquorum.guest.wire.v1.StaleProcess> seen) {
    return seen.stream()
        .limit(MOST_STALE)
        .flatMap(
            process ->
                paths.key(process.getTree(), process.getPath()).stream()
                    .map(
                        key ->
                            new StaleProcess(
                                key, process.getPid(), process.getCommand(), process.getUnit())))
        .toList();
  }

  /** What all trees remember; nothing if one of them remembers something else. */
  private static Optional<Remembered> memory(List<TreeState> trees) {
    Optional<Remembered> first = trees.stream().findFirst().flatMap(Looks::memory);
    return trees.stream().allMatch(tree -> memory(tree).equals(first)) ? first : Optional.empty();
  }

  /** Of anything that a tree remembers: one of them may be on a fresh disk. */
  private static long newestTenure(List<TreeState> trees) {
    return trees.stream()
        .flatMap(tree -> memory(tree).stream())
        .mapToLong(memory -> memory.position().tenure())
        .max()
        .orElse(0);
  }

  private static Optional<Remembered> memory(TreeState tree) {
    if (!tree.hasMemory()) {
      return Optional.empty();
    }
    Memory memory = tree.getMemory();
    return Paths.digest(memory.getRoot())
        .map(
            root ->
                new Remembered(
                    new io.virtquorum.fingerprint.Position(
                        memory.getPosition().getTenure(), memory.getPosition().getSequence()),
                    root));
  }

  /** What changed, and how, by the program's evidence. */
  List<Change> changes(List<io.virtquorum.guest.wire.v1.Change> seen) {
    List<Change> changes = new ArrayList<>();
    for (var change : seen) {
      paths
          .key(change.getTree(), change.getPath())
          .ifPresent(
              key ->
                  changes.add(
                      new Change(
                          key,
                          kind(change),
                          Paths.digest(change.getBefore()),
                          Paths.digest(change.getNow()))));
    }
    changes.sort(java.util.Comparator.comparing(Change::key));
    return changes;
  }

  /**
   * Rot is what nothing speaks for: the row was remembered as written out and is there, and neither
   * it nor a directory above it went through the OS. A row that came or went did, in its directory.
   */
  private static Change.Kind kind(io.virtquorum.guest.wire.v1.Change change) {
    boolean there = !change.getBefore().isEmpty() && !change.getNow().isEmpty();
    boolean moved = change.getCtimeMoved() || change.getInodeMoved() || change.getParentMoved();
    boolean doubted = change.getForeign() || change.getMapped() || !change.getSettled();
    return there && !moved && !doubted ? Change.Kind.ROT : Change.Kind.WRITTEN;
  }
}
