package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.GuestProgram.Install;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.NameTakenException;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.ByCloudInit;
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
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Gives every member's VM its sync NIC and sidecar, and takes them away again once neither the spec
 * nor the record names it. Idempotent; writes only what differs.
 */
final class Preparation {
  /** KubeVirt's own words (vmi-create-admitter.go). */
  private static final String GATE_IS_OFF = "sidecar feature gate is not enabled";

  private static final String NEEDS_THE_GATE =
      "KubeVirt refuses sidecars: add Sidecar to"
          + " spec.configuration.developerConfiguration.featureGates of the KubeVirt resource, as"
          + " docs/install.md says.";

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
   * @param addresses of each member on the sync network; also of those that leave
   * @param troubles what a person must mend
   * @param uninstalled why the guest program may not have come by cloud-init to members that it is
   *     to come to so, and what to do
   */
  record Result(
      SortedMap<String, SyncAddress> addresses,
      Map<String, MacAddress> macs,
      List<Trouble> troubles,
      Map<String, String> uninstalled) {}

  /** The image of the sidecars. */
  String sidecarImage() {
    return sidecars.image();
  }

  Result prepare(HACluster cluster, MemberSet members) {
    List<Trouble> troubles = new ArrayList<>();
    SortedMap<String, SyncAddress> addresses = new TreeMap<>();
    Map<String, MacAddress> macs = new TreeMap<>();
    Map<String, String> uninstalled = new TreeMap<>();
    if (!members.missing().isEmpty()) {
      troubles.add(
          new Trouble(
              "NoSuchVM",
              "There is no VirtualMachine %s in this namespace: create it or correct spec.members."
                  .formatted(String.join(", ", members.missing()))));
    }
    if (members.machines().isEmpty()) {
      if (troubles.isEmpty()) {
        troubles.add(
            new Trouble(
                "NoMembers",
                members.leaving().isEmpty()
                    ? "No VirtualMachine matches spec.members."
                    : "No VirtualMachine matches spec.members: the members that there are stay."));
      }
      if (members.leaving().isEmpty()) {
        return new Result(addresses, macs, troubles, uninstalled);
      }
    }
    try {
      SyncAttachment attachment = SyncAttachment.of(cluster);
      attachment.definition().ifPresent(wanted -> define(cluster, wanted));
      addresses.putAll(assign(SyncSubnet.parse(cluster.getSpec().syncNetwork().cidr()), members));
      addresses.forEach(
          (name, address) -> {
            MacAddress mac =
                MacAddress.ofMember(
                    cluster.getMetadata().getNamespace(), cluster.getMetadata().getName(), name);
            macs.put(name, mac);
            Optional.ofNullable(members.machines().get(name))
                .flatMap(vm -> attach(cluster, attachment, vm, mac, address))
                .ifPresent(troubles::add);
            whyNotInstalled(cluster, members, name).ifPresent(why -> uninstalled.put(name, why));
          });
    } catch (NameTakenException e) {
      troubles.add(new Trouble("NameTaken", e.getMessage()));
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
    return new Result(addresses, macs, troubles, uninstalled);
  }

  private Optional<String> whyNotInstalled(HACluster cluster, MemberSet members, String name) {
    VirtualMachine vm = members.machines().get(name);
    if (vm == null || cluster.getSpec().guestProgram().install() != Install.CLOUD_INIT) {
      return Optional.empty();
    }
    try {
      return nic.obstacleToCloudInit(vm)
          .or(() -> members.instance(name).flatMap(running -> ByCloudInit.delay(vm, running)));
    } catch (NetworkException e) {
      return Optional.empty(); // said already
    }
  }

  private SidecarHook hook(HACluster cluster, VirtualMachine vm) {
    SidecarHook hook = sidecars.hook(cluster.getMetadata().getName());
    boolean wanted = cluster.getSpec().guestProgram().install() == Install.CLOUD_INIT;
    return wanted && nic.obstacleToCloudInit(vm).isEmpty() ? hook.byCloudInit() : hook;
  }

  /** Who leaves keeps its address so long; where there is no other, a new member waits for it. */
  SortedMap<String, SyncAddress> assign(SyncSubnet subnet, MemberSet members) {
    Map<String, Optional<SyncAddress>> carried = new TreeMap<>();
    members.machines().forEach((name, vm) -> carried.put(name, nic.addressOf(vm)));
    members
        .leaving()
        .forEach((name, vm) -> nic.addressOf(vm).ifPresent(a -> carried.put(name, Optional.of(a))));
    try {
      return subnet.assign(carried);
    } catch (NetworkException e) {
      if (members.leaving().isEmpty()) {
        throw e;
      }
      carried.values().removeIf(Optional::isEmpty);
      return subnet.assign(carried);
    }
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
              new SyncNic.Wanted(name, attachment.reference(), mac, address, hook(cluster, vm))));
      return Optional.empty();
    } catch (KubeVirtException.Conflict e) {
      return Optional.empty(); // somebody changed it a moment ago: the change brings us here again
    } catch (KubeVirtException e) {
      return Optional.of(
          e.getMessage().contains(GATE_IS_OFF)
              ? new Trouble("SidecarGateOff", NEEDS_THE_GATE)
              : new Trouble("VMNotPatched", e.getMessage()));
    } catch (NetworkException e) {
      return Optional.of(new Trouble("VMNotUsable", e.getMessage()));
    }
  }

  private void define(HACluster cluster, NetworkAttachmentDefinition wanted) {
    NetworkAttachmentDefinition present = client.resource(wanted).get();
    if (present != null) {
      boolean right = wanted.getSpec().equals(present.getSpec());
      if (right && (cluster.owns(present) || !cluster.mayTake(present))) {
        return; // somebody else's that says what ours would is as good
      }
      cluster.requireOwn(present);
    }
    client.resource(wanted).fieldManager("virtquorum").forceConflicts().serverSideApply();
  }

  /**
   * Takes NIC and sidecar out of the VMs that carry this cluster's and are not to keep them.
   *
   * @param keeps tells by its name whether a VM is to keep them
   * @return what a person must mend by hand
   * @throws KubeVirtException if a VM could not be patched now, after all were tried; a mere
   *     conflict only if there was nothing worse; try again
   */
  List<Trouble> release(
      HACluster cluster, Stream<VirtualMachine> machines, Predicate<String> keeps) {
    String name = cluster.getMetadata().getName();
    List<Trouble> troubles = new ArrayList<>();
    List<KubeVirtException> failures = new ArrayList<>();
    machines
        .filter(vm -> !keeps.test(vm.getMetadata().getName()))
        .filter(vm -> carries(vm, name))
        .forEach(
            vm -> {
              try {
                detachment.detach(vm).ifPresent(troubles::add);
              } catch (KubeVirtException.Conflict e) {
                failures.addLast(e);
              } catch (KubeVirtException e) {
                failures.addFirst(e);
              }
            });
    if (!failures.isEmpty()) {
      KubeVirtException worst = failures.removeFirst();
      failures.forEach(worst::addSuppressed);
      throw worst;
    }
    return troubles;
  }

  /** True if a VM has NIC and sidecar of this cluster in its spec. */
  boolean carries(VirtualMachine vm, String cluster) {
    try {
      return nic.clusterOf(vm).filter(cluster::equals).isPresent();
    } catch (NetworkException e) {
      return false; // not readable, so not known to be this cluster's
    }
  }
}
