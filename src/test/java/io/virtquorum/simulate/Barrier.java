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
  private long asks; // what is asked with; 0: nobody asked yet
  private long next; // what is asked with once that was answered; 0: nobody waits for that

  private record Held(Remembered at, long look) {}

  /** Somebody waits. */
  private static final class Call {
    final long tenure;
    final long repairs;
    final long look;
    final long until;
    final Runnable confirmed;
    long asked; // with, once nothing differed from what is committed; 0: not yet

    Call(long tenure, long repairs, long look, long until, Runnable confirmed) {
      this.tenure = tenure;
      this.repairs = repairs;
      this.look = look;
      this.until = until;
      this.confirmed = confirmed;
    }
  }

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
    askNext();
    decide();
  }

  /** What is asked with now; 0: nobody asked yet. */
  long asks() {
    return asks;
  }

  /** A number that a standing repeats which says what the record said after this. */
  private long ask() {
    if (next == 0) {
      next = ++guest.asked;
    }
    long number = next;
    askNext();
    return number;
  }

  private void askNext() {
    if (next != 0 && (asks == 0 || standing != null && standing.getConfirmed() == asks)) {
      asks = next;
      next = 0;
    }
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
            now > call.until
                || call.repairs != repairs
                || !standing.getPrimary()
                || standing.getTenure() != call.tenure);
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
      if (held.stream().anyMatch(one -> one.at().equals(committed) && one.look() >= call.look)
          || same && isStillSo(call)) {
        calls.remove(call);
        call.confirmed.run();
      }
    }
  }

  /** True if the record said that after the call's look. It asks once. */
  private boolean isStillSo(Call call) {
    if (call.asked == 0) {
      call.asked = ask();
    }
    return standing.getConfirmed() == call.asked;
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
