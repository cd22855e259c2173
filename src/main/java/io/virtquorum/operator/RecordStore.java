package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.RequestConfigBuilder;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import java.net.HttpURLConnection;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of HACluster status. The record in it changes by compare-and-swap; everything
 * else is written over it, and left alone where nothing changed. Safe on any thread; blocks for
 * {@link #BUDGET} and one {@link #DEADLINE} at most.
 */
final class RecordStore implements Surroundings.Records {
  private static final Logger LOG = LoggerFactory.getLogger(RecordStore.class);
  private static final int TRIES = 5;
  private static final Duration FIRST_WAIT = Duration.ofMillis(100);

  /**
   * Of one request; not repeated by the client, because that would hold up the cluster's thread.
   */
  private static final Duration DEADLINE = Duration.ofSeconds(3);

  /** No new try after this. */
  private static final Duration BUDGET = Duration.ofSeconds(6);

  private final Api api;
  private final Clock clock;
  private final Waiting waiting;

  /** The part of the API server that is used here; errors are the client's. */
  interface Api {
    /** The HACluster as it is now, the caller's to change; null: there is none. */
    HACluster read(String namespace, String name);

    /**
     * Writes the status if nobody wrote since it was read; otherwise a conflict (409).
     *
     * @return as it is stored now
     */
    HACluster updateStatus(HACluster cluster);
  }

  /** Time as it passes for the thread that writes. */
  interface Waiting {
    /** As {@link System#nanoTime}. */
    long nanoTime();

    /** Waits; false if the thread is to end. */
    boolean pause(Duration time);
  }

  RecordStore(KubernetesClient client, Clock clock) {
    this(
        new Server(
            client
                .newClient(
                    new RequestConfigBuilder()
                        .withRequestTimeout((int) DEADLINE.toMillis())
                        .withRequestRetryBackoffLimit(0)
                        .build())
                .adapt(KubernetesClient.class)),
        clock,
        new OwnThread());
  }

  RecordStore(Api api, Clock clock, Waiting waiting) {
    this.api = api;
    this.clock = clock;
    this.waiting = waiting;
  }

  /** How a compare-and-swap ended. */
  sealed interface Swap {
    record Written() implements Swap {}

    /** Somebody else changed the record; this is it now. */
    record Other(ClusterRecord record) implements Swap {}

    /**
     * The cluster is gone, or the API server did not answer: the record may have changed, or may
     * change later. Nothing may be decided until {@link #fence} has been successful.
     */
    record Unknown(String why) implements Swap {}
  }

  /**
   * Replaces the record if it still is as expected.
   *
   * <p>A record that is as wanted already was written by an earlier try of the same term. A new
   * term is another matter: two operators may claim the same one, and only one of them may have it;
   * who does not know that it was the one has not got it.
   */
  @Override
  public Swap swap(String namespace, String name, ClusterRecord expected, ClusterRecord next) {
    Duration wait = FIRST_WAIT;
    String why = "";
    long end = waiting.nanoTime() + BUDGET.toNanos();
    for (int i = 0; i < TRIES && waiting.nanoTime() < end; i++) {
      try {
        HACluster cluster = api.read(namespace, name);
        if (cluster == null) {
          return new Swap.Unknown("the HACluster is gone");
        }
        HAClusterStatus status = statusOf(cluster);
        ClusterRecord present = RecordMapping.read(status.recorded());
        if (present.equals(next) && expected.term() == next.term()) {
          return new Swap.Written(); // an earlier try arrived after all
        }
        if (!present.equals(expected)) {
          return new Swap.Other(present);
        }
        cluster.setStatus(
            status.withRecord(RecordMapping.write(next, status.recorded(), clock.instant())));
        api.updateStatus(cluster);
        return new Swap.Written();
      } catch (KubernetesClientException e) {
        why = e.getMessage();
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
          LOG.atWarn()
              .addKeyValue("namespace", namespace)
              .addKeyValue("cluster", name)
              .addKeyValue("cause", e.getMessage())
              .log("The API server refused the record; trying again");
        }
        if (!waiting.pause(wait)) {
          break;
        }
        wait = wait.multipliedBy(2);
      }
    }
    return new Swap.Unknown(why);
  }

  /**
   * Writes the record as it is, so that the resource version moves on and the API server refuses
   * whatever was sent before. A request without an answer may still be executed otherwise, however
   * much later.
   */
  @Override
  public Optional<ClusterRecord> fence(String namespace, String name) {
    try {
      HACluster cluster = api.read(namespace, name);
      if (cluster == null) {
        return Optional.empty();
      }
      HAClusterStatus status = statusOf(cluster);
      ClusterRecord present = RecordMapping.read(status.recorded());
      cluster.setStatus(
          status.withRecord(
              RecordMapping.write(present, status.recorded(), clock.instant()).fenced()));
      String before = cluster.getMetadata().getResourceVersion();
      if (api.updateStatus(cluster).getMetadata().getResourceVersion().equals(before)) {
        LOG.atError()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .log(
                "The API server does not store status.record.fence: apply the CRDs of this"
                    + " operator's version");
        return Optional.empty();
      }
      return Optional.of(present);
    } catch (KubernetesClientException e) {
      LOG.atWarn()
          .addKeyValue("namespace", namespace)
          .addKeyValue("cluster", name)
          .addKeyValue("cause", e.getMessage())
          .log("It is not known yet how the last change of the record ended; asking again");
      return Optional.empty();
    }
  }

  /**
   * Writes the rest of the status if it differs; the record stays whatever it is.
   *
   * @return the status that is stored now; empty if the cluster is gone or changes too fast
   */
  Optional<HAClusterStatus> update(
      String namespace, String name, UnaryOperator<HAClusterStatus> change) {
    for (int i = 0; i < TRIES; i++) {
      HACluster cluster = api.read(namespace, name);
      if (cluster == null) {
        return Optional.empty();
      }
      HAClusterStatus before = statusOf(cluster);
      HAClusterStatus after = change.apply(before);
      if (after.equals(before)) {
        return Optional.of(before);
      }
      try {
        cluster.setStatus(after);
        api.updateStatus(cluster);
        return Optional.of(after);
      } catch (KubernetesClientException e) {
        if (e.getCode() == HttpURLConnection.HTTP_NOT_FOUND) {
          return Optional.empty();
        }
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
          throw e;
        }
      }
    }
    return Optional.empty();
  }

  /** The record as it is now. */
  ClusterRecord read(HACluster cluster) {
    return RecordMapping.read(statusOf(cluster).recorded());
  }

  private static HAClusterStatus statusOf(HACluster cluster) {
    return Optional.ofNullable(cluster.getStatus()).orElse(HAClusterStatus.EMPTY);
  }

  private record Server(KubernetesClient client) implements Api {
    @Override
    public HACluster read(String namespace, String name) {
      return client.resources(HACluster.class).inNamespace(namespace).withName(name).get();
    }

    @Override
    public HACluster updateStatus(HACluster cluster) {
      return client.resource(cluster).updateStatus();
    }
  }

  /** The calling thread sleeps. */
  static final class OwnThread implements Waiting {
    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public boolean pause(Duration time) {
      try {
        Thread.sleep(time);
        return true;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
  }
}
