package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the lease of the one operator that acts. A lease is no fence by itself: every record and
 * every order carries a term. Closing hands the lease over at once.
 */
final class Leadership implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);
  private static final String NAME = "virtquorum-leader";
  private static final Duration LEASE = Duration.ofSeconds(8);
  private static final Duration RENEW = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** How long handing the lease over may take: one write, on a busy API server. */
  private static final Duration RELEASE = Duration.ofSeconds(3);

  private final CompletableFuture<?> election;
  private final CountDownLatch released = new CountDownLatch(1);
  private volatile boolean led;

  /**
   * Begins to strive for the lease.
   *
   * @param acquired runs once when it is had, on a thread of its own
   * @param lost runs when it is lost or given up
   */
  Leadership(
      KubernetesClient client,
      String namespace,
      String identity,
      Runnable acquired,
      Runnable lost) {
    election =
        client
            .leaderElector()
            .withConfig(
                new LeaderElectionConfigBuilder()
                    .withName(NAME)
                    .withLock(
                        new SteadyLock(
                            new LeaseLock(namespace, NAME, identity),
                            Clock.systemUTC(),
                            System::nanoTime))
                    .withLeaseDuration(LEASE)
                    .withRenewDeadline(RENEW)
                    .withRetryPeriod(RETRY)
                    .withReleaseOnCancel(true)
                    .withLeaderCallbacks(
                        new LeaderCallbacks(
                            () -> {
                              led = true;
                              Thread.ofPlatform().name("leading").start(acquired);
                            },
                            () -> {
                              released.countDown();
                              lost.run();
                            },
                            leader ->
                                LOG.atInfo()
                                    .addKeyValue("leader", leader)
                                    .log("The leader is known")))
                    .build())
            .build()
            .start();
  }

  /** Gives the lease up; returns when that is written, because the client may be closed then. */
  @Override
  public void close() {
    election.cancel(true);
    try {
      if (led && !released.await(RELEASE.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.atWarn().log("The lease could not be handed over; it will run out by itself");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
