package io.virtquorum.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.kubevirt.Interface;
import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.Network;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.testing.PatchedVm;
import io.virtquorum.testing.Yaml;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SyncNicTest {

  private static final String BARE =
      "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web-0, namespace: shop},"
          + " spec: {template: {spec: {domain: {devices: {}}}}}}";

  private final SyncNic nic = new SyncNic();
  private final ObjectMapper json = new ObjectMapper();

  private static SyncNic.Wanted wanted(String image) {
    return new SyncNic.Wanted(
        "web",
        "shop/web-sync",
        MacAddress.ofMember("shop", "web", "web-0"),
        new SyncAddress("172.31.77.12", 24),
        new SidecarHook(image, "IfNotPresent", List.of("sidecar", "--member=web-0")));
  }

  @Test
  void aVmWithoutNetworksKeepsItsPodNetworkWhenItGetsTheSyncNic() {
    VirtualMachine after =
        PatchedVm.apply(Yaml.vm(BARE), nic.attach(Yaml.vm(BARE), wanted("vq:1")));

    assertThat(after.networks())
        .extracting(Network::name)
        .containsExactly("default", SyncNic.NETWORK);
    assertThat(after.networks().get(0).pod()).isNotNull();
    assertThat(after.networks().get(1).multus().networkName()).isEqualTo("shop/web-sync");
    Interface ours = after.interfaces().get(1);
    assertThat(after.interfaces().get(0).masquerade()).isNotNull();
    assertThat(ours.bridge()).isNotNull();
    assertThat(ours.macAddress()).startsWith("0e:76:");
    assertThat(after.templateAnnotations().get(HookList.ANNOTATION))
        .isEqualTo(
            "[{\"image\":\"vq:1\",\"imagePullPolicy\":\"IfNotPresent\",\"args\":[\"sidecar\",\"--member=web-0\"]}]");
    assertThat(nic.addressOf(after)).contains(new SyncAddress("172.31.77.12", 24));
    assertThat(nic.clusterOf(after)).contains("web");
  }

  @Test
  void aVmThatWantsNoPodNetworkDoesNotGetOne() {
    VirtualMachine vm =
        Yaml.vm(BARE.replace("devices: {}", "devices: {autoattachPodInterface: false}"));
    assertThat(PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1"))).networks())
        .extracting(Network::name)
        .containsExactly(SyncNic.NETWORK);
  }

  @Test
  void aVmWithNetworksAndHooksOfItsOwnKeepsThemInTheirOrder() {
    VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);
    VirtualMachine after = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));

    assertThat(after.networks())
        .extracting(Network::name)
        .containsExactly("default", "storage", SyncNic.NETWORK);
    assertThat(after.interfaces().subList(0, 2)).isEqualTo(vm.interfaces());
    assertThat(after.templateAnnotations().get(HookList.ANNOTATION))
        .matches("\\[\\{.*smbios:1.*}, ?\\{.*vq:1.*}]");
  }

  static Stream<VirtualMachine> vms() {
    return Stream.of(
        Yaml.vm(BARE),
        Yaml.vm(BARE.replace("template: {", "template: {metadata: {creationTimestamp: null}, ")),
        Yaml.vm(BARE.replace("template: {", "template: {metadata: {annotations: {}}, ")),
        Yaml.vm(BARE.replace("namespace: shop", "namespace: shop, annotations: {note: mine}")),
        Yaml.vm(BARE.replace("devices: {}", "devices: {interfaces: []}")),
        Yaml.vm(BARE.replace("domain: {devices: {}}", "domain: {}")),
        Yaml.vm(
            BARE.replace(
                "template: {",
                "template: {metadata: {annotations: {hooks.kubevirt.io/hookSidecars: '[]'}}, ")),
        Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class));
  }

  @ParameterizedTest
  @MethodSource("vms")
  void aVmThatLeavesItsClusterIsAsItWasFound(VirtualMachine vm) {
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    VirtualMachine upgraded = PatchedVm.apply(member, nic.attach(member, wanted("vq:2")));
    VirtualMachine left = PatchedVm.apply(upgraded, nic.detach(upgraded));

    assertThat(json.<JsonNode>valueToTree(left)).isEqualTo(json.valueToTree(vm));
    assertThat(nic.detach(left).isEmpty()).isTrue();
  }

  @ParameterizedTest
  @MethodSource("vms")
  void aVmThatHasEverythingIsNotTouchedAgain(VirtualMachine vm) {
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    assertThat(nic.attach(member, wanted("vq:1")).isEmpty()).isTrue();
  }

  @Test
  void anUpgradeReplacesOurHookInItsPlaceEvenBeforeOthers() {
    VirtualMachine vm = Yaml.vm(BARE);
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    String hooks = member.templateAnnotations().get(HookList.ANNOTATION);
    VirtualMachine withAnother =
        edit(member, hooks, hooks.replace("}]", "},{\"image\":\"other:1\"}]"));

    VirtualMachine after = PatchedVm.apply(withAnother, nic.attach(withAnother, wanted("vq:2")));

    assertThat(after.templateAnnotations().get(HookList.ANNOTATION))
        .startsWith("[{\"image\":\"vq:2\"")
        .endsWith(",{\"image\":\"other:1\"}]")
        .doesNotContain("vq:1");
  }

  @Test
  void ourHookIsFoundAgainWhenAPersonChangedItsImage() {
    VirtualMachine vm = Yaml.vm(BARE);
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    String hooks = member.templateAnnotations().get(HookList.ANNOTATION);
    VirtualMachine edited = edit(member, hooks, hooks.replace("vq:1", "vq:mine"));

    VirtualMachine after = PatchedVm.apply(edited, nic.attach(edited, wanted("vq:2")));

    assertThat(after.templateAnnotations().get(HookList.ANNOTATION))
        .startsWith("[{\"image\":\"vq:2\"")
        .doesNotContain("vq:mine");
  }

  @Test
  void aVmWhoseOwnerAddedANetworkMeanwhileKeepsThePodNetworkWhenItLeaves() {
    VirtualMachine vm = Yaml.vm(BARE);
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    VirtualMachine edited =
        edit(
            member,
            "{\"name\":\"" + SyncNic.NETWORK + "\",\"multus\"",
            "{\"name\":\"lan\",\"multus\":{\"networkName\":\"lan\"}},{\"name\":\""
                + SyncNic.NETWORK
                + "\",\"multus\"");

    assertThat(PatchedVm.apply(edited, nic.detach(edited)).networks())
        .extracting(Network::name)
        .containsExactly("default", "lan");
  }

  @Test
  void aChangeMadeMeanwhileMakesThePatchFail() {
    VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);
    JsonPatch patch = nic.attach(vm, wanted("vq:1"));
    VirtualMachine edited = edit(vm, "infra/storage", "infra/other");

    assertThatThrownBy(() -> PatchedVm.apply(edited, patch)).hasMessageContaining("networks");
  }

  @Test
  void aVmOfAnotherClusterIsRefusedWithItsName() {
    VirtualMachine vm = Yaml.vm(BARE);
    VirtualMachine member = PatchedVm.apply(vm, nic.attach(vm, wanted("vq:1")));
    SyncNic.Wanted other =
        new SyncNic.Wanted(
            "db", "shop/db-sync", wanted("").mac(), wanted("").address(), wanted("").hook());

    assertThatThrownBy(() -> nic.attach(member, other))
        .isInstanceOf(NetworkException.class)
        .hasMessage(
            "VM shop/web-0 is a member of HACluster web already: take it out of one of them.");
  }

  @Test
  void aForeignNetworkOfOurNameIsRefused() {
    VirtualMachine vm =
        Yaml.vm(
            BARE.replace(
                "spec: {domain", "spec: {networks: [{name: virtquorum-sync, pod: {}}], domain"));
    assertThatThrownBy(() -> nic.attach(vm, wanted("vq:1"))).hasMessageContaining("rename it");
  }

  @Test
  void aHookAnnotationThatIsNoListIsRefusedAndNotOverwritten() {
    VirtualMachine vm =
        Yaml.vm(
            BARE.replace(
                "template: {",
                "template: {metadata: {annotations: {hooks.kubevirt.io/hookSidecars: oops}}, "));
    assertThatThrownBy(() -> nic.attach(vm, wanted("vq:1"))).hasMessageContaining("no JSON list");
  }

  private static VirtualMachine edit(VirtualMachine vm, String from, String to) {
    KubernetesSerialization fabric8 = new KubernetesSerialization();
    String text = fabric8.asJson(vm);
    String quotedFrom = text.contains(from) ? from : from.replace("\"", "\\\"");
    String quotedTo = text.contains(from) ? to : to.replace("\"", "\\\"");
    return fabric8.unmarshal(text.replace(quotedFrom, quotedTo), VirtualMachine.class);
  }
}
