package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.MacAddress;
import io.virtquorum.network.NetworkAttachmentDefinition;
import io.virtquorum.network.NetworkException;
import io.virtquorum.network.SidecarHook;
import io.virtquorum.network.SyncAddress;
import io.virtquorum.network.SyncAttachment;
import io.virtquorum.network.SyncNic;
import io.virtquorum.network.SyncSubnet;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Gives every member's VM its sync NIC and sidecar, and takes them away again. Idempotent; writes
 * only what differs.
 */
final class Preparation {
  private final KubernetesClient client;
  private final KubeVirtClient kubevirt;
  private final Sidecars sidecars;
  private final SyncNic nic = new SyncNic();
  private final Detachment detachment;

  /**
   * How sidecars are started.
   *
   * @param image of the sidecar
   * @param adjudicator name and port of the operator's Service
   * @param adjudicatorIp its ClusterIP and port, for clusters without DNS
   */
  record Sidecars(String image, String adjudicator, String adjudicatorIp) {
    SidecarHook hook(String cluster) {
      return new SidecarHook(
          image,
          "IfNotPresent",
          List.of(
              "sidecar",
              "--cluster=" + cluster,
              "--adjudicator=" + adjudicator,
              "--adjudicator-ip=" + adjudicatorIp));
    }
  }

  Preparation(KubernetesClient client, KubeVirtClient kubevirt, Sidecars sidecars) {
    this.client = client;
    this.kubevirt = kubevirt;
    this.sidecars = sidecars;
    this.detachment = new Detachment(kubevirt, nic);
  }

  /**
   * How it went.
   *
   * @param addresses of each member on the sync network
   * @param troubles what a person must mend
   */
  record Result(
      SortedMap<String, SyncAddress> addresses,
      Map<String, MacAddress> macs,
      List<Trouble> troubles) {}

  Result prepare(HACluster cluster, MemberSet members) {
    List<Trouble> troubles = new ArrayList<>();
    SortedMap<String, SyncAddress> addresses = new TreeMap<>();
    Map<String, MacAddress> macs = new TreeMap<>();
    if (!members.missing().isEmpty()) {
      troubles.add(
          new Trouble(
              "NoSuchVM",
              "There is no VirtualMachine %s in this namespace: create it or correct spec.members."
                  .formatted(String.join(", ", members.missing()))));
    }
    if (members.machines().isEmpty()) {
      if (troubles.isEmpty()) {
        troubles.add(new Trouble("NoMembers", "No VirtualMachine matches spec.members."));
      }
      return new Result(addresses, macs, troubles);
    }
    try {
      SyncAttachment attachment = SyncAttachment.of(cluster);
      attachment.definition().ifPresent(this::define);
      Map<String, Optional<SyncAddress>> carried = new TreeMap<>();
      members.machines().forEach((name, vm) -> carried.put(name, nic.addressOf(vm)));
      addresses.putAll(SyncSubnet.parse(cluster.getSpec().syncNetwork().cidr()).assign(carried));
      for (var member : members.machines().entrySet()) {
        MacAddress mac =
            MacAddress.ofMember(
                cluster.getMetadata().getNamespace(),
                cluster.getMetadata().getName(),
                member.getKey());
        macs.put(member.getKey(), mac);
        attach(cluster, attachment, member.getValue(), mac, addresses.get(member.getKey()))
            .ifPresent(troubles::add);
      }
    } catch (NetworkException e) {
      troubles.add(new Trouble("SyncNetworkUnusable", e.getMessage()));
    } catch (KubernetesClientException e) {
      troubles.add(
          e.getCode() == HttpURLConnection.HTTP_NOT_FOUND
              ? new Trouble(
                  "MultusMissing",
                  "The cluster does not know NetworkAttachmentDefinitions: install Multus.")
              : new Trouble(
                  "ApiServerRefused", "The API server refused a write: " + e.getMessage()));
    }
    return new Result(addresses, macs, troubles);
  }

  private Optional<Trouble> attach(
      HACluster cluster,
      SyncAttachment attachment,
      VirtualMachine vm,
      MacAddress mac,
      SyncAddress address) {
    String name = cluster.getMetadata().getName();
    try {
      kubevirt.patch(
          vm,
          nic.attach(
              vm,
              new SyncNic.Wanted(name, attachment.reference(), mac, address, sidecars.hook(name))));
      return Optional.empty();
    } catch (KubeVirtException.Conflict e) {
      return Optional.empty(); // somebody changed it a moment ago: the change brings us here again
    } catch (KubeVirtException e) {
      return Optional.of(new Trouble("VMNotPatched", e.getMessage()));
    } catch (NetworkException e) {
      return Optional.of(new Trouble("VMNotUsable", e.getMessage()));
    }
  }

  private void define(NetworkAttachmentDefinition wanted) {
    NetworkAttachmentDefinition present = client.resource(wanted).get();
    if (present == null || !wanted.getSpec().equals(present.getSpec())) {
      client.resource(wanted).fieldManager("virtquorum").forceConflicts().serverSideApply();
    }
  }

  /**
   * Takes NIC and sidecar out of the VMs that carry this cluster's and are none of its members.
   *
   * @return what a person must mend by hand
   * @throws KubeVirtException if a VM could not be patched now; try again
   */
  List<Trouble> release(HACluster cluster, Stream<VirtualMachine> machines, MemberSet keep) {
    String name = cluster.getMetadata().getName();
    List<Trouble> troubles = new ArrayList<>();
    machines
        .filter(vm -> !keep.machines().containsKey(vm.getMetadata().getName()))
        .filter(vm -> carries(vm, name))
        .forEach(vm -> detachment.detach(vm).ifPresent(troubles::add));
    return troubles;
  }

  private boolean carries(VirtualMachine vm, String cluster) {
    try {
      return nic.clusterOf(vm).filter(cluster::equals).isPresent();
    } catch (NetworkException e) {
      return false; // not readable, so not known to be this cluster's
    }
  }
}
