package io.virtquorum.e2e;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import java.nio.file.Path;
import java.util.Optional;

/** One VM of the tests, seen from outside of VirtQuorum. */
final class Member {
  private static final Path NODES = Path.of("/var/lib/virtquorum-testbed/nodes");

  private final KubernetesClient client;
  private final String namespace;
  private final String name;
  private final int node;
  private final String guest;
  private final GuestShell shell;

  /**
   * @param node number of the testbed's node that its volume is on
   * @param guest which of the testbed's guests it runs: small or debian
   */
  Member(
      Host host, KubernetesClient client, String namespace, String name, int node, String guest) {
    this.client = client;
    this.namespace = namespace;
    this.name = name;
    this.node = node;
    this.guest = guest;
    this.shell = new GuestShell(host, client, namespace, name);
  }

  String name() {
    return name;
  }

  int node() {
    return node;
  }

  String guest() {
    return guest;
  }

  GuestShell shell() {
    return shell;
  }

  /** The testbed's name of its volume. */
  String volume() {
    return "vq-e2e-" + name;
  }

  /** Its data disk, on this machine. */
  Path disk() {
    return NODES.resolve(node + "/testbed-volumes/" + volume() + "/disk.img");
  }

  VirtualMachine machine() {
    return client.resources(VirtualMachine.class).inNamespace(namespace).withName(name).require();
  }

  Optional<VirtualMachineInstance> instance() {
    return Optional.ofNullable(
        client.resources(VirtualMachineInstance.class).inNamespace(namespace).withName(name).get());
  }

  /** Uid of the present instance; it changes with every start of the VM. */
  Optional<String> incarnation() {
    return instance().map(i -> i.getMetadata().getUid());
  }

  /** Runs, by KubeVirt's word, and its guest answers. */
  boolean running() {
    return instance().filter(VirtualMachineInstance::running).isPresent() && shell.answers();
  }

  /** Changes one value of the VM's spec as a user would. */
  void patch(String jsonMergePatch) {
    client
        .resources(VirtualMachine.class)
        .inNamespace(namespace)
        .withName(name)
        .patch(
            io.fabric8.kubernetes.client.dsl.base.PatchContext.of(
                io.fabric8.kubernetes.client.dsl.base.PatchType.JSON_MERGE),
            jsonMergePatch);
  }

  @Override
  public String toString() {
    return name;
  }
}
