package io.virtquorum.network;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.testing.PatchedVm;
import io.virtquorum.testing.Yaml;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ByCloudInitTest {
  private final SyncNic nic = new SyncNic();

  @ParameterizedTest
  @ValueSource(strings = {"cloudInitNoCloud", "cloudInitConfigDrive"})
  void givenACloudInitVolumeAndNoOtherHookThenItsSidecarMayAsk(String source) {
    VirtualMachine vm = vm("{name: ci, %s: {userData: x}}".formatted(source), "");
    assertThat(nic.obstacleToCloudInit(vm)).isEmpty();
    assertThat(nic.obstacleToCloudInit(member(vm, List.of("sidecar", "--cluster=web")))).isEmpty();
  }

  /** It would not start. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{name: root, containerDisk: {image: x}}",
        "{name: c, cloudInitNoCloud: null}"
      })
  void givenNoCloudInitVolumeThenItsSidecarMustNotAsk(String volume) {
    assertThat(nic.obstacleToCloudInit(vm(volume, "")).orElseThrow()).contains("has no volume");
  }

  @Test
  void givenAnotherHookThenItsSidecarMustNotAsk() {
    VirtualMachine vm =
        vm("{name: ci, cloudInitNoCloud: {userData: x}}", "[{\"image\":\"other:1\"}]");
    assertThat(nic.obstacleToCloudInit(vm).orElseThrow()).contains("another hook sidecar");
    assertThat(nic.obstacleToCloudInit(member(vm, List.of("sidecar"))).orElseThrow())
        .contains("another hook sidecar");
  }

  @Test
  void givenAMemberWhenItsSidecarIsToAskOrNotAnyMoreThenItsOneHookChangesInItsPlace() {
    VirtualMachine vm = vm("{name: ci, cloudInitNoCloud: {userData: x}}", "");
    VirtualMachine before = member(vm, List.of("sidecar", "--cluster=web"));
    VirtualMachine asks = PatchedVm.apply(before, nic.attach(before, wanted(hook().byCloudInit())));
    assertThat(hooks(asks))
        .isEqualTo(
            "[{\"image\":\"vq:1\",\"imagePullPolicy\":\"IfNotPresent\",\"args\":[\"sidecar\",\"--cluster=web\",\"--cloud-init\"]}]");
    VirtualMachine after = PatchedVm.apply(asks, nic.attach(asks, wanted(hook())));
    assertThat(hooks(after)).isEqualTo(hooks(before));
    assertThat(hooks(PatchedVm.apply(asks, nic.detach(asks)))).isEmpty();
  }

  /** Two sidecars of ours would keep the VM from starting. */
  @Test
  void givenAnImageThatAPersonChangedWhenTheSidecarIsToAskThenThereIsStillOneHook() {
    VirtualMachine member =
        member(vm("{name: ci, cloudInitNoCloud: {userData: x}}", ""), hook().args());
    var fabric8 = new KubernetesSerialization();
    ObjectNode tree = fabric8.convertValue(member, ObjectNode.class);
    ((ObjectNode) tree.at("/spec/template/metadata/annotations"))
        .put(HookList.ANNOTATION, hooks(member).replace("vq:1", "mine:2"));
    VirtualMachine edited = fabric8.convertValue(tree, VirtualMachine.class);
    assertThat(hooks(edited)).contains("mine:2");
    assertThat(hooks(PatchedVm.apply(edited, nic.attach(edited, wanted(hook().byCloudInit())))))
        .containsOnlyOnce("--cluster=web")
        .contains("--cloud-init");
  }

  @Test
  void givenARunningMemberWithoutItsProgramThenWhyItMayNotHaveComeIsKnown() {
    VirtualMachine noCloud = vm("{name: ci, cloudInitNoCloud: {userData: x}}", "");
    VirtualMachine drive = vm("{name: ci, cloudInitConfigDrive: {userData: x}}", "");
    assertThat(ByCloudInit.delay(noCloud, instance("[{\"args\":[\"sidecar\"]}]")).orElseThrow())
        .contains("restart it");
    assertThat(ByCloudInit.delay(noCloud, instance(null)).orElseThrow()).contains("restart it");
    String asks = "[{\"args\":[\"sidecar\",\"--cloud-init\"]}]";
    assertThat(ByCloudInit.delay(noCloud, instance(asks))).isEmpty();
    assertThat(ByCloudInit.delay(drive, instance(asks)).orElseThrow()).contains("booted before");
  }

  private static VirtualMachineInstance instance(String hooks) {
    VirtualMachineInstance instance = new VirtualMachineInstance();
    if (hooks != null) {
      instance.getMetadata().setAnnotations(Map.of(HookList.ANNOTATION, hooks));
    }
    return instance;
  }

  private static VirtualMachine vm(String volume, String hooks) {
    return Yaml.vm(
        ("{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web-0, namespace: shop},"
                + " spec: {template: {metadata: {annotations: {%s}},"
                + " spec: {domain: {devices: {}}, volumes: [%s]}}}}")
            .formatted(
                hooks.isEmpty() ? "" : "'%s': '%s'".formatted(HookList.ANNOTATION, hooks), volume));
  }

  private VirtualMachine member(VirtualMachine vm, List<String> args) {
    return PatchedVm.apply(
        vm, nic.attach(vm, wanted(new SidecarHook("vq:1", "IfNotPresent", args))));
  }

  private static SidecarHook hook() {
    return new SidecarHook("vq:1", "IfNotPresent", List.of("sidecar", "--cluster=web"));
  }

  private static SyncNic.Wanted wanted(SidecarHook hook) {
    return new SyncNic.Wanted(
        "web",
        "shop/web-sync",
        MacAddress.ofMember("shop", "web", "web-0"),
        new SyncAddress("172.31.77.12", 24),
        hook);
  }

  private static String hooks(VirtualMachine vm) {
    return vm.templateAnnotations().getOrDefault(HookList.ANNOTATION, "");
  }
}
