package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.testing.ApiServer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ApiServer.class)
class HAClusterApiIT {

  @Test
  void aClusterThatNamesOnlyWhatItMustReadsBackWithTheDefaultsThatJavaAssumes(
      KubernetesClient client) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName("web").build());
    cluster.setSpec(
        new HAClusterSpec(
            MembersSpec.named(List.of("a", "b")),
            SyncNetwork.onBridge("172.31.77.0/24", "br-sync"),
            StateSpec.ofFiles(new FileTree("site", "/srv/www"))));
    HACluster stored = client.resource(cluster).create();
    assertThat(stored.getSpec()).isEqualTo(cluster.getSpec());
  }
}
