package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HACluster;
import java.util.Optional;
import java.util.Set;

/**
 * Which installation of the operator leads an HACluster: the one whose namespace the annotation
 * {@value #LED_FROM} names. The lease only tells the replicas of one installation apart; a second
 * one would have a lease of its own, and the two would rewrite each other's sidecars for ever. Safe
 * on any thread.
 */
final class Claim {
  /** Annotation of an HACluster: namespace of the operator that leads it. */
  static final String LED_FROM = "virtquorum.io/led-from";

  /** The same as a JSON pointer. */
  static final String PATH = "/metadata/annotations/virtquorum.io~1led-from";

  private static final int TRIES = 3;

  /** A conflict, or a patch whose test failed. */
  private static final Set<Integer> CHANGED_MEANWHILE = Set.of(409, 422);

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
    try {
      client
          .resource(mine)
          .patch(PatchContext.of(PatchType.JSON), patch(mine.getMetadata())); // one of two succeeds
      return Optional.empty();
    } catch (KubernetesClientException e) {
      if (CHANGED_MEANWHILE.contains(e.getCode()) && tries > 1) {
        return claim(cluster, tries - 1);
      }
      return Optional.of(
          new Trouble("ApiServerRefused", "The API server refused a write: " + e.getMessage()));
    }
  }

  private String patch(ObjectMeta meta) {
    String none =
        meta.getAnnotations() == null || meta.getAnnotations().isEmpty()
            ? "{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{}},"
            : "";
    return """
        [{"op":"test","path":"/metadata/resourceVersion","value":"%s"},%s
         {"op":"add","path":"%s","value":"%s"}]
        """
        .formatted(meta.getResourceVersion(), none, PATH, namespace);
  }

  /** Namespace of the operator that leads this object; empty: nobody does. */
  static Optional<String> leader(ObjectMeta meta) {
    return Optional.ofNullable(meta.getAnnotations())
        .map(annotations -> annotations.get(LED_FROM))
        .filter(other -> !other.isEmpty());
  }
}
