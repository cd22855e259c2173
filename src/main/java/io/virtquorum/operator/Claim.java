package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HACluster;
import java.net.HttpURLConnection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which installation of the operator leads an HACluster: the one whose namespace the annotation
 * {@value #LED_FROM} names. The lease only tells the replicas of one installation apart; a second
 * one would have a lease of its own, and the two would rewrite each other's sidecars for ever. Safe
 * on any thread.
 */
final class Claim {
  /** Annotation of an HACluster: namespace of the operator that leads it. */
  static final String LED_FROM = "virtquorum.io/led-from";

  private static final int TRIES = 3;

  private final KubernetesClient client;
  private final String namespace;

  /**
   * @param namespace of this operator
   */
  Claim(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  /** Why this operator must not lead the cluster; claims it if nobody did. */
  Optional<Trouble> refusal(HACluster cluster) {
    Optional<String> leader = leader(cluster.getMetadata());
    if (leader.isEmpty()) {
      return claim(cluster, TRIES);
    }
    return leader.filter(other -> !other.equals(namespace)).map(this::taken);
  }

  private Trouble taken(String other) {
    return new Trouble(
        "TwoOperators",
        ("The operator in namespace %s leads this HACluster, so the one in namespace %s does not:"
                + " uninstall one of them or give each its own watchNamespaces; if the first is gone,"
                + " remove the annotation %s.")
            .formatted(other, namespace, LED_FROM));
  }

  private Optional<Trouble> claim(HACluster cluster, int tries) {
    HACluster mine =
        client
            .resources(HACluster.class)
            .inNamespace(cluster.getMetadata().getNamespace())
            .withName(cluster.getMetadata().getName())
            .get();
    if (mine == null) {
      return Optional.empty(); // it went meanwhile; nothing of it can be written any more
    }
    Optional<String> leader = leader(mine.getMetadata());
    if (leader.isPresent()) {
      return leader.filter(other -> !other.equals(namespace)).map(this::taken);
    }
    Map<String, String> annotations =
        new HashMap<>(Optional.ofNullable(mine.getMetadata().getAnnotations()).orElse(Map.of()));
    annotations.put(LED_FROM, namespace);
    mine.getMetadata().setAnnotations(annotations);
    try {
      client.resource(mine).update(); // with its resource version: of two only one succeeds
      return Optional.empty();
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_CONFLICT && tries > 1) {
        return claim(cluster, tries - 1);
      }
      return Optional.of(
          new Trouble("ApiServerRefused", "The API server refused a write: " + e.getMessage()));
    }
  }

  private static Optional<String> leader(ObjectMeta meta) {
    return Optional.ofNullable(meta.getAnnotations())
        .map(annotations -> annotations.get(LED_FROM))
        .filter(other -> !other.isEmpty());
  }
}
