package io.virtquorum.e2e;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.readiness.Readiness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Puts the product and the members on the testbed as their user would, and takes them away. */
final class Installation {
  /** Namespace of the operator. */
  static final String OPERATOR = "virtquorum-e2e";

  /** Namespace of the members, the only one that this operator watches. */
  static final String MEMBERS = "virtquorum-e2e-members";

  // Not the usual name: cluster-wide roles carry it, and somebody else's release may run here too.
  private static final String RELEASE = "virtquorum-e2e";
  // The testbed has no DNS: a new Service must have the address that running sidecars know.
  private static final String ADDRESS = "10.96.77.77";
  private static final Duration DEADLINE = Duration.ofMinutes(2);

  private final Host host;
  private final KubernetesClient client;

  Installation(Host host, KubernetesClient client) {
    this.host = host;
    this.client = client;
  }

  /** The CRDs by kubectl, because Helm never upgrades those, and the rest by Helm. */
  void install() {
    install(imageReference());
  }

  /** Upgrades to the same program as another version, on all nodes. */
  void upgrade(String tag) {
    String reference = imageReference();
    String next = reference.substring(0, reference.lastIndexOf(':') + 1) + tag;
    for (String node : List.of("1", "2", "3")) {
      host.testbed(
          DEADLINE, "exec", node, "ctr", "-n", "k8s.io", "images", "tag", "--force", reference,
          next);
    }
    install(next);
  }

  private void install(String reference) {
    host.testbed(DEADLINE, "kubectl", "apply", "--server-side", "--force-conflicts", "-f", "crds/");
    int colon = reference.lastIndexOf(':');
    host.testbed(
        Duration.ofSeconds(320),
        "helm",
        "upgrade",
        "--install",
        RELEASE,
        "helm/virtquorum",
        "--namespace",
        OPERATOR,
        "--skip-crds",
        "--set",
        "image.repository=" + reference.substring(0, colon),
        "--set-string",
        "image.tag=" + reference.substring(colon + 1),
        "--set",
        "watchNamespaces={" + MEMBERS + "}",
        "--set",
        "service.clusterIP=" + ADDRESS,
        "--wait",
        "--timeout",
        "300s");
  }

  /** What {@code helm test} and the pod that it runs say. */
  String test() {
    return host.testbed(
        Duration.ofSeconds(320),
        "helm",
        "test",
        RELEASE,
        "--namespace",
        OPERATOR,
        "--timeout",
        "300s",
        "--logs");
  }

  /** {@code helm uninstall}, with its hook. */
  void uninstall() {
    host.testbed(Duration.ofSeconds(320), "helm", "uninstall", RELEASE, "--namespace", OPERATOR);
  }

  /** The namespaces. What the operator's pod does is no more than the strictest standard allows. */
  void createNamespaces() {
    namespace(OPERATOR, Map.of("pod-security.kubernetes.io/enforce", "restricted"));
    namespace(MEMBERS, Map.of());
  }

  private void namespace(String name, Map<String, String> labels) {
    client
        .resource(
            new NamespaceBuilder()
                .withNewMetadata()
                .withName(name)
                .withLabels(labels)
                .endMetadata()
                .build())
        .create();
  }

  /** Volumes and VMs; they begin to boot. */
  void createMembers(List<Member> members) {
    for (Member member : members) {
      String template = resource("/e2e/member-%s.yaml".formatted(member.guest()));
      host.testbed(DEADLINE, "volume", "add", member.volume(), "node" + member.node(), "1Gi");
      Path file = null;
      try {
        file = Files.createTempFile("e2e-", ".yaml");
        Files.writeString(file, template.replace("NAME", member.name()));
        kubectl(MEMBERS, "apply", "-f", file.toString());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        delete(file);
      }
    }
  }

  /** {@code kubectl} in a namespace. */
  String kubectl(String namespace, String... words) {
    List<String> command = new ArrayList<>(List.of("kubectl", "-n", namespace));
    command.addAll(List.of(words));
    return host.testbed(DEADLINE, command.toArray(String[]::new));
  }

  /** The operator's pods that are ready and are not being deleted. */
  List<Pod> operators() {
    return client
        .pods()
        .inNamespace(OPERATOR)
        .withLabel("app.kubernetes.io/name", "virtquorum")
        .list()
        .getItems()
        .stream()
        .filter(p -> p.getMetadata().getDeletionTimestamp() == null)
        .filter(Readiness::isPodReady)
        .toList();
  }

  /** Removes all that tests of this or an earlier run made. Idempotent. */
  void remove(List<Member> members) {
    // An operator that is gone or broken would keep the HACluster, and so the namespace, for good.
    attempt("kubectl", "-n", MEMBERS, "delete", "hac", "--all", "--timeout=20s");
    String free = "{\"metadata\":{\"finalizers\":null}}";
    attempt("kubectl", "-n", MEMBERS, "patch", "hac", Web.NAME, "--type=merge", "-p", free);
    attempt("kubectl", "-n", MEMBERS, "delete", "vm", "--all", "--wait=false");
    attempt(
        "helm", "uninstall", RELEASE, "--namespace", OPERATOR, "--ignore-not-found", "--no-hooks");
    for (String namespace : List.of(OPERATOR, MEMBERS)) {
      attempt("kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--wait=false");
    }
    Wait.until("the namespaces are gone", Duration.ofMinutes(5))
        .until(
            () ->
                Stream.of(OPERATOR, MEMBERS)
                    .allMatch(name -> client.namespaces().withName(name).get() == null));
    members.forEach(member -> attempt("volume", "remove", member.volume()));
  }

  private void attempt(String... words) {
    host.attemptTestbed(DEADLINE, words);
  }

  private String imageReference() {
    try {
      return Files.readString(host.project().resolve("target/image.ref")).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("Build the image first: make image", e);
    }
  }

  private static String resource(String name) {
    try (var in = Installation.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
