package io.virtquorum.access;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.AccessSpec;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class AccessPathTest {

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void whoeverMovesUsersIsNotHeldUpByAServerThatNeverAnswers() throws IOException {
    HACluster cluster = new HACluster();
    cluster.setMetadata(
        new ObjectMetaBuilder().withNamespace("shop").withName("web").withUid("u-1").build());
    AccessSpec access = new AccessSpec(List.of(new AccessPort(null, 80)));
    cluster.setSpec(
        new HAClusterSpec(
            null, null, null, access, null, null, null, null, null, null, null, null, null));

    // Accepts connections and says nothing.
    try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      Config config =
          new ConfigBuilder(Config.empty())
              .withMasterUrl("http://127.0.0.1:" + silent.getLocalPort())
              .build();
      try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config).build()) {
        AccessPath path = new AccessPath(client, Duration.ofMillis(300));
        Optional<Lead> lead = Optional.of(new Lead("10.244.1.23", Optional.empty()));
        assertThatThrownBy(() -> path.lead(cluster, lead, Optional.empty()))
            .isInstanceOf(AccessException.class)
            .hasMessageStartingWith("Could not write EndpointSlice shop/web:");
      }
    }
  }
}
