package io.virtquorum.operator;

import io.virtquorum.adjudicate.Command;
import io.virtquorum.api.RestartPolicy;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.network.SyncNic;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides which member is restarted next, so that it runs with its sync NIC and sidecar and by its
 * present spec: one at a time, and only while the others can do without it. The primary waits until
 * no other needs a restart, unless it has no sidecar. Pure.
 */
final class Rollout {
  private static final String HOOKS = "hooks.kubevirt.io/hookSidecars";

  private Rollout() {}

  /**
   * What to do.
   *
   * @param restart the member to restart now; empty: none
   * @param pending a sentence for each member that needs a restart
   */
  record Plan(Optional<String> restart, List<String> pending) {}

  /**
   * @param view empty before the cluster's adjudicator began
   */
  static Plan plan(String cluster, MemberSet members, RestartPolicy policy, Optional<View> view) {
    List<String> needy = new ArrayList<>();
    List<String> pending = new ArrayList<>();
    for (String name : members.machines().keySet()) {
      need(cluster, members, name)
          .ifPresent(
              why -> {
                needy.add(name);
                pending.add("%s needs a restart: %s.".formatted(name, why));
              });
    }
    if (policy != RestartPolicy.ROLLING) {
      return new Plan(Optional.empty(), pending);
    }
    Optional<String> primary = view.flatMap(v -> v.record().primary());
    return new Plan(
        needy.stream()
            .sorted((a, b) -> Boolean.compare(isPrimary(primary, a), isPrimary(primary, b)))
            .filter(
                name ->
                    needy.size() == 1
                        || !isPrimary(primary, name)
                        // without a sidecar it is never in sync, and the others would wait for that
                        || !hasSidecar(members.instance(name).orElseThrow(), cluster))
            .filter(name -> othersCanDoWithout(members, name, view))
            .findFirst(),
        pending);
  }

  /** What people are told about a restart. */
  static Command.Tell news(String member) {
    return new Command.Tell(
        false, "Restarting", "%s is restarted so that it runs as its spec says.".formatted(member));
  }

  /** An instance that is on its way out still says Running for a while. */
  private static boolean runs(VirtualMachineInstance instance) {
    return instance.running() && instance.getMetadata().getDeletionTimestamp() == null;
  }

  private static boolean isPrimary(Optional<String> primary, String name) {
    return primary.filter(name::equals).isPresent();
  }

  private static Optional<String> need(String cluster, MemberSet members, String name) {
    Optional<VirtualMachineInstance> instance = members.instance(name).filter(Rollout::runs);
    if (instance.isEmpty()) {
      return Optional.empty(); // it starts with all it needs
    }
    if (!hasSidecar(instance.get(), cluster)) {
      return Optional.of("it runs without its sync NIC and sidecar");
    }
    return members.machines().get(name).restartRequired()
        ? Optional.of("KubeVirt says that its spec changed")
        : Optional.empty();
  }

  /**
   * True if the running instance has what {@link SyncNic} adds; an older image is no reason to
   * restart.
   */
  private static boolean hasSidecar(VirtualMachineInstance instance, String cluster) {
    Map<String, String> annotations =
        Optional.ofNullable(instance.getMetadata().getAnnotations()).orElse(Map.of());
    return annotations.getOrDefault(HOOKS, "").contains("\"--cluster=" + cluster + "\"")
        && instance.getSpec() != null
        && instance.getSpec().networks() != null
        && instance.getSpec().networks().stream().anyMatch(n -> n.name().equals(SyncNic.NETWORK));
  }

  private static boolean othersCanDoWithout(MemberSet members, String name, Optional<View> view) {
    boolean committed = view.filter(v -> v.record().committed().isPresent()).isPresent();
    return members.machines().keySet().stream()
        .filter(other -> !other.equals(name))
        .allMatch(
            other ->
                members.instance(other).filter(i -> runs(i) && i.ready()).isPresent()
                    && (!committed || view.get().inSync(other)));
  }
}
