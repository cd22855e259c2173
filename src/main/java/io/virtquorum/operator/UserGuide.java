package io.virtquorum.operator;

import io.virtquorum.access.Lead;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Has users led to the recorded primary, or nowhere, once a second until that went well. For one
 * thread.
 */
final class UserGuide {
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final Surroundings.UserLeader leader;
  private final LongSupplier nanoTime;
  private boolean nowhere;
  private boolean pending;
  private long notBefore;

  UserGuide(Surroundings.UserLeader leader, LongSupplier nanoTime) {
    this.leader = leader;
    this.nanoTime = nanoTime;
    this.notBefore = nanoTime.getAsLong();
  }

  /** Users are to be led anew, whether or not they are led there already. */
  void begin() {
    pending = true;
  }

  /** True if it is time to try again. */
  boolean isDue() {
    return nanoTime.getAsLong() - notBefore >= 0;
  }

  /**
   * Leads them if that is still to be done, or if they are led nowhere.
   *
   * @param primary empty: they stay where they are led, until {@link #begin} is called again
   */
  void lead(Optional<ClusterSettings.Vm> primary) {
    turn(false);
    if (pending) {
      Optional<Lead> place =
          primary.flatMap(vm -> vm.podAddress().map(address -> new Lead(address, vm.node())));
      pending = place.isPresent() && !leader.lead(place);
      again();
    }
  }

  /** Leads them nowhere, if that is still to be done; nobody may be led to. */
  void nowhere() {
    turn(true);
    if (pending) {
      pending = !leader.lead(Optional.empty());
      again();
    }
  }

  private void turn(boolean toNowhere) {
    pending |= nowhere != toNowhere;
    nowhere = toNowhere;
  }

  private void again() {
    notBefore = nanoTime.getAsLong() + AGAIN.toNanos();
  }
}
