package io.virtquorum.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.api.MembersSpec;
import io.virtquorum.api.StateSpec;
import io.virtquorum.api.SyncNetwork;
import java.util.List;
import org.junit.jupiter.api.Test;

class SyncAttachmentTest {

  private static HACluster cluster(SyncNetwork network) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(
        new ObjectMetaBuilder().withNamespace("shop").withName("web").withUid("u-1").build());
    cluster.setSpec(
        new HAClusterSpec(
            MembersSpec.named(List.of("web-0")),
            network,
            StateSpec.ofFiles(new FileTree("site", "/srv/www"))));
    return cluster;
  }

  @Test
  void aClusterOnABridgeGetsANetworkOfItsOwnWithoutAddressManagement() {
    SyncAttachment attachment =
        SyncAttachment.of(cluster(SyncNetwork.onBridge("10.0.0.0/24", "br-sync")));

    assertThat(attachment.reference()).isEqualTo("shop/web-sync");
    NetworkAttachmentDefinition definition = attachment.definition().orElseThrow();
    assertThat(definition.getMetadata().getOwnerReferences())
        .extracting(o -> o.getUid())
        .containsExactly("u-1");
    assertThat(definition.getSpec().config())
        .isEqualTo(
            "{\"cniVersion\":\"0.3.1\",\"name\":\"web-sync\",\"type\":\"bridge\",\"bridge\":\"br-sync\",\"ipam\":{}}");
  }

  @Test
  void aClusterThatNamesANetworkUsesThatAndMakesNone() {
    SyncAttachment near = SyncAttachment.of(cluster(SyncNetwork.existing("10.0.0.0/24", "sync")));
    SyncAttachment far =
        SyncAttachment.of(cluster(SyncNetwork.existing("10.0.0.0/24", "infra/sync")));

    assertThat(near.reference()).isEqualTo("shop/sync");
    assertThat(far.reference()).isEqualTo("infra/sync");
    assertThat(near.definition()).isEmpty();
  }
}
