package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import io.virtquorum.api.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.MacAddress;
import io.virtquorum.network.SidecarHook;
import io.virtquorum.network.SyncAddress;
import io.virtquorum.network.SyncNic;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.Yaml;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import picocli.CommandLine;

/** An operator is removed before its HAClusters are; real API server, real operator. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class ReleaseIT {
  private static final String FINALIZER = "haclusters.virtquorum.io/finalizer";

  private final StringWriter said = new StringWriter();
  @AutoClose private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
  }

  @Test
  void givenAnOperatorThatIsGoneWhenReleasedThenVmsAreAsBeforeAndTheRecordStaysForTheNextOperator(
      KubernetesClient client) throws Exception {
    scene.machines("web-0", "web-1", "web-2");
    Map<String, Object> before = scene.specs();
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.epoch() == 1 && scene.isTrue("Ready"));
    scene.operators().getFirst().close();
    ClusterRecord record = record();

    ChartAccount.grant(client);
    try (KubernetesClient account = account(client, "virtquorum-release")) {
      assertThat(release(account)).as(said.toString()).isZero();
    }

    assertThat(scene.specs()).isEqualTo(before);
    assertThat(scene.kubevirt.machine("web-0").getMetadata().getAnnotations())
        .doesNotContainKeys(SyncNic.ADDED, SyncNic.ADDRESS);
    assertThat(scene.cluster().getMetadata().getFinalizers()).isEmpty();
    assertThat(record()).isEqualTo(record);
    assertThat(scene.kubevirt.instance("web-0")).as("it runs on").isNotNull();
    assertThat(said.toString().lines().toList())
        .filteredOn(line -> line.startsWith("VM " + scene.namespace() + "/web-"))
        .hasSize(3);
    assertThat(said.toString())
        .contains("HACluster %s/web: it stays, with its record".formatted(scene.namespace()));

    OperatorProcess next = scene.leader("op-b");
    scene.until(() -> scene.kubevirt.machine("web-2").networks().size() == 2);
    scene.members.get("web-0").write("index.html", "after the reinstallation");
    scene.until(() -> scene.epoch() == 2 && scene.isTrue("Ready"));
    assertThat(next.failed()).isFalse();
    assertThat(record().tenure()).isEqualTo(record.tenure());
    assertThat(scene.kubevirt.restarts()).as("they have NIC and sidecar still").isEmpty();
  }

  @Test
  void givenAnHAClusterThatIsBeingDeletedWithoutAnOperatorWhenReleasedThenItIsGoneAndAgainIsFine(
      KubernetesClient client) throws Exception {
    scene.committed();
    scene.operators().getFirst().close();
    client.resources(HACluster.class).withName(Scene.CLUSTER).delete();
    assertThat(scene.cluster().isMarkedForDeletion()).isTrue();

    assertThat(release(client)).as(said.toString()).isZero();

    assertThat(client.resources(HACluster.class).withName(Scene.CLUSTER).get()).isNull();
    assertThat(said.toString()).contains("it was being deleted and waits for VirtQuorum no longer");
    said.getBuffer().setLength(0);
    assertThat(release(client)).as(said.toString()).isZero();
    assertThat(said.toString().lines()).hasSize(1);
  }

  @Test
  void givenAnOperatorThatStillRunsThenNothingIsReleased(KubernetesClient client) throws Exception {
    scene.committed();
    Map<String, Object> before = scene.specs();

    assertThat(run(client, "--namespace=" + scene.namespace(), "--deadline=3s")).isEqualTo(1);

    assertThat(said.toString())
        .contains("an operator still runs there")
        .contains("Nothing was done");
    assertThat(scene.specs()).isEqualTo(before);
    assertThat(scene.cluster().getMetadata().getFinalizers()).containsExactly(FINALIZER);
  }

  @Test
  void givenAVmThatCannotBePatchedThenItsHAClusterKeepsTheFinalizerUntilItCan(
      KubernetesClient client) throws Exception {
    scene.committed();
    scene.operators().getFirst().close();
    AtomicBoolean broken = new AtomicBoolean(true);
    try (KubernetesClient flaky = flaky(client, broken)) {
      Release release =
          new Release(
              flaky,
              new KubeVirtClient(flaky, Duration.ofSeconds(2)),
              scene.namespace(),
              Set.of(scene.namespace()),
              sentence -> said.append(sentence).append('\n'));
      assertThat(release.pass()).hasSize(3).allMatch(why -> why.startsWith("Could not change VM"));
      assertThat(scene.cluster().getMetadata().getFinalizers()).containsExactly(FINALIZER);
      broken.set(false);
      assertThat(release.pass()).isEmpty();
    }
    assertThat(scene.cluster().getMetadata().getFinalizers()).isEmpty();
  }

  @Test
  void givenRightsThatComeLateThenItIsTriedAgainUntilTheyAreThere(KubernetesClient client)
      throws Exception {
    scene.committed();
    scene.operators().getFirst().close();
    ChartAccount.grant(client, name -> name.endsWith("-lease"));
    Thread granting =
        Thread.ofVirtual()
            .start(
                () -> {
                  scene.until(() -> said.toString().contains("Not yet"));
                  ChartAccount.grant(client);
                });
    try (KubernetesClient account = account(client, "virtquorum-release")) {
      assertThat(release(account)).as(said.toString()).isZero();
    }
    granting.join(Duration.ofSeconds(10));
    assertThat(said.toString())
        .contains("Not yet, again in 1s: The API server did not list what is to be released");
    assertThat(scene.cluster().getMetadata().getFinalizers()).isEmpty();
  }

  @Test
  void givenAVmWhoseAnnotationIsBrokenThenTheOthersAreReleasedAndAPersonIsToldOfIt(
      KubernetesClient client) throws Exception {
    scene.committed();
    scene.operators().getFirst().close();
    scene.kubevirt.create("stranger", "other");
    scene.annotate("stranger", SyncNic.ADDED, "{no json");

    assertThat(release(client)).isEqualTo(1);

    assertThat(said.toString())
        .contains("To be mended by hand: VM %s/stranger".formatted(scene.namespace()));
    assertThat(scene.kubevirt.machine("web-1").networks()).isEmpty();
    assertThat(scene.cluster().getMetadata().getFinalizers()).isEmpty();
  }

  @Test
  void givenNamespacesThatWereNotWatchedThenTheirVmsAreLeftAlone(KubernetesClient client)
      throws Exception {
    scene.committed();
    scene.operators().getFirst().close();
    String other =
        client
            .resource(
                new NamespaceBuilder()
                    .withNewMetadata()
                    .withGenerateName("other-")
                    .endMetadata()
                    .build())
            .create()
            .getMetadata()
            .getName();
    carrying(client, other);

    assertThat(release(client)).as(said.toString()).isZero();

    assertThat(
            client
                .resources(VirtualMachine.class)
                .inNamespace(other)
                .withName("left")
                .require()
                .networks())
        .isNotEmpty();
  }

  @Test
  void givenACrdThatWasDeletedFirstThenVmsAreReleasedAllTheSame() throws Exception {
    try (var server = ApiServer.start(Path.of("src", "test", "resources", "crds"))) {
      carrying(server.admin(), "default");

      assertThat(run(server.admin(), "--namespace=default")).as(said.toString()).isZero();

      VirtualMachine vm =
          server
              .admin()
              .resources(VirtualMachine.class)
              .inNamespace("default")
              .withName("left")
              .require();
      assertThat(vm.networks()).isEmpty();
      assertThat(vm.templateAnnotations()).isEmpty();
    }
  }

  /** A VM with NIC and sidecar of some HACluster. */
  private static void carrying(KubernetesClient client, String namespace) {
    VirtualMachine vm =
        Yaml.vm(
            """
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: left, namespace: %s}
            spec: {runStrategy: Always, template: {spec: {domain: {devices: {}}}}}
            """
                .formatted(namespace));
    VirtualMachine created = client.resource(vm).create();
    new KubeVirtClient(client, Duration.ofSeconds(10))
        .patch(
            created,
            new SyncNic()
                .attach(
                    created,
                    new SyncNic.Wanted(
                        "web",
                        namespace + "/virtquorum-sync-web",
                        MacAddress.ofMember(namespace, "web", "left"),
                        new SyncAddress("172.31.77.1", 24),
                        new SidecarHook("example.org/v", "IfNotPresent", List.of("sidecar")))));
  }

  private ClusterRecord record() {
    return scene.cluster().getStatus().recorded().orElseThrow();
  }

  private int release(KubernetesClient client) throws InterruptedException {
    return run(
        client,
        "--namespace=" + scene.namespace(),
        "--watch-namespaces=" + scene.namespace(),
        "--deadline=40s");
  }

  private int run(KubernetesClient client, String... arguments) throws InterruptedException {
    ReleaseCommand command = new ReleaseCommand();
    new CommandLine(command).setOut(new PrintWriter(said)).parseArgs(arguments);
    return command.run(client);
  }

  private static KubernetesClient account(KubernetesClient client, String account) {
    return new KubernetesClientBuilder().withConfig(ChartAccount.of(client, account)).build();
  }

  /** A client whose patches of VMs find nobody while it is broken. */
  private static KubernetesClient flaky(KubernetesClient client, AtomicBoolean broken) {
    return new KubernetesClientBuilder()
        .withConfig(client.getConfiguration())
        .withHttpClientBuilderConsumer(
            http ->
                http.addOrReplaceInterceptor(
                    "flaky",
                    new Interceptor() {
                      @Override
                      public void before(BasicBuilder request, HttpRequest sent, RequestTags tags) {
                        if (broken.get()
                            && sent.method().equals("PATCH")
                            && sent.uri().getPath().contains("/virtualmachines/")) {
                          request.uri(URI.create("http://127.0.0.1:1" + sent.uri().getPath()));
                        }
                      }
                    }))
        .build();
  }
}
