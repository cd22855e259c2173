package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * Judges what users see through the Service. Users who are led nowhere, or to a guest that does not
 * answer, see nothing. For one thread.
 */
final class ClientHistory {
  /**
   * Who leads users to another than the primary, with a request that was late, mends it by then.
   */
  private static final long ASTRAY = 30 * Timeline.SECOND;

  private final Truth truth;
  private final Evolution evolution;
  private final BiConsumer<String, String> violated;
  private Supplier<Optional<SimulatedGuest>> led = Optional::empty;
  private Optional<SimulatedGuest> here = Optional.empty();

  /** When users were led there, or when it was the primary last. */
  private long since;

  private boolean due;

  /**
   * @param violated hears which invariant was broken, and how
   */
  ClientHistory(Truth truth, Evolution evolution, BiConsumer<String, String> violated) {
    this.truth = truth;
    this.evolution = evolution;
    this.violated = violated;
  }

  /** Whom the Service leads to, from now on. */
  void led(Supplier<Optional<SimulatedGuest>> guest) {
    led = guest;
  }

  /** The guest that users are led to, also if it does not answer. */
  Optional<SimulatedGuest> led() {
    return led.get();
  }

  /** The same, as it was after the last step. */
  Optional<SimulatedGuest> here() {
    return here;
  }

  /** A repair changed this guest's rows, or another disk is in it. */
  void changed(SimulatedGuest guest) {
    due |= here.isPresent() && here.get() == guest;
  }

  /** The record changed. */
  void recorded(ClusterRecord before, ClusterRecord after) {
    due = true;
    if (before.committed().isPresent() && !after.committed().equals(before.committed())) {
      nothingCommittedIsTakenBack(before.committed().get(), after.committed().orElseThrow());
    }
  }

  /** The record is another, by somebody from outside. */
  void restored() {
    due = true;
  }

  /** After each step. */
  void judge() {
    Optional<SimulatedGuest> now = led.get();
    if (!now.equals(here)) {
      here = now;
      due = true;
      now.ifPresent(
          guest -> {
            since = guest.timeline.now();
            evolution.counts(guest.name);
          });
    }
    if (here.isPresent() && truth.record().isPrimary(here.get().name)) {
      since = here.get().timeline.now(); // astray only since it lost its tenure (seed 6036)
    }
    if (due && here.isPresent() && isSeen(here.get())) {
      due = false;
      nothingCommittedVanishes(here.get());
    }
  }

  /** True if a guest shows what is committed, or what took its place there. */
  boolean isAsNewAsCommitted(SimulatedGuest guest) {
    Matrix wanted =
        truth.record().committed().map(c -> truth.holdings.matrix(c.root())).orElse(null);
    return wanted != null
        && wanted.differences(truth.holdings.latest(guest)).stream()
            .allMatch(row -> evolved(row) || isRead(guest, row));
  }

  private boolean isSeen(SimulatedGuest guest) {
    return guest.isAwake()
        && truth.disks.trees().stream().allMatch(guest::isMounted)
        && (truth.record().isPrimary(guest.name) || guest.timeline.now() - since > ASTRAY);
  }

  /**
   * What is committed is there for users, unless something took its place there later, or a person
   * did so, or nobody has it any more.
   */
  private void nothingCommittedVanishes(SimulatedGuest guest) {
    Optional<Committed> committed = truth.record().committed();
    if (committed.isEmpty() || truth.record().mandate().isPresent()) {
      return; // a person wants what this member holds, and it is to be committed
    }
    Matrix wanted = truth.holdings.matrix(committed.get().root());
    Matrix shown = truth.holdings.latest(guest);
    truth.confirmations.seen(guest, shown);
    if (wanted == null || wanted.equals(shown)) {
      return;
    }
    for (Matrix.Difference row : wanted.differences(shown)) {
      if (!evolved(row) && !isRead(guest, row)) {
        Optional<String> holder = holder(row.key(), row.mine());
        if (holder.isPresent()) {
          violated.accept(
              "Vanished",
              "users are led to %s, where %s is not as epoch %d has it, though nobody there replaced that, and %s has it"
                  .formatted(guest.name, row.key(), committed.get().epoch(), holder.get()));
          return;
        }
      }
    }
  }

  /** Nor does a commit take back what the one before it made known. */
  private void nothingCommittedIsTakenBack(Committed before, Committed after) {
    Matrix old = truth.holdings.matrix(before.root());
    Matrix next = truth.holdings.matrix(after.root());
    if (old == null || next == null) {
      return;
    }
    for (Matrix.Difference row : old.differences(next)) {
      if (!evolved(row)) {
        violated.accept(
            "Vanished",
            "epoch %d takes back %s of epoch %d, which nobody replaced where users were led"
                .formatted(after.epoch(), row.key(), before.epoch()));
        return;
      }
    }
  }

  private boolean evolved(Matrix.Difference row) {
    return evolution.since(row.key(), row.mine(), row.theirs()).isPresent();
  }

  /** What a disk lost there may be what is committed, or still be in the page cache. */
  private boolean isRead(SimulatedGuest guest, Matrix.Difference row) {
    return isRead(guest, row.key(), row.mine());
  }

  /** The same of a row as it should be there. */
  boolean isRead(SimulatedGuest guest, RowKey key, Optional<Digest> wanted) {
    for (Disks.View view : new Disks.View[] {Disks.View.PLATTER, Disks.View.SEEN}) {
      Optional<Digest> read = truth.disks.matrix(guest, view).digest(key);
      if (read.equals(wanted) || evolution.since(key, wanted, read).isPresent()) {
        return true;
      }
    }
    return false;
  }

  /** A member whose disk has a row like this. */
  Optional<String> holder(RowKey key, Optional<Digest> digest) {
    return truth.record().members().keySet().stream()
        .filter(
            name -> {
              SimulatedGuest guest = truth.disks.guest(name);
              return guest != null
                  && truth.disks.matrix(guest, Disks.View.PLATTER).digest(key).equals(digest);
            })
        .findFirst();
  }
}
