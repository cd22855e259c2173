package io.virtquorum.e2e;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Byte counters of the nodes' ends of pods' links. They are the kernel's: nobody who sends can
 * forget to count.
 */
final class Ports {
  private static final Duration DEADLINE = Duration.ofMinutes(1);

  private final Host host;

  Ports(Host host) {
    this.host = host;
  }

  /** The node's end of a pod's link. */
  record Port(int node, String device) {}

  /** A member's port of the sync bridge. */
  Port sync(Member member) {
    // KubeVirt's bridge binding gives the pod's own end this suffix.
    String index =
        member.shell().inLauncher(DEADLINE, "sh", "-c", "cat /sys/class/net/*-nic/iflink");
    Port port = port(member.node(), index);
    String master =
        host.testbed(
            DEADLINE,
            "exec",
            Integer.toString(port.node()),
            "sh",
            "-c",
            "basename $(readlink /sys/class/net/%s/master)".formatted(port.device()));
    if (!master.equals("vqsync")) {
      throw new IllegalStateException(port + " is not a port of the sync bridge but of " + master);
    }
    return port;
  }

  /** The node's end of the link through which a pod reaches everything but the sync network. */
  Port pod(Pod pod, String container) {
    int node = Integer.parseInt(pod.getSpec().getNodeName().replaceAll("\\D", ""));
    return port(node, inPod(pod, container, "read i < /sys/class/net/eth0/iflink; echo $i"));
  }

  /** Bytes in both directions since these links are there. */
  long bytes(List<Port> ports) {
    return ports.stream().mapToLong(this::bytes).sum();
  }

  private long bytes(Port port) {
    String counters =
        host.testbed(
            DEADLINE,
            "exec",
            Integer.toString(port.node()),
            "sh",
            "-c",
            "cd /sys/class/net/%s/statistics && cat rx_bytes tx_bytes".formatted(port.device()));
    return Arrays.stream(counters.split("\\s+")).mapToLong(Long::parseLong).sum();
  }

  private Port port(int node, String index) {
    String file =
        host.testbed(
            DEADLINE,
            "exec",
            Integer.toString(node),
            "sh",
            "-c",
            "grep -lx %d /sys/class/net/*/ifindex".formatted(Integer.parseInt(index.strip())));
    String[] parts = file.split("/", -1);
    return new Port(node, parts[parts.length - 2]);
  }

  private String inPod(Pod pod, String container, String script) {
    return host.testbed(
        DEADLINE,
        "kubectl",
        "-n",
        pod.getMetadata().getNamespace(),
        "exec",
        pod.getMetadata().getName(),
        "-c",
        container,
        "--",
        "sh",
        "-c",
        script);
  }
}
