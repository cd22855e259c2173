package io.virtquorum.simulate;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.operator.SimulatedAdjudicator;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/**
 * The API server: one HACluster whose status changes by compare-and-swap, and where its Service
 * leads. Requests and answers may be lost or late; a request that was given up may still be
 * executed. Called by tasks of the {@link Timeline}.
 */
final class SimulatedApi {
  private static final long TIMEOUT = 3 * Timeline.SECOND;

  /** A request that was given up is executed within this time, or never. */
  private static final long LATEST = 60 * Timeline.SECOND;

  private static final int TIMED_OUT = 0;
  private static final int CONFLICT = 409;

  private final Timeline timeline;
  private final SplittableRandom random;
  private final Truth truth;
  private final Supplier<Optional<OperatorLife>> newest;
  private final Runnable watched;
  private final Set<Object> requestsLost = new HashSet<>();
  private final Set<Object> answersLost = new HashSet<>();
  private HAClusterStatus status = HAClusterStatus.EMPTY;
  private long version = 1;
  private String led = "";
  private long lateBy;

  /**
   * @param newest who acquired the lease last
   * @param watched hears of what has an operator reconcile: a Service that was changed by another
   *     than the newest or after the request was given up, or a member that the record let go
   */
  SimulatedApi(
      Timeline timeline,
      SplittableRandom random,
      Truth truth,
      Supplier<Optional<OperatorLife>> newest,
      Runnable watched) {
    this.timeline = timeline;
    this.random = random;
    this.truth = truth;
    this.newest = newest;
    this.watched = watched;
  }

  /** Where users are led; empty: nowhere. */
  String led() {
    return led;
  }

  /** The HACluster's status as it is now, for a later {@link #restore}. */
  HAClusterStatus status() {
    return status;
  }

  /** Somebody puts another status in the place of the present one. */
  void restore(HAClusterStatus other) {
    status = other;
    version++;
    truth.restored(SimulatedAdjudicator.record(other));
  }

  /** So many leaders came and went, of whom only the term is left. */
  void ledBy(long leaders) {
    status
        .recorded()
        .ifPresent(
            r -> {
              ClusterRecord before = SimulatedAdjudicator.record(status);
              status =
                  status.withRecord(
                      new io.virtquorum.api.ClusterRecord(
                          r.term() + leaders,
                          r.tenure(),
                          r.committed(),
                          r.mandate(),
                          r.primary(),
                          r.members(),
                          r.fence(),
                          r.departed(),
                          r.ended(),
                          r.led()));
              version++;
              truth.recorded(this, before, SimulatedAdjudicator.record(status));
            });
  }

  /** The Service is made anew. */
  void leadNowhere() {
    led = "";
  }

  void loseRequestsOf(Object client, boolean lost) {
    if (lost) {
      requestsLost.add(client);
    } else {
      requestsLost.remove(client);
    }
  }

  void loseAnswersTo(Object client, boolean lost) {
    if (lost) {
      answersLost.add(client);
    } else {
      answersLost.remove(client);
    }
  }

  /** Requests take up to that much longer. */
  void late(long nanos) {
    lateBy = nanos;
  }

  void heal() {
    requestsLost.clear();
    answersLost.clear();
    lateBy = 0;
  }

  /** The HACluster, for its reader to change. */
  HACluster read(Object client) {
    exchange(client, _ -> true);
    return stored();
  }

  private HACluster stored() {
    HACluster cluster = new HACluster();
    cluster.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace("shop")
            .withName("web")
            .withResourceVersion(Long.toString(version))
            .build());
    cluster.setStatus(status);
    return cluster;
  }

  HACluster update(OperatorLife client, HACluster cluster) {
    boolean written =
        exchange(
            client,
            late -> {
              if (Long.parseLong(cluster.getMetadata().getResourceVersion()) != version) {
                return false;
              }
              ClusterRecord before = SimulatedAdjudicator.record(status);
              ClusterRecord after = SimulatedAdjudicator.record(cluster.getStatus());
              status = cluster.getStatus();
              version++;
              if (late && !after.equals(before)) {
                truth.promises.recordedLate(client.isDeciding());
              }
              truth.recorded(client, before, after);
              if (!after.members().keySet().containsAll(before.members().keySet())) {
                watched.run();
              }
              return true;
            });
    if (!written) {
      throw new KubernetesClientException("the object has been modified", CONFLICT, null);
    }
    return stored();
  }

  /** Somebody else changes the HACluster, so that writers conflict. */
  void touch() {
    version++;
  }

  boolean lead(OperatorLife client, String address) {
    try {
      return exchange(
          client,
          late -> {
            boolean foreign = !led.equals(address) && newest.get().filter(client::equals).isEmpty();
            led = address;
            if (late || foreign) {
              watched.run();
            }
            return true;
          });
    } catch (KubernetesClientException e) {
      return false;
    }
  }

  /** What a request does at the API server. */
  private interface Request {
    /**
     * Does it.
     *
     * @param late true if it had been given up before
     * @return false if it was refused
     */
    boolean execute(boolean late);
  }

  /** One request and its answer; executed late, or never, or without an answer. */
  private boolean exchange(Object client, Request request) {
    long travel =
        (1 + random.nextInt(10)) * Timeline.MILLISECOND
            + (lateBy == 0 ? 0 : random.nextLong(lateBy));
    if (requestsLost.contains(client)) {
      timeline.sleep(TIMEOUT);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
    if (travel >= TIMEOUT) {
      long lateness = travel * 31 % LATEST; // any time: travel is by chance
      timeline.after(TIMEOUT + lateness, () -> request.execute(true));
      timeline.sleep(TIMEOUT);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
    timeline.sleep(travel);
    boolean accepted = request.execute(false);
    if (answersLost.contains(client)) {
      timeline.sleep(TIMEOUT - travel);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
    return accepted;
  }
}
