package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.grpc.Status;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.SyncNic;
import io.virtquorum.testing.ApiServer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Members that the spec no longer names: equipped and led until the record lets them go. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class LeavingMembersIT {
  @AutoClose private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
  }

  @Test
  void givenAMemberThatMustStayForNowThenItKeepsNicAndAddressAndIsReleasedOnceItLeft()
      throws IOException {
    scene.committed();
    scene.members.get("web-2").obeys(false);
    scene.members.get("web-0").write("index.html", "on web-0 and web-1");
    scene.until(() -> scene.epoch() == 2);
    ScriptedMember leaving = scene.members.get("web-1");
    List<Status> refusedAsItStarted = leaving.ends();
    names("web-0", "web-2");
    scene.until(
        () ->
            scene
                .condition("InSync")
                .filter(c -> c.getReason().equals("MembershipWaits"))
                .isPresent());
    int told = leaving.configured().size();
    scene.settled();
    assertThat(isEquipped("web-1")).isTrue();
    assertThat(leaving.ends()).isEqualTo(refusedAsItStarted);
    assertThat(leaving.configured().subList(told - 1, leaving.configured().size()))
        .allMatch(c -> c.getSyncAddress().startsWith("172.31.77."));

    scene.members.get("web-2").obeys(true);
    scene.until(() -> scene.voters().keySet().equals(Set.of("web-0", "web-2")));
    scene.until(() -> !isEquipped("web-1"));
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(isEquipped("web-0")).isTrue();
    assertThat(scene.kubevirt.restarts()).isEmpty();
  }

  @Test
  void givenThePrimaryWithAWriteThatOnlyItHasThenItIsCopiedAndCommittedAndAnotherLeadsOn()
      throws IOException {
    scene.committed();
    scene.members.get("web-1").obeys(false);
    scene.members.get("web-2").obeys(false);
    scene.members.get("web-0").write("index.html", "only on web-0");
    scene.until(() -> scene.cluster().getStatus().exposureSince() != null);
    names("web-1", "web-2");
    scene.settled();
    assertThat(scene.primary()).isEqualTo("web-0");
    assertThat(isEquipped("web-0")).isTrue();

    scene.members.get("web-1").obeys(true);
    scene.members.get("web-2").obeys(true);
    scene.until(() -> scene.voters().keySet().equals(Set.of("web-1", "web-2")));
    assertThat(scene.epoch()).isEqualTo(2);
    String leads = scene.primary(); // both copied it at once
    assertThat(leads).isIn("web-1", "web-2");
    scene.until(() -> scene.leadsTo().filter(scene.addressOf(leads)::equals).isPresent());
    scene.until(() -> !isEquipped("web-0"));
    for (String name : List.of("web-1", "web-2")) {
      scene.until(() -> "only on web-0".equals(scene.members.get(name).files().get("index.html")));
    }
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.cluster().getStatus().lastFailover().reason())
        .isEqualTo("the spec no longer names the primary web-0");
    scene.until(() -> !scene.events("SwitchedOver").isEmpty());
  }

  @Test
  void givenTheOtherOfTwoDiffersThenItIsRepairedOverItsSyncAddressAndThenReleased()
      throws IOException {
    two();
    scene.members.get("web-1").obeys(false);
    scene.members.get("web-1").write("index.html", "nobody's");
    scene.until(() -> scene.cluster().getStatus().inSync().equals("1/2"));
    names("web-0");
    scene.until(
        () ->
            scene
                .condition("InSync")
                .filter(c -> c.getReason().equals("MembershipWaits"))
                .isPresent());
    assertThat(scene.isTrue("Stalled")).isFalse();
    scene.members.get("web-1").obeys(true);
    scene.until(() -> scene.voters().keySet().equals(Set.of("web-0")));
    assertThat(scene.members.get("web-1").files()).containsEntry("index.html", "hello");
    scene.until(() -> !isEquipped("web-1"));
  }

  @Test
  void givenTheOtherOfTwoIsDeletedThenNobodyWaitsForIt(KubernetesClient client) throws IOException {
    two();
    scene.members.get("web-1").close();
    client.resources(VirtualMachine.class).withName("web-1").delete();
    scene.kubevirt.stop("web-1");
    names("web-0");
    scene.until(() -> scene.voters().keySet().equals(Set.of("web-0")));
    scene.members.get("web-0").write("index.html", "alone");
    scene.until(() -> scene.epoch() == 2);
  }

  @Test
  void givenASpecThatNamesNoVmThereIsThenNobodyLeavesAndNothingIsReleased() throws IOException {
    scene.committed();
    names("wed-0", "wed-1");
    scene.until(() -> scene.is("Stalled", "NoSuchVM"));
    scene.settled();
    scene.forAWhile(() -> scene.voters().size() == 3 && isEquipped("web-0"));
    names("web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready"));
  }

  private void two() throws IOException {
    scene.machines("web-0", "web-1");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1"));
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1");
    scene.until(() -> scene.epoch() == 1 && scene.isTrue("Ready"));
  }

  private void names(String... names) {
    HAClusterSpec spec = Scene.spec(names);
    scene.until(
        () -> {
          try {
            scene.edit(
                c -> {
                  c.setSpec(spec);
                  return c;
                });
            return true;
          } catch (KubernetesClientException e) {
            return false; // the operator wrote the status meanwhile
          }
        });
  }

  private boolean isEquipped(String name) {
    VirtualMachine vm = scene.kubevirt.machine(name);
    Map<String, String> annotations = vm.getMetadata().getAnnotations();
    return vm.networks().stream().anyMatch(n -> n.name().equals(SyncNic.NETWORK))
        && vm.templateAnnotations().toString().contains("--cluster=web")
        && annotations != null
        && annotations.containsKey(SyncNic.ADDRESS);
  }
}
