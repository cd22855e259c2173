package io.virtquorum.operator;

import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Has users led to the recorded primary, once a second until that went well. For one thread. */
final class UserGuide {
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final Surroundings.UserLeader leader;
  private final LongSupplier nanoTime;
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
   * Leads them if that is still to be done.
   *
   * @param primary empty: nowhere for now, until {@link #begin} is called again
   */
  void lead(Optional<ClusterSettings.Vm> primary) {
    if (pending) {
      Optional<String> address = primary.flatMap(ClusterSettings.Vm::podAddress);
      pending = address.isPresent() && !leader.lead(address.get(), primary.get().node());
      notBefore = nanoTime.getAsLong() + AGAIN.toNanos();
    }
  }
}
