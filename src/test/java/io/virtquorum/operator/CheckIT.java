package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.Server;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.Chart;
import io.virtquorum.wire.WireServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import picocli.CommandLine;

/** What {@code helm test} says; real API server, real gRPC. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class CheckIT {
  private static final Function<Service, String> NOWHERE = service -> "127.0.0.1:1";

  private final StringWriter said = new StringWriter();

  @Test
  void givenAllThatIsNeededAndTheRightsOfTheChartThenItSaysSoOfEachAndEndsWell(
      KubernetesClient client) throws Exception {
    ChartAccount.grant(client);
    Scene.service(client, client.getNamespace());
    kubeVirt(client, "[Sidecar]");
    ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
    Server operator =
        WireServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.empty(),
            calls,
            new MemberGateway(new ClusterRuntimes(), () -> true));
    try (KubernetesClient account =
        new KubernetesClientBuilder()
            .withConfig(ChartAccount.of(client, "virtquorum-check"))
            .build()) {
      assertThat(check(account, service -> "127.0.0.1:" + operator.getPort()))
          .as(said.toString())
          .isZero();
    } finally {
      operator.shutdownNow();
      calls.shutdownNow();
      client.genericKubernetesResources("kubevirt.io/v1", "KubeVirt").withName("kubevirt").delete();
    }
    assertThat(said.toString().lines())
        .hasSize(6)
        .allMatch(line -> line.startsWith("ok "))
        .anyMatch(line -> line.contains("HAClusters"))
        .anyMatch(line -> line.contains("NetworkAttachmentDefinitions"))
        .anyMatch(line -> line.contains("feature gate Sidecar is on"))
        .anyMatch(line -> line.contains("The operator answers at its Service"));
  }

  @Test
  void givenAClosedGateAndAnOperatorThatDoesNotAnswerThenItSaysBothAndWhatToDo(
      KubernetesClient client) throws Exception {
    Scene.service(client, client.getNamespace());
    kubeVirt(client, "[LiveMigration]");
    try {
      assertThat(check(client, NOWHERE)).isEqualTo(1);
    } finally {
      client.genericKubernetesResources("kubevirt.io/v1", "KubeVirt").withName("kubevirt").delete();
    }
    assertThat(said.toString())
        .contains("MISSING  KubeVirt's feature gate Sidecar is off")
        .contains("MISSING  Nobody answers at the operator's Service, 127.0.0.1:1");
  }

  @Test
  void givenAnEmptyClusterThenEachThingIsMissedWithASentence() throws Exception {
    try (var server = ApiServer.start()) {
      assertThat(check(server.admin(), NOWHERE)).isEqualTo(1);
    }
    assertThat(said.toString().lines()).hasSize(6).allMatch(line -> line.startsWith("MISSING "));
    assertThat(said.toString())
        .contains("run kubectl apply -f crds/ first")
        .contains("install KubeVirt first")
        .contains("install Multus first")
        .contains("There is no Service virtquorum in namespace");
  }

  private int check(KubernetesClient client, Function<Service, String> address)
      throws InterruptedException {
    CheckCommand command = new CheckCommand();
    String namespace = client.getNamespace() == null ? "default" : client.getNamespace();
    new CommandLine(command)
        .setOut(new PrintWriter(said))
        .parseArgs("--namespace=" + namespace, "--service=virtquorum");
    return command.run(client, address);
  }

  private static void kubeVirt(KubernetesClient client, String gates) {
    Chart.objects(
            """
            apiVersion: kubevirt.io/v1
            kind: KubeVirt
            metadata: {name: kubevirt}
            spec: {configuration: {developerConfiguration: {featureGates: %s}}}
            """
                .formatted(gates))
        .forEach(o -> client.resource(o).create());
  }
}
