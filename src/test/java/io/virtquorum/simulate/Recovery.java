package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Whether the members can go on by themselves, by what is really on their disks. One thread. */
final class Recovery {
  private final Truth truth;

  Recovery(Truth truth) {
    this.truth = truth;
  }

  /**
   * True if a majority of the record's members runs, and what is committed, or something newer that
   * was accepted, is remembered by one of them and can be had row by row from their trees.
   */
  boolean isPossible() {
    Optional<Committed> committed = truth.record().committed();
    List<SimulatedGuest> running = running();
    if (committed.isEmpty() || running.size() < truth.record().majority()) {
      return false;
    }
    Set<Row> rows = rows(running);
    return running.stream()
        .anyMatch(
            guest ->
                truth.disks.memories(guest).stream()
                    .filter(memory -> isAsNew(memory, committed.get()))
                    .anyMatch(memory -> canBeHad(guest, memory, rows)));
  }

  private List<SimulatedGuest> running() {
    ClusterRecord record = truth.record();
    return truth.disks.guests().stream()
        .filter(guest -> record.members().containsKey(guest.name) && guest.isRunning())
        .toList();
  }

  private Set<Row> rows(List<SimulatedGuest> guests) {
    Set<Row> rows = new HashSet<>();
    guests.forEach(g -> rows.addAll(truth.disks.matrix(g, Disks.View.PLATTER).rows()));
    return rows;
  }

  private static boolean isAsNew(Remembered memory, Committed committed) {
    return memory.equals(committed.remembered()) || memory.position().isAfter(committed.position());
  }

  private boolean canBeHad(SimulatedGuest guest, Remembered memory, Set<Row> rows) {
    Matrix remembered = truth.disks.rowsOf(guest, memory);
    return remembered.root().equals(memory.root()) && rows.containsAll(remembered.rows());
  }

  /** True if the primary's disk lost rows that were written there, and nobody else has them. */
  boolean isRottenForGood() {
    Optional<SimulatedGuest> primary = truth.record().primary().map(truth.disks::guest);
    return primary.flatMap(truth.holdings::rotten).isPresent()
        && !rows(running()).containsAll(truth.holdings.latest(primary.get()).rows());
  }

  /** True if users are led to the primary, and see what is committed, or what came after it. */
  boolean isServed() {
    return truth
        .clients
        .led()
        .filter(guest -> guest.isAwake() && truth.record().isPrimary(guest.name))
        .filter(truth.clients::isAsNewAsCommitted)
        .isPresent();
  }
}
