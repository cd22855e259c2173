package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.api.HACluster;
import io.virtquorum.testing.ApiServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Somebody follows README.md and docs/install.md to the letter, against a real API server. */
final class InstallGuideIT {
  private static final Page README = Page.read(Path.of("README.md"));
  private static final Page INSTALL = Page.read(Path.of("docs", "install.md"));
  private static final String CRDS = "kubectl apply --server-side -f crds/";
  private static final String REMOVAL = "kubectl delete hac --all --all-namespaces";

  @Test
  void givenAClusterWithKubeVirtWhenTheGuideIsFollowedThenEveryCommandWorksAndLeavesNothing(
      @TempDir Path home) throws IOException {
    // KubeVirt's and Multus' CRDs are there, ours are not.
    try (var server = ApiServer.start(Path.of("src", "test", "resources", "crds"))) {
      Path kubeConfig = home.resolve("config");
      Terminal terminal = terminal(server, home, kubeConfig);
      KubernetesClient client = server.admin();
      kubeVirt(terminal, home);

      Map<String, Typed> apiServer = apiServer();
      List<String> steps =
          INSTALL.commands().stream().filter(apiServer::containsKey).distinct().toList();
      assertThat(steps).hasSizeGreaterThan(5).contains(CRDS, REMOVAL);
      List<String> installation = new ArrayList<>(steps.subList(0, steps.indexOf(REMOVAL)));
      StringBuilder said = new StringBuilder();
      for (String step : installation) {
        said.append(terminal.type(apiServer.get(step).line()));
        if (step.equals(CRDS)) {
          awaitFields(client);
        }
      }
      assertThat(said)
          .as("the notes of the chart")
          .contains("helm test virtquorum --namespace virtquorum-system --logs")
          .contains("HAClusters stay, for a new installation");
      assertThatItIsInstalled(client);

      Path manifest = home.resolve("hacluster.yaml");
      Files.writeString(manifest, manifest());
      terminal.type("kubectl apply -f " + manifest);
      assertThat(client.resources(HACluster.class).inNamespace("default").withName("web").get())
          .as("the first HACluster of README.md")
          .isNotNull();
      assertThatColumnsAreThoseOfTheReadme(terminal.type("kubectl get hac"));
      apiServer.values().stream()
          .filter(typed -> !steps.contains(typed.command()))
          .forEach(typed -> terminal.type(typed.line()));
      assertThatTheManifestsOfDemoAndTestbedAreAccepted(terminal);

      try (var jobs = new JobStandIn(client, kubeConfig)) {
        steps.subList(steps.indexOf(REMOVAL), steps.size()).forEach(terminal::type);
        assertThat(jobs.ran()).containsExactly("virtquorum-release");
      }
      assertThat(terminal.type("kubectl get crds -o name")).doesNotContain("virtquorum.io");
      assertThat(terminal.type("kubectl get all,sa,role,clusterrole,clusterrolebinding -A -o name"))
          .doesNotContain("virtquorum");
    }
  }

  @Test
  void givenNoHelmWhenTheGuideIsFollowedThenThePlainManifestsInstallAndLetGoOfAll(
      @TempDir Path home) throws IOException {
    try (var server = ApiServer.start(Path.of("src", "test", "resources", "crds"))) {
      Path kubeConfig = home.resolve("config");
      Terminal terminal = terminal(server, home, kubeConfig);
      KubernetesClient client = server.admin();
      terminal.type(CRDS);
      awaitFields(client);
      List<Typed> steps =
          INSTALL.commands().stream()
              .flatMap(step -> Typed.all().stream().filter(t -> t.command().equals(step)))
              .filter(t -> t.how() == Typed.How.WITHOUT_HELM)
              .toList();
      List<String> lines = steps.stream().map(Typed::line).toList();
      int removal = lines.indexOf("kubectl delete -f deploy/virtquorum.yaml");
      lines.subList(0, removal).forEach(terminal::type);
      assertThat(image(client)).isEqualTo("registry.example/virtquorum:0.1");

      Path manifest = home.resolve("hacluster.yaml");
      Files.writeString(manifest, manifest());
      terminal.type("kubectl apply -f " + manifest);
      client
          .resources(HACluster.class)
          .inNamespace("default")
          .withName("web")
          .edit(
              web -> {
                web.addFinalizer("haclusters.virtquorum.io/finalizer");
                return web;
              });
      try (var jobs = new JobStandIn(client, kubeConfig)) {
        lines.subList(removal, lines.size()).forEach(terminal::type);
        assertThat(jobs.ran()).containsExactly("virtquorum-release");
      }
      assertThat(
              client
                  .resources(HACluster.class)
                  .inNamespace("default")
                  .withName("web")
                  .require()
                  .getMetadata()
                  .getFinalizers())
          .isEmpty();
      assertThat(terminal.type("kubectl get all,sa,role,clusterrole,clusterrolebinding -A -o name"))
          .doesNotContain("virtquorum");
    }
  }

  /** A terminal whose kubectl and Helm reach the server by this new file. */
  private static Terminal terminal(ApiServer.Running server, Path home, Path kubeConfig)
      throws IOException {
    Files.writeString(kubeConfig, server.kubeConfig());
    return new Terminal(
        ApiServer.binaries(), Map.of("KUBECONFIG", kubeConfig.toString(), "HOME", home.toString()));
  }

  /**
   * The API server tells them to {@code kubectl explain} some time after it serves a resource, and
   * lists where they are some time after that.
   */
  private static void awaitFields(KubernetesClient client) {
    String group = "apis/virtquorum.io/v1alpha1";
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              String listed = client.raw("/openapi/v3");
              String fields = client.raw("/openapi/v3/" + group);
              return listed != null
                  && listed.contains('"' + group + '"')
                  && fields != null
                  && fields.contains("\"kind\":\"HACluster\"");
            });
  }

  private static String image(KubernetesClient client) {
    Deployment operator =
        client.apps().deployments().inNamespace("virtquorum-system").withName("virtquorum").get();
    assertThat(operator).as("the operator's Deployment").isNotNull();
    return operator.getSpec().getTemplate().getSpec().getContainers().getFirst().getImage();
  }

  private static void kubeVirt(Terminal terminal, Path home) throws IOException {
    Path file = home.resolve("kubevirt.yaml");
    Files.writeString(
        file,
        """
        apiVersion: v1
        kind: Namespace
        metadata: {name: kubevirt}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: default, namespace: default}
        ---
        apiVersion: kubevirt.io/v1
        kind: KubeVirt
        metadata: {name: kubevirt, namespace: kubevirt}
        spec: {configuration: {developerConfiguration: {useEmulation: true}}}
        """);
    terminal.type("kubectl apply -f " + file);
  }

  private static void assertThatItIsInstalled(KubernetesClient client) {
    GenericKubernetesResource kubeVirt =
        client
            .genericKubernetesResources("kubevirt.io/v1", "KubeVirt")
            .inNamespace("kubevirt")
            .withName("kubevirt")
            .require();
    assertThat(
            kubeVirt.<List<String>>get(
                "spec", "configuration", "developerConfiguration", "featureGates"))
        .containsExactly("Sidecar");
    assertThat(image(client)).isEqualTo("registry.example/virtquorum:0.1");
  }

  private static void assertThatColumnsAreThoseOfTheReadme(String printed) {
    List<String> shown =
        README.blocks().stream()
            .filter(b -> b.language().equals("console"))
            .findFirst()
            .orElseThrow()
            .lines();
    assertThat(shown.getFirst()).isEqualTo("$ kubectl get hac");
    assertThat(printed.lines().findFirst().orElseThrow().split("\\s{2,}"))
        .isEqualTo(shown.get(1).split("\\s{2,}"));
  }

  private static void assertThatTheManifestsOfDemoAndTestbedAreAccepted(Terminal terminal) {
    terminal.type("kubectl create namespace demo");
    terminal.type("kubectl apply --dry-run=server -f demo/vms.yaml -f demo/hacluster.yaml");
    terminal.type("kubectl apply --dry-run=server -f testbed/example/");
  }

  private static String manifest() {
    return README.blocks().stream()
        .filter(b -> b.language().equals("yaml"))
        .findFirst()
        .orElseThrow()
        .text();
  }

  private static Map<String, Typed> apiServer() {
    return Typed.all().stream()
        .filter(t -> t.how() == Typed.How.API_SERVER)
        .collect(Collectors.toMap(Typed::command, Function.identity()));
  }
}
