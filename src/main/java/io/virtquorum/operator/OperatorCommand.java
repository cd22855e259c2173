package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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
  private static final Duration STOP_DEADLINE = Duration.ofSeconds(20);

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

  @Override
  public Integer call() throws IOException, InterruptedException {
    CountDownLatch stopped = new CountDownLatch(1);
    try (KubernetesClient client = ApiConnection.open();
        OperatorProcess operator = new OperatorProcess(client, options());
        Probes probes = new Probes(probePort)) {
      // On SIGTERM the process may end only when the lease was handed over.
      Runtime.getRuntime()
          .addShutdownHook(Thread.ofPlatform().unstarted(() -> end(operator, stopped)));
      LOG.atInfo().addKeyValue("port", probes.port()).log("Probes are answered");
      operator.await();
      LOG.atInfo().addKeyValue("identity", identity).log("Stopping");
      return operator.failed() ? 1 : 0;
    } finally {
      stopped.countDown();
    }
  }

  private static void end(OperatorProcess operator, CountDownLatch stopped) {
    operator.stop();
    try {
      if (!stopped.await(STOP_DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        LOG.atWarn().log("Stopping took too long; the lease will run out by itself");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private OperatorProcess.Options options() {
    return new OperatorProcess.Options(
        namespace,
        identity,
        sidecarImage,
        service,
        port,
        new InetSocketAddress(port),
        watchNamespaces);
  }
}
