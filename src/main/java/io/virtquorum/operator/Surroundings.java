package io.virtquorum.operator;

import io.virtquorum.access.Lead;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What an adjudication needs of the operator.
 *
 * @param store writes the record
 * @param news tells people
 * @param leader leads users to a member
 * @param changed hears that the view changed
 * @param nanoTime does not jump as {@code clock} may
 */
record Surroundings(
    Records store,
    Consumer<Command.Tell> news,
    UserLeader leader,
    Runnable changed,
    Clock clock,
    LongSupplier nanoTime,
    GuestProbes probes) {

  /** In the operator's process. */
  static Surroundings of(
      RecordStore store, Announcer announcer, UserLeader leader, Runnable changed, Clock clock) {
    return new Surroundings(
        store,
        announcer::tell,
        leader,
        changed,
        clock,
        System::nanoTime,
        new GuestProbes(
            new GuestProbe(), task -> Thread.ofVirtual().name("guest-probe").start(task)));
  }

  /** Reads and writes the record; may block for seconds. */
  interface Records {
    /** Writes it by compare-and-swap. */
    RecordStore.Swap swap(
        String namespace, String name, ClusterRecord expected, ClusterRecord next);

    /** Makes all earlier writes void; the record as it is now, or empty: try again. */
    Optional<ClusterRecord> fence(String namespace, String name);
  }

  /** Leads the cluster's users. */
  @FunctionalInterface
  interface UserLeader {
    /**
     * Leads them at once.
     *
     * @param where empty: nowhere
     * @return false if that failed and must be tried again
     */
    boolean lead(Optional<Lead> where);
  }

  /**
   * How guests are probed.
   *
   * @param executor runs the probes, which block
   */
  record GuestProbes(Detector.Probe probe, Executor executor) {}
}
