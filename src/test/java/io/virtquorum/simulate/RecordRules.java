package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.function.Supplier;

/** Judges how the record changes. Each invariant is a method of its own. For one thread. */
final class RecordRules {
  private final BiConsumer<String, String> violated;
  private final BiPredicate<String, Committed> held;
  private final Supplier<String> disks;
  private final Map<Long, Digest> epochs = new TreeMap<>();
  private final Map<Long, Object> writers = new HashMap<>();

  /**
   * @param violated hears which invariant was broken, and how
   * @param held whether the disks of a member held and remembered a state at any time
   * @param disks what is on all disks now, in words
   */
  RecordRules(
      BiConsumer<String, String> violated,
      BiPredicate<String, Committed> held,
      Supplier<String> disks) {
    this.violated = violated;
    this.held = held;
    this.disks = disks;
  }

  /** The root of each epoch. */
  Map<Long, Digest> epochs() {
    return epochs;
  }

  /**
   * The record changed.
   *
   * @param observed everybody knows that the mode is Observe
   */
  void judge(Object writer, ClusterRecord before, ClusterRecord after, boolean observed) {
    oneLeaderWrites(writer, before, after);
    nothingIsDecidedWhileObserving(before, after, observed);
    tenureEndsWithThePrimary(before, after);
    if (!after.committed().equals(before.committed())) {
      Committed committed = after.committed().orElseThrow();
      oneRootAnEpoch(before, committed);
      committedByAMajorityOfDisks(after, committed);
    }
  }

  /**
   * Somebody from outside put another record in the place of the present one: terms and epochs that
   * it does not know may come again.
   */
  void restored(ClusterRecord record) {
    writers.clear();
    long last = record.committed().map(Committed::epoch).orElse(0L);
    epochs.keySet().removeIf(epoch -> epoch > last);
  }

  /** Invariant 8: terms only grow, and two leaders of one term never both change the record. */
  private void oneLeaderWrites(Object writer, ClusterRecord before, ClusterRecord after) {
    if (after.term() < before.term()) {
      violated.accept("OldLeaderWrote", "term " + after.term() + " over " + before.term());
    }
    Object other = writers.putIfAbsent(after.term(), writer);
    if (other != null && other != writer) {
      violated.accept("TwoLeadersWrote", "both in term " + after.term());
    }
  }

  /** Invariant 12: in mode Observe nobody else leads, nothing is committed, and no disk changes. */
  private void nothingIsDecidedWhileObserving(
      ClusterRecord before, ClusterRecord after, boolean observed) {
    if (observed
        && !(after.primary().equals(before.primary())
            && after.tenure() == before.tenure()
            && after.committed().equals(before.committed()))) {
      violated.accept("ObserveChanged", before + " became " + after);
    }
  }

  private void tenureEndsWithThePrimary(ClusterRecord before, ClusterRecord after) {
    boolean samePrimary = after.primary().equals(before.primary());
    boolean sameTenure = after.tenure() == before.tenure();
    boolean promoted = after.mandate().isPresent();
    if (after.tenure() < before.tenure()
        || (!samePrimary && sameTenure)
        || (samePrimary && !sameTenure && !promoted)) {
      violated.accept("Tenure", before + " became " + after);
    }
  }

  /** Invariant 7. */
  private void oneRootAnEpoch(ClusterRecord before, Committed committed) {
    long last = before.committed().map(Committed::epoch).orElse(0L);
    if (committed.epoch() != last + 1) {
      violated.accept("Epoch", committed.epoch() + " after " + last);
    }
    Digest other = epochs.put(committed.epoch(), committed.root());
    if (other != null && !other.equals(committed.root())) {
      violated.accept("TwoRoots", "epoch " + committed.epoch());
    }
  }

  /** Invariant 6, by the disks: each of a majority remembers the root and really held it. */
  private void committedByAMajorityOfDisks(ClusterRecord after, Committed committed) {
    List<String> holders =
        after.members().keySet().stream().filter(m -> held.test(m, committed)).toList();
    if (holders.size() < after.majority()) {
      violated.accept(
          "CommitWithoutMajority",
          "epoch %d is %s, which only the disks of %s held; now there are %s"
              .formatted(committed.epoch(), committed.root(), holders, disks.get()));
    }
  }
}
