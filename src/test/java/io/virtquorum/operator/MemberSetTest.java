package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.NetworkException;
import io.virtquorum.network.SyncNic;
import io.virtquorum.network.SyncSubnet;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Which VMs are a cluster's: those of the spec, and those that the record has not let go yet. */
final class MemberSetTest {
  private final Preparation preparation = new Preparation(null, null, null);

  @Test
  void givenAVmThatOnlyTheRecordNamesAndThatCarriesOursThenItLeavesAndKeepsIt() {
    MemberSet members = members(recorded(3), "web-0 web-1", vm(0), vm(1), vm(2));
    assertThat(members.machines()).containsOnlyKeys("web-0", "web-1");
    assertThat(members.leaving()).containsOnlyKeys("web-2");
    assertThat(members.isEquipped("web-2")).isTrue();
    assertThat(SettingsFactory.config(cluster("web-0 web-1"), members).members())
        .containsOnlyKeys("web-0", "web-1");
  }

  @Test
  void givenThatTheRecordLetItGoThenItIsNobody() {
    MemberSet members = members(recorded(2), "web-0 web-1", vm(0), vm(1), vm(2));
    assertThat(members.leaving()).isEmpty();
    assertThat(members.isEquipped("web-2")).isFalse();
  }

  @Test
  void givenAVmWithoutThePartsOrOfAnotherClusterThenItIsNotEquippedForItsLeave() {
    VirtualMachine bare = vm(2);
    bare.getMetadata().setAnnotations(Map.of());
    VirtualMachine others = vm(2);
    others.getMetadata().setAnnotations(added("shop"));
    for (VirtualMachine vm : Arrays.asList(bare, others)) {
      assertThat(members(recorded(3), "web-0 web-1", vm(0), vm(1), vm).leaving()).isEmpty();
    }
  }

  @Test
  void givenAVmThatIsBeingDeletedThenNothingIsKeptForIt() {
    VirtualMachine vm = vm(2);
    vm.getMetadata().setDeletionTimestamp("2026-11-25T12:00:00Z");
    assertThat(members(recorded(3), "web-0 web-1", vm(0), vm(1), vm).leaving()).isEmpty();
  }

  @Test
  void givenASpecThatNamesNoVmThenItIsNoWishThatAllLeave() {
    MemberSet members = members(Map.of("web-0", 3, "web-1", 1), "wed-0", vm(0), vm(1));
    assertThat(members.missing()).containsExactly("wed-0");
    assertThat(members.leaving()).containsOnlyKeys("web-0", "web-1");
    assertThat(SettingsFactory.config(cluster("wed-0"), members).members())
        .isEqualTo(Map.of("web-0", 3, "web-1", 1));
  }

  @Test
  void givenAllAddressesInUseThenANewMemberWaitsForTheOneOfWhoLeaves() {
    SyncSubnet subnet = SyncSubnet.parse("172.31.77.0/29");
    VirtualMachine[] vms = new VirtualMachine[7];
    for (int i = 0; i < 7; i++) {
      vms[i] = vm(i);
      if (i < 6) {
        Map<String, String> carried = new HashMap<>(added("web"));
        carried.put(SyncNic.ADDRESS, "172.31.77." + (i + 1) + "/29");
        vms[i].getMetadata().setAnnotations(carried);
      }
    }
    vms[6].getMetadata().setAnnotations(Map.of());
    String names = "web-1 web-2 web-3 web-4 web-5 web-6";
    assertThat(preparation.assign(subnet, members(recorded(6), names, vms)))
        .containsOnlyKeys("web-0", "web-1", "web-2", "web-3", "web-4", "web-5");
    Map<String, Integer> after = new TreeMap<>(recorded(6));
    after.remove("web-0");
    assertThat(preparation.assign(subnet, members(after, names, vms)))
        .containsOnlyKeys("web-1", "web-2", "web-3", "web-4", "web-5", "web-6")
        .hasEntrySatisfying("web-6", a -> assertThat(a.ip()).isEqualTo("172.31.77.1"));
    assertThatThrownBy(() -> preparation.assign(subnet, members(after, "web-0 " + names, vms)))
        .isInstanceOf(NetworkException.class);
  }

  private MemberSet members(
      Map<String, Integer> recorded, String names, VirtualMachine... machines) {
    return MemberSet.of(
        cluster(names),
        recorded,
        Stream.of(machines),
        Stream.of(),
        vm -> preparation.carries(vm, "web"));
  }

  private static HACluster cluster(String names) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withNamespace("shop").withName("web").build());
    cluster.setSpec(Scene.spec(names.split(" ", -1)));
    return cluster;
  }

  private static Map<String, Integer> recorded(int members) {
    Map<String, Integer> recorded = new TreeMap<>();
    for (int i = 0; i < members; i++) {
      recorded.put("web-" + i, 1);
    }
    return recorded;
  }

  private static VirtualMachine vm(int number) {
    VirtualMachine vm = new VirtualMachine();
    vm.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace("shop")
            .withName("web-" + number)
            .withAnnotations(added("web"))
            .build());
    return vm;
  }

  private static Map<String, String> added(String cluster) {
    return Map.of(
        SyncNic.ADDED,
        "{\"cluster\":\"%s\",\"created\":[],\"defaultNetwork\":false}".formatted(cluster));
  }
}
