package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The VMs of one cluster as they are seen now.
 *
 * @param machines by name, in order
 * @param instances of those that have one
 * @param missing names in the spec without a VM
 */
record MemberSet(
    SortedMap<String, VirtualMachine> machines,
    Map<String, VirtualMachineInstance> instances,
    List<String> missing) {

  /** Finds a cluster's VMs among those of its namespace. */
  static MemberSet of(
      HACluster cluster,
      Stream<VirtualMachine> machines,
      Stream<VirtualMachineInstance> instances) {
    SortedMap<String, VirtualMachine> found = new TreeMap<>();
    machines
        .filter(vm -> vm.getMetadata().getDeletionTimestamp() == null && belongs(cluster, vm))
        .forEach(vm -> found.put(vm.getMetadata().getName(), vm));
    Map<String, VirtualMachineInstance> running = new TreeMap<>();
    instances
        .filter(vmi -> found.containsKey(vmi.getMetadata().getName()))
        .forEach(vmi -> running.put(vmi.getMetadata().getName(), vmi));
    List<String> missing = new ArrayList<>(cluster.getSpec().members().names());
    missing.removeAll(found.keySet());
    return new MemberSet(found, running, missing);
  }

  /** True if this VM is a member of the cluster by its spec. */
  static boolean belongs(HACluster cluster, VirtualMachine vm) {
    if (!cluster.getMetadata().getNamespace().equals(vm.getMetadata().getNamespace())) {
      return false;
    }
    Optional<LabelSelector> selector = cluster.getSpec().members().bySelector();
    return selector.isPresent()
        ? matches(selector.get(), vm)
        : cluster.getSpec().members().names().contains(vm.getMetadata().getName());
  }

  private static boolean matches(LabelSelector selector, VirtualMachine vm) {
    Map<String, String> labels = Optional.ofNullable(vm.getMetadata().getLabels()).orElse(Map.of());
    boolean byLabels =
        Optional.ofNullable(selector.getMatchLabels()).orElse(Map.of()).entrySet().stream()
            .allMatch(e -> e.getValue().equals(labels.get(e.getKey())));
    return byLabels
        && Optional.ofNullable(selector.getMatchExpressions()).orElse(List.of()).stream()
            .allMatch(
                e -> {
                  String value = labels.get(e.getKey());
                  return switch (e.getOperator()) {
                    case "In" -> value != null && e.getValues().contains(value);
                    case "NotIn" -> value == null || !e.getValues().contains(value);
                    case "Exists" -> value != null;
                    case "DoesNotExist" -> value == null;
                    default -> false;
                  };
                });
  }

  Optional<VirtualMachineInstance> instance(String name) {
    return Optional.ofNullable(instances.get(name));
  }
}
