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
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The VMs of one cluster as they are seen now.
 *
 * @param machines those that the spec names, by name, in order
 * @param leaving those that only the record still names and that carry NIC and sidecar: they keep
 *     both until the record lets them go
 * @param instances of those of either kind that have one
 * @param missing names in the spec without a VM
 * @param recorded base weights by the record
 */
record MemberSet(
    SortedMap<String, VirtualMachine> machines,
    SortedMap<String, VirtualMachine> leaving,
    Map<String, VirtualMachineInstance> instances,
    List<String> missing,
    Map<String, Integer> recorded) {

  /**
   * Finds a cluster's VMs among those of its namespace.
   *
   * @param recorded base weights by the record
   * @param carries tells whether a VM has this cluster's NIC and sidecar in its spec
   */
  static MemberSet of(
      HACluster cluster,
      Map<String, Integer> recorded,
      Stream<VirtualMachine> machines,
      Stream<VirtualMachineInstance> instances,
      Predicate<VirtualMachine> carries) {
    SortedMap<String, VirtualMachine> found = new TreeMap<>();
    SortedMap<String, VirtualMachine> leaving = new TreeMap<>();
    machines
        .filter(vm -> vm.getMetadata().getDeletionTimestamp() == null)
        .forEach(
            vm -> {
              String name = vm.getMetadata().getName();
              if (belongs(cluster, vm)) {
                found.put(name, vm);
              } else if (recorded.containsKey(name) && carries.test(vm)) {
                leaving.put(name, vm);
              }
            });
    Map<String, VirtualMachineInstance> running = new TreeMap<>();
    instances
        .filter(
            vmi ->
                found.containsKey(vmi.getMetadata().getName())
                    || leaving.containsKey(vmi.getMetadata().getName()))
        .forEach(vmi -> running.put(vmi.getMetadata().getName(), vmi));
    List<String> missing = new ArrayList<>(cluster.getSpec().members().names());
    missing.removeAll(found.keySet());
    return new MemberSet(found, leaving, running, missing, recorded);
  }

  /** True if this VM has NIC and sidecar, or is to get them. */
  boolean isEquipped(String name) {
    return machines.containsKey(name) || leaving.containsKey(name);
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
