package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.Chart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Somebody upgrades the CRD under an HACluster, as docs/install.md tells to. */
final class CrdUpgradeIT {
  /** Of commit 6d38375, the first that was tried as a whole. */
  private static final Path EARLIER = Path.of("src", "test", "resources", "crds-earlier");

  private static final String CLUSTER =
      """
      apiVersion: virtquorum.io/v1alpha1
      kind: HACluster
      metadata: {name: web, namespace: default}
      spec:
        members: {names: [web-0, web-1, web-2]}
        syncNetwork: {cidr: 172.31.77.0/24, bridge: br-sync}
        state: {files: [{name: site, path: /srv/www}]}
        failover: {fencing: StopVM} # was accepted then
      """;

  private static final String STATUS =
      """
      {"status": {
        "inSync": "3/3",
        "conditions": [{"type": "Ready", "status": "True", "reason": "InSync", "message": "",
          "lastTransitionTime": "2026-11-22T10:00:00Z"}],
        "record": {"term": 3, "tenure": 2, "primary": "web-1",
          "members": [{"name": "web-0", "weight": 1}, {"name": "web-1", "weight": 1},
            {"name": "web-2", "weight": 1}],
          "elected": {"tenure": 2, "sequence": 8, "root": "ab"},
          "committed": {"epoch": 7, "tenure": 2, "sequence": 7, "root": "cafe",
            "time": "2026-11-22T10:00:00Z"}}}}
      """;

  @Test
  void givenAnHAClusterOfAnEarlierVersionWhenTheCrdIsUpgradedThenItIsValidAndKeepsItsRecord()
      throws Exception {
    try (var server = ApiServer.start(EARLIER)) {
      KubernetesClient client = server.admin();
      Chart.objects(CLUSTER).forEach(o -> client.resource(o).create());
      client
          .genericKubernetesResources("virtquorum.io/v1alpha1", "HACluster")
          .inNamespace("default")
          .withName("web")
          .subresource("status")
          .patch(PatchContext.of(PatchType.JSON_MERGE), STATUS);

      for (var crd :
          Chart.objects(
              Files.readString(Path.of("crds").resolve("haclusters.virtquorum.io-v1.yml")))) {
        client.resource(crd).forceConflicts().serverSideApply();
      }
      // The API server takes the new schema up a moment later: it knows the new field then.
      await().atMost(Duration.ofSeconds(30)).until(() -> fenced(client));

      HACluster after = cluster(client);
      assertThat(after.getSpec().members().names()).containsExactly("web-0", "web-1", "web-2");
      assertThat(after.getSpec().failover().fencing()).isEqualTo(Failover.Fencing.STOP_VM);
      assertThat(after.getSpec().failover().patience()).isEqualTo(Duration.ofSeconds(30));
      assertThat(after.getSpec().state().files()).containsExactly(new FileTree("site", "/srv/www"));
      ClusterRecord record = after.getStatus().recorded().orElseThrow();
      assertThat(record.commitment().orElseThrow().epoch()).isEqualTo(7);
      assertThat(record.commitment().orElseThrow().root()).isEqualTo("cafe");
      assertThat(record.primary()).isEqualTo("web-1");
      assertThat(record.tenure()).isEqualTo(2);
      assertThat(record.members()).hasSize(3);
      assertThat(record.fence()).as("a field of the new schema").isEqualTo(1);
      assertThat(after.getStatus().inSync()).isEqualTo("3/3");
      client
          .resource(after)
          .edit(
              c -> {
                c.getMetadata().setLabels(Map.of("edited", "yes"));
                return c;
              });
      assertThat(cluster(client).getMetadata().getLabels()).containsEntry("edited", "yes");
    }
  }

  private static boolean fenced(KubernetesClient client) {
    GenericKubernetesResource web =
        client
            .genericKubernetesResources("virtquorum.io/v1alpha1", "HACluster")
            .inNamespace("default")
            .withName("web")
            .subresource("status")
            .patch(
                PatchContext.of(PatchType.JSON_MERGE), "{\"status\":{\"record\":{\"fence\":1}}}");
    return web.get("status", "record", "fence") != null;
  }

  private static HACluster cluster(KubernetesClient client) {
    return client.resources(HACluster.class).inNamespace("default").withName("web").require();
  }
}
