package io.virtquorum.operator;

import io.virtquorum.adjudicate.Authority;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.ConnectedBonus;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.api.Mode;
import io.virtquorum.api.Voting;
import io.virtquorum.kubevirt.InstanceInterface;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.network.MacAddress;
import io.virtquorum.vote.VotingRule;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Derives an adjudicator's settings from the spec and the VMs. Pure. */
final class SettingsFactory {
  private SettingsFactory() {}

  static ClusterSettings settings(
      HACluster cluster, MemberSet members, Preparation.Result prepared) {
    HAClusterSpec spec = cluster.getSpec();
    Map<String, ClusterSettings.Vm> vms = new TreeMap<>();
    prepared
        .addresses()
        .forEach(
            (name, address) ->
                vms.put(
                    name,
                    vm(
                        members.instance(name),
                        Optional.ofNullable(prepared.macs().get(name)),
                        address.toString())));
    return new ClusterSettings(
        config(cluster, members),
        vms,
        spec.state(),
        spec.access().ports().stream()
            .filter(p -> p.protocol() == AccessPort.Protocol.TCP)
            .map(AccessPort::guestPort)
            .toList(),
        spec.timing().beat(),
        spec.timing().quick(),
        spec.timing().audit(),
        spec.archive().entries(),
        spec.archive().maxBytes(),
        spec.audit().bytesPerSecond(),
        spec.guestProgram().update(),
        annotation(cluster, ClusterSettings.AUDIT).orElse(""));
  }

  private static ClusterSettings.Vm vm(
      Optional<VirtualMachineInstance> instance, Optional<MacAddress> mac, String syncAddress) {
    return new ClusterSettings.Vm(
        instance.map(i -> i.getMetadata().getUid()),
        instance.filter(VirtualMachineInstance::running).isPresent(),
        instance.flatMap(VirtualMachineInstance::nodeName),
        instance.filter(VirtualMachineInstance::running).flatMap(SettingsFactory::podAddress),
        mac.map(MacAddress::text).orElse(""),
        syncAddress);
  }

  /** The address of the pod network's interface: where users reach the guest. */
  private static Optional<String> podAddress(VirtualMachineInstance instance) {
    return Optional.ofNullable(instance.getSpec()).stream()
        .flatMap(spec -> Stream.ofNullable(spec.networks()).flatMap(List::stream))
        .filter(network -> network.multus() == null)
        .flatMap(network -> instance.interfaceOn(network.name()).stream())
        .map(InstanceInterface::ipAddress)
        .filter(address -> address != null && !address.isEmpty())
        .findFirst();
  }

  /** The members that are wanted; a spec that names no VM at all is no wish that all leave. */
  private static Map<String, Integer> wanted(HACluster cluster, MemberSet members) {
    if (members.machines().isEmpty()) {
      return members.recorded();
    }
    Set<String> names = new TreeSet<>(members.machines().keySet());
    names.addAll(members.missing());
    Map<String, Integer> weights = new TreeMap<>();
    names.forEach(name -> weights.put(name, cluster.getSpec().voting().weightOf(name)));
    return weights;
  }

  static Config config(HACluster cluster, MemberSet members) {
    HAClusterSpec spec = cluster.getSpec();
    return new Config(
        wanted(cluster, members),
        spec.mode() == Mode.OBSERVE,
        voting(spec.voting()),
        new Config.Timing(spec.timing().settle(), spec.failover().patience()),
        spec.state().files().stream().anyMatch(tree -> tree.canQuiesce()),
        new Config.Bootstrap(spec.bootstrap().source(), spec.bootstrap().vote()),
        annotation(cluster, ClusterSettings.PROMOTE));
  }

  private static Config.Voting voting(Voting voting) {
    return new Config.Voting(
        switch (voting.authority()) {
          case RECORD -> Authority.RECORD;
          case VOTES -> Authority.VOTES;
        },
        switch (voting.rule()) {
          case STRICT_MAJORITY -> VotingRule.STRICT_MAJORITY;
          case AT_LEAST_HALF -> VotingRule.AT_LEAST_HALF;
          case PLURALITY -> VotingRule.PLURALITY;
        },
        voting.connectedBonus() instanceof ConnectedBonus.Fixed fixed
            ? OptionalInt.of(fixed.weight())
            : OptionalInt.empty());
  }

  /** What a person asks for by an annotation; an empty one asks for nothing. */
  private static Optional<String> annotation(HACluster cluster, String name) {
    return Optional.ofNullable(cluster.getMetadata().getAnnotations())
        .map(annotations -> annotations.get(name))
        .filter(value -> !value.isEmpty());
  }
}
