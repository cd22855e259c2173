package io.virtquorum.program;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Freeze;
import io.virtquorum.guest.wire.v1.Frozen;
import io.virtquorum.guest.wire.v1.Remember;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Has a primary accept what it holds at one moment though writers go on: what is different from its
 * memory is copied aside in the guest, and what was remembered with that in its place is the state.
 * For one thread.
 */
final class Freezing {
  /** Copied aside each time: what is larger is served as it is, and rarely changes that often. */
  private static final long USUALLY = 1 << 20;

  /** Where writes voided what was accepted last. */
  private static final long AGAIN = 64 << 20;

  private final Program program;
  private final Looks looks;
  private Kept kept;

  /**
   * What was frozen last.
   *
   * @param number names it in its session
   */
  record Kept(Session session, long number, Matrix rows) {}

  Freezing(Program program, Looks looks) {
    this.program = program;
    this.looks = looks;
  }

  /**
   * Freezes, and remembers at this position, what is there now.
   *
   * @param room ends what is served longest: while all that is kept is served to slow joiners
   *     nothing more is
   * @return what was accepted; empty: this is not the way, for instance because too much changed or
   *     something rotted
   */
  Optional<Snapshot> accept(Position position, boolean again, Runnable room, Limit limit)
      throws GuestException, Trouble {
    Session session = program.session(limit);
    Optional<Snapshot> seen =
        looks.newest(session).map(Looks.Sight::snapshot).filter(Freezing::isWhole);
    if (seen.isEmpty()) {
      return Optional.empty();
    }
    try {
      Frozen frozen = freeze(again, room, limit);
      List<Change> changes = looks.changes(frozen.getChangesList());
      if (changes.size() != frozen.getChangesTotal()
          || changes.stream().anyMatch(c -> c.kind() == Change.Kind.ROT)
          || program.session(limit) != session) {
        return Optional.empty();
      }
      Matrix rows = overlay(remembered(seen.get()), changes);
      Digest root = rows.root();
      program.ask(
          Request.newBuilder()
              .setRemember(
                  Remember.newBuilder()
                      .setPosition(Paths.position(position))
                      .setRoot(Paths.bytes(root))
                      .setFrozen(frozen.getNumber())),
          "remembering what was frozen",
          limit);
      looks.remembers();
      kept = new Kept(session, frozen.getNumber(), rows);
      return Optional.of(
          new Snapshot(
              seen.get().bootId(),
              rows,
              Optional.of(new Remembered(position, root)),
              List.of(),
              0,
              false,
              seen.get().guestMillis()));
    } catch (RefusedException refused) {
      return switch (refused.reason()) {
        case REASON_VOID, REASON_UNSUPPORTED, REASON_FAILED ->
            Optional.empty(); // the other way tells
        default -> throw Refusals.trouble(refused);
      };
    }
  }

  private Frozen freeze(boolean again, Runnable room, Limit limit)
      throws GuestException, Trouble, RefusedException {
    Request.Builder request =
        Request.newBuilder().setFreeze(Freeze.newBuilder().setMostBytes(again ? AGAIN : USUALLY));
    try {
      return program.ask(request, "freezing what changed", limit).getFrozen();
    } catch (RefusedException refused) {
      if (!refused.detail().equals("FrozenServed")) {
        throw refused;
      }
      room.run();
      return program.ask(request, "freezing what changed", limit).getFrozen();
    }
  }

  /** What was accepted last, if it is this and the program may still have it. */
  Optional<Kept> kept(Digest root, Limit limit) throws GuestException, Trouble {
    return kept != null
            && kept.rows().root().equals(root)
            && program.session(limit) == kept.session()
        ? Optional.of(kept)
        : Optional.empty();
  }

  private static boolean isWhole(Snapshot seen) {
    return seen.memory().isPresent() && seen.changes().size() == seen.changesTotal();
  }

  /** The rows that the memory has. */
  private static Matrix remembered(Snapshot seen) {
    Map<RowKey, Row> rows = byKey(seen.matrix());
    seen.changes().forEach(change -> put(rows, change.key(), change.before()));
    return Matrix.of(rows.values());
  }

  private static Matrix overlay(Matrix remembered, List<Change> changes) {
    Map<RowKey, Row> rows = byKey(remembered);
    changes.forEach(change -> put(rows, change.key(), change.now()));
    return Matrix.of(rows.values());
  }

  private static Map<RowKey, Row> byKey(Matrix matrix) {
    Map<RowKey, Row> rows = new HashMap<>();
    matrix.rows().forEach(row -> rows.put(row.key(), row));
    return rows;
  }

  private static void put(Map<RowKey, Row> rows, RowKey key, Optional<Digest> digest) {
    digest.ifPresentOrElse(d -> rows.put(key, new Row(key, d)), () -> rows.remove(key));
  }
}
