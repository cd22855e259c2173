package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.HACluster;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A person's wish that a member lead, said by the annotation {@value ClusterSettings#PROMOTE}. The
 * record is what counts; once it says so the annotation is taken away, so that the wish does not
 * come true a second time after a failover. Safe on any thread.
 */
final class Promotion {
  private static final Logger LOG = LoggerFactory.getLogger(Promotion.class);
  private static final String PATH = "/metadata/annotations/virtquorum.io~1promote";

  private final KubernetesClient client;

  Promotion(KubernetesClient client) {
    this.client = client;
  }

  /** Takes the annotation away if the record does what it asks for; blocks for one request. */
  void settle(HACluster cluster, View view) {
    Map<String, String> annotations = cluster.getMetadata().getAnnotations();
    String wanted = annotations == null ? null : annotations.get(ClusterSettings.PROMOTE);
    if (wanted == null || !view.leads(wanted)) {
      return;
    }
    try {
      client
          .resource(cluster)
          .patch(
              PatchContext.of(PatchType.JSON),
              """
              [{"op":"test","path":"%1$s","value":"%2$s"},{"op":"remove","path":"%1$s"}]
              """
                  .formatted(PATH, wanted));
    } catch (KubernetesClientException e) {
      // Changed or gone meanwhile, or the API server is in trouble: the next reconcile tries again.
      LOG.atInfo()
          .addKeyValue("namespace", cluster.getMetadata().getNamespace())
          .addKeyValue("cluster", cluster.getMetadata().getName())
          .log("The annotation of a promotion could not be taken away yet: {}", e.getMessage());
    }
  }
}
