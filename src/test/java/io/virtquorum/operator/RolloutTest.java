package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.virtquorum.api.RestartPolicy;
import io.virtquorum.kubevirt.InstanceSpec;
import io.virtquorum.kubevirt.InstanceStatus;
import io.virtquorum.kubevirt.KubeVirtCondition;
import io.virtquorum.kubevirt.Network;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.kubevirt.VirtualMachineStatus;
import io.virtquorum.network.SyncNic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Who is restarted next; web-0 is the primary. */
class RolloutTest {
  private final TreeMap<String, VirtualMachine> machines = new TreeMap<>();
  private final TreeMap<String, VirtualMachineInstance> instances = new TreeMap<>();

  @Test
  void givenAllInSyncThenAnotherThanThePrimaryIsFirst() {
    runs("web-0", true, true);
    runs("web-1", true, false);
    runs("web-2", true, true);
    assertThat(plan(inSync("web-0", "web-1", "web-2")).restart()).hasValue("web-2");
  }

  @Test
  void givenANeedyMemberThatCannotBeSparedNowThenThePrimaryWaitsForIt() {
    runs("web-0", true, true);
    runs("web-1", true, true);
    runs("web-2", true, true);
    instances.get("web-0").setStatus(status(false)); // so nobody but itself can be spared
    Rollout.Plan plan = plan(inSync("web-0", "web-1", "web-2"));
    assertThat(plan.restart()).isEmpty();
    assertThat(plan.pending()).hasSize(3);
  }

  @Test
  void givenThatOnlyThePrimaryNeedsARestartThenItGetsIt() {
    runs("web-0", true, true);
    runs("web-1", true, false);
    runs("web-2", true, false);
    assertThat(plan(inSync("web-0", "web-1", "web-2")).restart()).hasValue("web-0");
  }

  @Test
  void givenAMemberThatIsNotInSyncThenOnlyThatOneMayBeRestarted() {
    runs("web-0", true, true);
    runs("web-1", true, true);
    runs("web-2", true, true);
    assertThat(plan(inSync("web-0", "web-2")).restart()).hasValue("web-1");
  }

  @Test
  void givenAPrimaryWithoutASidecarThenItDoesNotWaitForThoseThatWaitForIt() {
    runs("web-0", false, false);
    runs("web-1", true, true);
    runs("web-2", true, false);
    assertThat(plan(inSync("web-1", "web-2")).restart()).hasValue("web-0");
  }

  private Rollout.Plan plan(Story story) {
    return Rollout.plan(
        "web",
        new MemberSet(machines, new TreeMap<>(), instances, List.of(), Story.MEMBERS),
        RestartPolicy.ROLLING,
        Optional.of(story.view()));
  }

  private static Story inSync(String... members) {
    Story story = Story.committed();
    for (String member : members) {
      story.holds(member, Story.C);
    }
    return story;
  }

  private void runs(String name, boolean sidecar, boolean changed) {
    VirtualMachine vm = new VirtualMachine();
    vm.setStatus(
        new VirtualMachineStatus(
            true, true, "Running", changed ? List.of(is("RestartRequired")) : List.of(), null));
    machines.put(name, vm);
    VirtualMachineInstance instance = new VirtualMachineInstance();
    instance.setMetadata(
        new ObjectMetaBuilder()
            .withName(name)
            .withAnnotations(
                sidecar
                    ? Map.of("hooks.kubevirt.io/hookSidecars", "[{\"args\":[\"--cluster=web\"]}]")
                    : Map.of())
            .build());
    instance.setSpec(
        new InstanceSpec(null, List.of(new Network(SyncNic.NETWORK, null, null, null)), null));
    instance.setStatus(status(true));
    instances.put(name, instance);
  }

  private static InstanceStatus status(boolean ready) {
    return new InstanceStatus(
        "Running", "node-a", List.of(), ready ? List.of(is("Ready")) : List.of(), null, null);
  }

  private static KubeVirtCondition is(String type) {
    return new KubeVirtCondition(type, "True", null, null, null);
  }
}
