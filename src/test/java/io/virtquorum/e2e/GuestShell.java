package io.virtquorum.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * A shell in a guest, by libvirt and the guest's stock agent: nothing of VirtQuorum takes part, so
 * what it sees and does is independent.
 */
final class GuestShell {
  private static final ObjectMapper JSON = new ObjectMapper();

  // Runs in the launcher's container: starts the command and polls until it ended.
  private static final String RUN =
      """
      agent() { virsh -q qemu-agent-command --timeout 60 "$domain" "$1"; }
      domain=$1
      started=$(agent "$2") || exit 91
      pid=${started##*:}; pid=${pid%%\\}*}
      for ((i = 0; i < $3 * 10; i++)); do
        status=$(agent '{"execute":"guest-exec-status","arguments":{"pid":'"$pid"'}}') || exit 92
        case $status in *'"exited":true'*) echo "$status"; exit 0 ;; esac
        sleep 0.1
      done
      exit 93
      """;

  private final Host host;
  private final KubernetesClient client;
  private final String namespace;
  private final String vm;

  GuestShell(Host host, KubernetesClient client, String namespace, String vm) {
    this.host = host;
    this.client = client;
    this.namespace = namespace;
    this.vm = vm;
  }

  /** Runs a shell script in the guest and returns what it printed; a failure is an exception. */
  String run(String script) {
    return run(script, Duration.ofMinutes(2));
  }

  /** Runs a shell script in the guest and returns what it printed; a failure is an exception. */
  String run(String script, Duration deadline) {
    try {
      String start =
          JSON.writeValueAsString(
              Map.of(
                  "execute",
                  "guest-exec",
                  "arguments",
                  Map.of(
                      "path",
                      "/bin/sh",
                      "arg",
                      List.of("-c", script),
                      "env",
                      List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"),
                      "capture-output",
                      true)));
      JsonNode result =
          JSON.readTree(
                  inLauncher(
                      deadline.plusSeconds(60),
                      "bash",
                      "-c",
                      RUN,
                      "run",
                      namespace + "_" + vm,
                      start,
                      Long.toString(deadline.toSeconds())))
              .path("return");
      if (result.path("exitcode").asInt(-1) != 0) {
        throw new IllegalStateException(
            "In %s the script ended with %s: %s %s"
                .formatted(
                    vm,
                    result.path("exitcode"),
                    text(result, "out-data"),
                    text(result, "err-data")));
      }
      return text(result, "out-data");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("The agent of " + vm + " babbles", e);
    }
  }

  /** True if the guest's stock agent answers at this moment. */
  boolean answers() {
    try {
      return run("echo ready", Duration.ofSeconds(5)).equals("ready");
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** Runs a program in the launcher's container beside QEMU and returns what it printed. */
  String inLauncher(Duration deadline, String... command) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "kubectl",
                "-n",
                namespace,
                "exec",
                launcher().getMetadata().getName(),
                "-c",
                "compute",
                "--"));
    words.addAll(List.of(command));
    return host.testbed(deadline, words.toArray(String[]::new));
  }

  /** The running launcher pod. */
  Pod launcher() {
    return client
        .pods()
        .inNamespace(namespace)
        .withLabel("vm.kubevirt.io/name", vm)
        .list()
        .getItems()
        .stream()
        .filter(p -> p.getMetadata().getDeletionTimestamp() == null)
        .filter(p -> "Running".equals(p.getStatus().getPhase()))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("VM " + vm + " has no running pod"));
  }

  private static String text(JsonNode result, String field) {
    byte[] bytes = Base64.getDecoder().decode(result.path(field).asText(""));
    return new String(bytes, StandardCharsets.UTF_8).strip();
  }
}
