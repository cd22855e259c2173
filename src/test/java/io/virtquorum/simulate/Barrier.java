package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.wire.v1.Standing;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What applications of a simulated guest wait for in one boot, and the program's answer, by the
 * same rules as the real one's. For one thread.
 */
final class Barrier {
  private static final int MOST_HELD = 200;

  private final SimulatedGuest guest;
  private final Operations operations;
  private final List<Held> held = new ArrayList<>();
  private final List<Call> calls = new ArrayList<>();
  private Standing standing; // null: nothing was said in this session
  private long repairs;

  private record Held(Remembered at, long look) {}

  /** Somebody waits. */
  private record Call(long tenure, long repairs, long look, long until, Runnable confirmed) {}

  Barrier(SimulatedGuest guest, Operations operations) {
    this.guest = guest;
    this.operations = operations;
  }

  /** Another session configured the program. */
  void configured(boolean anew) {
    standing = null;
    if (anew) {
      held.clear(); // what another configuration saw is numbered in another way
      calls.clear();
    }
  }

  void stands(Standing now) {
    standing = now;
    decide();
  }

  /** A look was remembered. */
  void remembered(Remembered at, long look) {
    if (held.size() == MOST_HELD) {
      held.removeFirst();
    }
    held.add(new Held(at, look));
    decide();
  }

  /** Rows are replaced by another member's: nobody who waits can be told that what he wrote is. */
  void repaired() {
    repairs++;
    calls.clear();
  }

  /**
   * Somebody wants to know when all that was written before is committed.
   *
   * @param confirmed hears that it is; nothing is heard of whatever else
   */
  void commit(long patience, Runnable confirmed) {
    if (standing == null
        || !standing.getPrimary()
        || !standing.getReason().isEmpty()
        || operations.trees.stream().anyMatch(tree -> tree.trouble().isPresent())) {
      return; // as for a caller who asks again later, who is another one
    }
    long number = operations.number() + 1;
    for (ProgramTree tree : operations.trees) {
      tree.volume().sync();
      tree.walk(number);
      tree.fence(number);
    }
    calls.add(
        new Call(
            standing.getTenure(),
            repairs,
            operations.number(),
            guest.timeline.now() + patience,
            confirmed));
    decide();
  }

  /** Something is known now that was not before. */
  void decide() {
    if (standing == null || calls.isEmpty()) {
      return;
    }
    long now = guest.timeline.now();
    calls.removeIf(
        call ->
            now > call.until()
                || call.repairs() != repairs
                || !standing.getPrimary()
                || standing.getTenure() != call.tenure());
    if (!standing.getReason().isEmpty() || !standing.hasCommitted()) {
      return;
    }
    var position = standing.getCommitted().getPosition();
    Remembered committed =
        new Remembered(
            new Position(position.getTenure(), position.getSequence()),
            Digest.of(standing.getCommitted().getRoot().toByteArray()));
    boolean same = holds(committed);
    for (Call call : List.copyOf(calls)) {
      if (same
          || held.stream()
              .anyMatch(one -> one.at().equals(committed) && one.look() >= call.look())) {
        calls.remove(call);
        call.confirmed().run();
      }
    }
  }

  /** True if nothing differs, by what is known now, from what is committed. */
  private boolean holds(Remembered committed) {
    return operations.trees.stream()
        .allMatch(
            tree ->
                tree.trouble().isEmpty()
                    && !tree.isUnread()
                    && tree.memory().map(MemoryFile::remembered).equals(Optional.of(committed))
                    && tree.changes().isEmpty());
  }
}
