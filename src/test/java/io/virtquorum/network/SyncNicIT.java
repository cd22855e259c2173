package io.virtquorum.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.Network;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.Yaml;
import io.virtquorum.vmspec.VmSpec;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ApiServer.class)
class SyncNicIT {

  private static final String BARE =
      "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web-0},"
          + " spec: {template: {metadata: {creationTimestamp: null}, spec: {domain: {devices: {}}}}}}";

  private final SyncNic nic = new SyncNic();

  private static SyncNic.Wanted wanted(String image) {
    return new SyncNic.Wanted(
        "web",
        "shop/web-sync",
        MacAddress.ofMember("shop", "web", "web-0"),
        new SyncAddress("172.31.77.12", 24),
        new SidecarHook(image, "IfNotPresent", List.of("sidecar")));
  }

  @Test
  void aVmJoinsIsUpgradedAndLeavesAsItWasFoundOnARealApiServer(KubernetesClient client) {
    KubeVirtClient kubevirt = new KubeVirtClient(client, Duration.ofSeconds(10));
    for (VirtualMachine template : List.of(Yaml.vm(BARE), rich("web-1"))) {
      VirtualMachine found = client.resource(template).create();

      VirtualMachine joined = kubevirt.patch(found, nic.attach(found, wanted("vq:1")));
      assertThat(joined.networks()).extracting(Network::name).contains("default", SyncNic.NETWORK);
      assertThat(nic.attach(joined, wanted("vq:1")).isEmpty()).isTrue();

      VirtualMachine upgraded = kubevirt.patch(joined, nic.attach(joined, wanted("vq:2")));
      assertThat(upgraded.templateAnnotations().get(HookList.ANNOTATION))
          .contains("vq:2")
          .doesNotContain("vq:1");

      VirtualMachine left = kubevirt.patch(upgraded, nic.detach(upgraded));
      assertThat(withoutVersions(left)).isEqualTo(withoutVersions(found));
    }
  }

  @Test
  void aNetworkThatItsOwnerAddsMeanwhileIsNotLost(KubernetesClient client) {
    KubeVirtClient kubevirt = new KubeVirtClient(client, Duration.ofSeconds(10));
    VirtualMachine seen = client.resource(Yaml.vm(BARE)).create();
    JsonPatch stale = nic.attach(seen, wanted("vq:1"));
    VmSpec spec = new VmSpec();
    String lan = "[{\"name\":\"lan\",\"multus\":{\"networkName\":\"lan\"}}]";
    kubevirt.patch(
        seen, spec.patch(seen, Map.of("/spec/template/spec/networks", Optional.of(lan))));

    assertThatThrownBy(() -> kubevirt.patch(seen, stale))
        .isInstanceOf(KubeVirtException.Conflict.class)
        .hasMessageContaining("it was changed meanwhile");

    VirtualMachine now = client.resource(seen).get();
    assertThat(now.networks()).extracting(Network::name).containsExactly("lan");
  }

  @Test
  void aPatchOfAVmThatIsGoneSaysSo(KubernetesClient client) {
    KubeVirtClient kubevirt = new KubeVirtClient(client, Duration.ofSeconds(10));
    VirtualMachine gone = rich("gone");
    gone.getMetadata().setNamespace(client.getNamespace());
    assertThatThrownBy(() -> kubevirt.patch(gone, nic.attach(gone, wanted("vq:1"))))
        .isInstanceOf(KubeVirtException.NotFound.class);
  }

  private static VirtualMachine rich(String name) {
    VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);
    ObjectMeta metadata = new ObjectMeta();
    metadata.setName(name);
    metadata.setLabels(vm.getMetadata().getLabels());
    vm.setMetadata(metadata);
    vm.setStatus(null);
    return vm;
  }

  private static JsonNode withoutVersions(VirtualMachine vm) {
    vm.getMetadata().setResourceVersion(null);
    vm.getMetadata().setGeneration(null);
    vm.getMetadata().setManagedFields(null);
    return new ObjectMapper().valueToTree(vm);
  }
}
