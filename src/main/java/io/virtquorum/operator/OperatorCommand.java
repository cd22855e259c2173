package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.Server;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.virtquorum.access.AccessPath;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.wire.WireServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the operator until it is told to stop or loses its lease. */
@Command(
    name = "operator",
    description = "Runs the operator: reconciles HAClusters and adjudicates between their members.",
    mixinStandardHelpOptions = true)
public final class OperatorCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(OperatorCommand.class);
  private static final Duration API_DEADLINE = Duration.ofSeconds(10);
  private static final Duration WRITE_DEADLINE = Duration.ofSeconds(3);

  @Option(names = "--sidecar-image", required = true, description = "Image of the sidecars.")
  private String sidecarImage;

  @Option(
      names = "--port",
      defaultValue = "7600",
      description = "Port for sidecars: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--probe-port",
      defaultValue = "8080",
      description = "Port for probes: ${DEFAULT-VALUE}.")
  private int probePort;

  @Option(
      names = "--service",
      defaultValue = "virtquorum",
      description =
          "Service in this namespace through which sidecars reach the operator: ${DEFAULT-VALUE}.")
  private String service;

  @Option(
      names = "--watch-namespaces",
      split = ",",
      description = "Namespaces whose HAClusters are led; all if not given.")
  private Set<String> watchNamespaces = Set.of();

  @Option(
      names = "--namespace",
      defaultValue = "${env:POD_NAMESPACE}",
      description = "Namespace of this operator; from POD_NAMESPACE if not given.")
  private String namespace;

  @Option(
      names = "--identity",
      defaultValue = "${env:POD_NAME}",
      description = "Name of this operator among its replicas; from POD_NAME if not given.")
  private String identity;

  private volatile boolean leading;
  private volatile boolean serving;

  @Override
  public Integer call() throws IOException, InterruptedException {
    CountDownLatch stop = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    Thread hook =
        Thread.ofPlatform()
            .unstarted(
                () -> {
                  stop.countDown();
                  try {
                    stopped.await(20, java.util.concurrent.TimeUnit.SECONDS);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    Runtime.getRuntime().addShutdownHook(hook);
    try (KubernetesClient client = client();
        ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
        ClusterRuntimes runtimes = new ClusterRuntimes();
        Probes probes = new Probes(probePort, () -> serving ? "" : "Sidecars cannot attach yet.")) {
      Operator operator = operator(client, runtimes);
      Server server =
          WireServer.start(
              new InetSocketAddress(port),
              Optional.empty(),
              calls,
              new MemberGateway(runtimes, () -> leading));
      serving = true;
      LOG.atInfo()
          .addKeyValue("port", port)
          .addKeyValue("probes", probes.port())
          .log("Sidecars can attach");
      try (Leadership leadership =
          new Leadership(
              client,
              namespace,
              identity,
              () -> lead(operator, stop),
              () -> {
                leading = false;
                stop.countDown();
              })) {
        stop.await();
        LOG.atInfo().addKeyValue("identity", identity).log("Stopping");
        leading = false;
        operator.stop();
        server.shutdownNow();
      }
    } finally {
      stopped.countDown();
    }
    return 0;
  }

  private void lead(Operator operator, CountDownLatch stop) {
    try {
      operator.start();
      leading = true;
      LOG.atInfo().addKeyValue("identity", identity).log("Leading");
    } catch (RuntimeException e) {
      LOG.atError()
          .setCause(e)
          .log("The operator could not start: are KubeVirt and the CRDs installed?");
      stop.countDown();
    }
  }

  private static KubernetesClient client() {
    return new KubernetesClientBuilder()
        .withConfig(
            new ConfigBuilder()
                .withRequestTimeout((int) API_DEADLINE.toMillis())
                .withConnectionTimeout((int) WRITE_DEADLINE.toMillis())
                .build())
        .build();
  }

  private Operator operator(KubernetesClient client, ClusterRuntimes runtimes) {
    KubeVirtClient kubevirt = new KubeVirtClient(client, API_DEADLINE);
    Parts parts =
        Parts.of(
            client,
            kubevirt,
            sidecars(client),
            new AccessPath(client, WRITE_DEADLINE),
            FingerprintKeys.load(client, namespace),
            runtimes,
            identity);
    Operator operator =
        new Operator(
            overrider ->
                overrider
                    .withKubernetesClient(client)
                    .withCloseClientOnStop(false)
                    .withUseSSAToPatchPrimaryResource(false)
                    .withReconciliationTerminationTimeout(Duration.ofSeconds(5)));
    operator.register(
        new HAClusterReconciler(parts),
        controller -> {
          controller.withRetry(
              new GenericRetry()
                  .setInitialInterval(500)
                  .setIntervalMultiplier(1.5)
                  .setMaxInterval(10_000)
                  .setMaxAttempts(-1));
          if (!watchNamespaces.isEmpty()) {
            controller.settingNamespaces(watchNamespaces);
          }
        });
    return operator;
  }

  private Preparation.Sidecars sidecars(KubernetesClient client) {
    Service found = client.services().inNamespace(namespace).withName(service).get();
    if (found == null) {
      throw new IllegalStateException(
          "There is no Service %s in namespace %s: sidecars could not reach this operator."
              .formatted(service, namespace));
    }
    return new Preparation.Sidecars(
        sidecarImage,
        "%s.%s.svc:%d".formatted(service, namespace, port),
        "%s:%d".formatted(found.getSpec().getClusterIP(), port));
  }
}
