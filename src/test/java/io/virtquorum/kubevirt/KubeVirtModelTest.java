package io.virtquorum.kubevirt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.testing.Yaml;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KubeVirtModelTest {

  private final KubernetesSerialization fabric8 = new KubernetesSerialization();

  @Test
  void whoeverOwnsARichVmGetsEveryFieldBackUnchanged() throws IOException {
    JsonNode before = Yaml.tree("/kubevirt/rich-vm.yaml");
    VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);

    assertThat(new ObjectMapper().readTree(fabric8.asJson(vm))).isEqualTo(before);
  }

  @Test
  void whoeverOwnsARunningInstanceGetsEveryFieldBackUnchanged() throws IOException {
    JsonNode before = Yaml.tree("/kubevirt/rich-vmi.yaml");
    VirtualMachineInstance vmi = Yaml.read("/kubevirt/rich-vmi.yaml", VirtualMachineInstance.class);

    assertThat(new ObjectMapper().readTree(fabric8.asJson(vmi))).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{spec: {template: {metadata: {}, spec: {domain: {devices: {}}}}}}",
        "{spec: {template: {spec: {domain: {devices: {interfaces: []}}, networks: []}}}}",
        "{spec: {running: false, template: {metadata: {annotations: {}, labels: {}}}}}",
        "{spec: {template: {spec: {domain: {devices: {interfaces: [{name: x, sriov: {}}, {name: y, binding: {name: passt}}]}}}}}}",
        "{spec: {}, status: {}}"
      })
  void emptyAndUnusualPartsOfAVmStayAsTheyAre(String yaml) throws IOException {
    String text =
        "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: vm}, "
            + yaml.substring(1);
    JsonNode before = new com.fasterxml.jackson.dataformat.yaml.YAMLMapper().readTree(text);

    assertThat(new ObjectMapper().readTree(fabric8.asJson(Yaml.vm(text)))).isEqualTo(before);
  }

  @Test
  void theOperatorReadsWhatItNeedsOfAVmAndItsInstance() {
    VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);
    assertThat(vm.printableStatus()).isEqualTo("Running");
    assertThat(vm.restartRequired()).isTrue();
    assertThat(vm.networks()).extracting(Network::name).containsExactly("default", "storage");
    assertThat(vm.interfaces().get(1).macAddress()).isEqualTo("02:00:00:aa:bb:01");
    assertThat(vm.templateLabels()).containsEntry("app", "web");

    VirtualMachineInstance vmi = Yaml.read("/kubevirt/rich-vmi.yaml", VirtualMachineInstance.class);
    assertThat(vmi.running()).isTrue();
    assertThat(vmi.ready()).isTrue();
    assertThat(vmi.nodeName()).contains("node-2");
    assertThat(vmi.interfaceOn("default"))
        .map(InstanceInterface::ipAddress)
        .contains("10.244.1.23");
    assertThat(vmi.condition("AgentConnected")).get().matches(KubeVirtCondition::isTrue);
  }

  @Test
  void aVmThatSaysNothingReadsAsEmpty() {
    VirtualMachine vm = new VirtualMachine();
    assertThat(vm.networks()).isEmpty();
    assertThat(vm.interfaces()).isEmpty();
    assertThat(vm.templateAnnotations()).isEmpty();
    assertThat(vm.printableStatus()).isEmpty();
    assertThat(vm.restartRequired()).isFalse();
    assertThat(new VirtualMachineInstance().phase()).isEmpty();
    assertThat(new KubeVirt().deployed()).isFalse();
    assertThat(new KubeVirt().featureGates()).isEmpty();
  }
}
