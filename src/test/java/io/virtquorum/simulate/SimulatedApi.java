package io.virtquorum.simulate;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.operator.SimulatedAdjudicator;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;

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
  private final Runnable watched;
  private final Set<Object> requestsLost = new HashSet<>();
  private final Set<Object> answersLost = new HashSet<>();
  private HAClusterStatus status = HAClusterStatus.EMPTY;
  private long version = 1;
  private String led = "";
  private long lateBy;

  /**
   * @param watched hears of what has an operator reconcile: a request that changed the Service
   *     after it was given up, or a member that the record let go
   */
  SimulatedApi(Timeline timeline, SplittableRandom random, Truth truth, Runnable watched) {
    this.timeline = timeline;
    this.random = random;
    this.truth = truth;
    this.watched = watched;
  }

  /** Where users are led; empty: nowhere. */
  String led() {
    return led;
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
    exchange(client, () -> {}, new boolean[1]);
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
    boolean[] conflict = new boolean[1];
    boolean[] late = new boolean[1];
    exchange(
        client,
        () -> {
          if (Long.parseLong(cluster.getMetadata().getResourceVersion()) != version) {
            conflict[0] = true;
            return;
          }
          ClusterRecord before = SimulatedAdjudicator.record(status);
          ClusterRecord after = SimulatedAdjudicator.record(cluster.getStatus());
          status = cluster.getStatus();
          version++;
          if (late[0] && !after.equals(before)) {
            truth.promises.recordedLate(client.isDeciding());
          }
          truth.recorded(client, before, after);
          if (!after.members().keySet().containsAll(before.members().keySet())) {
            watched.run();
          }
        },
        late);
    if (conflict[0]) {
      throw new KubernetesClientException("the object has been modified", CONFLICT, null);
    }
    return stored();
  }

  /** Somebody else changes the HACluster, so that writers conflict. */
  void touch() {
    version++;
  }

  boolean lead(Object client, String address) {
    boolean[] late = new boolean[1];
    try {
      exchange(
          client,
          () -> {
            led = address;
            if (late[0]) {
              watched.run();
            }
          },
          late);
      return true;
    } catch (KubernetesClientException e) {
      return false;
    }
  }

  /**
   * One request and its answer; executed late, or never, or without an answer.
   *
   * @param late becomes true where it is executed after it was given up
   */
  private void exchange(Object client, Runnable execution, boolean[] late) {
    long travel =
        (1 + random.nextInt(10)) * Timeline.MILLISECOND
            + (lateBy == 0 ? 0 : random.nextLong(lateBy));
    if (requestsLost.contains(client)) {
      timeline.sleep(TIMEOUT);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
    if (travel >= TIMEOUT) {
      late[0] = true;
      timeline.after(TIMEOUT + travel * 31 % LATEST, execution); // any time: travel is by chance
      timeline.sleep(TIMEOUT);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
    timeline.sleep(travel);
    execution.run();
    if (answersLost.contains(client)) {
      timeline.sleep(TIMEOUT - travel);
      throw new KubernetesClientException("timeout", TIMED_OUT, null);
    }
  }
}
