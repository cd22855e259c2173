package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Clock;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.function.LongSupplier;

/**
 * A lock whose age counts from when a renewal was first seen here. Fabric8 compares the holder's
 * clock with one's own: where they differ by an hour, a dead holder would keep the lease an hour.
 * Thread-safe.
 */
final class SteadyLock implements Lock {
  private final Lock lock;
  private final Clock clock;
  private final LongSupplier nanoTime;
  private LeaderElectionRecord seen;
  private long seenAt;

  /**
   * @param clock as the elector reads it
   * @param nanoTime as {@link System#nanoTime}
   */
  SteadyLock(Lock lock, Clock clock, LongSupplier nanoTime) {
    this.lock = lock;
    this.clock = clock;
    this.nanoTime = nanoTime;
  }

  @Override
  public synchronized LeaderElectionRecord get(KubernetesClient client) {
    LeaderElectionRecord present = lock.get(client);
    if (present == null) {
      return null;
    }
    if (!present.equals(seen)) {
      seen = present;
      seenAt = nanoTime.getAsLong();
    }
    Duration age = Duration.ofNanos(nanoTime.getAsLong() - seenAt);
    return new LeaderElectionRecord(
        present.getHolderIdentity(),
        present.getLeaseDuration(),
        present.getAcquireTime(),
        ZonedDateTime.now(clock).minus(age),
        present.getLeaderTransitions());
  }

  @Override
  public void create(KubernetesClient client, LeaderElectionRecord first) {
    lock.create(client, first);
  }

  @Override
  public void update(KubernetesClient client, LeaderElectionRecord next) {
    lock.update(client, next);
  }

  @Override
  public String identity() {
    return lock.identity();
  }

  @Override
  public String describe() {
    return lock.describe();
  }
}
