package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running operator: the lease, the reconciler, the adjudicators, and the gateway for sidecars.
 * They start together, and end in the order in which none can do harm: decisions first, the lease
 * last. Safe on any thread.
 */
final class OperatorProcess implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OperatorProcess.class);
  private static final Duration API_DEADLINE = Duration.ofSeconds(10);
  private static final Duration WRITE_DEADLINE = Duration.ofSeconds(3);
  private static final Duration CACHE_DEADLINE = Duration.ofSeconds(30);
  private static final Duration RECONCILE_DEADLINE = Duration.ofSeconds(5);

  private final KubernetesClient client;
  private final Options options;
  private final ClusterRuntimes runtimes = new ClusterRuntimes();
  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch over = new CountDownLatch(1);
  private final Object lifecycle = new Object();
  private final Operator operator;
  private final Server server;
  private final Leadership leadership;
  private volatile boolean leading;
  private volatile boolean failed;
  private boolean closing;

  /**
   * How an operator is run.
   *
   * @param namespace where its lease, its secret and its Service are
   * @param identity its name among its replicas
   * @param sidecarImage image of the sidecars
   * @param service Service through which sidecars reach it
   * @param servicePort port of that Service
   * @param listen where sidecars are served; port 0: any free one
   * @param watchNamespaces whose HAClusters are led; empty: all
   */
  record Options(
      String namespace,
      String identity,
      String sidecarImage,
      String service,
      int servicePort,
      InetSocketAddress listen,
      Set<String> watchNamespaces) {
    Options {
      watchNamespaces = Set.copyOf(watchNamespaces);
    }
  }

  /**
   * Starts to serve sidecars and to strive for the lease.
   *
   * @param client stays the caller's to close, after this
   * @throws IOException if the address cannot be had
   * @throws IllegalStateException if the operator's own Service is missing; says so
   */
  OperatorProcess(KubernetesClient client, Options options) throws IOException {
    this.client = client;
    this.options = options;
    this.operator = operator(client);
    this.server =
        WireServer.start(
            options.listen(), Optional.empty(), calls, new MemberGateway(runtimes, () -> leading));
    LOG.atInfo().addKeyValue("port", server.getPort()).log("Sidecars can attach");
    this.leadership =
        new Leadership(client, options.namespace(), options.identity(), this::lead, this::lost);
  }

  /** The port on which sidecars are served. */
  int port() {
    return server.getPort();
  }

  /** True while this operator holds the lease and acts. */
  boolean leading() {
    return leading;
  }

  /** True if it ended because something failed or the lease was lost, and not because of a call. */
  boolean failed() {
    return failed;
  }

  /**
   * Waits until it is to end: the lease is lost, it could not start, or {@link #stop} was called.
   */
  void await() throws InterruptedException {
    over.await();
  }

  /** Asks {@link #await} to return. Does not wait. */
  void stop() {
    over.countDown();
  }

  private void lead() {
    synchronized (lifecycle) {
      if (closing) {
        return;
      }
      try {
        Optional<String> missing = Prerequisites.missing(client);
        if (missing.isPresent()) {
          LOG.atError().log(missing.get());
          failed = true;
          over.countDown();
          return;
        }
        operator.start();
        leading = true;
        LOG.atInfo().addKeyValue("identity", options.identity()).log("Leading");
      } catch (RuntimeException e) {
        LOG.atError().setCause(e).log("The operator could not start; it ends, to be started anew");
        failed = true;
        over.countDown();
      }
    }
  }

  private void lost() {
    boolean asked = over.getCount() == 0;
    if (!asked) {
      LOG.atError().addKeyValue("identity", options.identity()).log("The lease was lost");
      failed = true;
    }
    leading = false;
    over.countDown();
  }

  /** Ends everything and hands the lease over; takes {@link #RECONCILE_DEADLINE} and a bit. */
  @Override
  public void close() {
    over.countDown();
    leading = false;
    server.shutdownNow();
    synchronized (lifecycle) {
      closing = true;
      operator.stop();
    }
    runtimes.close();
    leadership.close();
    calls.shutdownNow();
  }

  private Operator operator(KubernetesClient client) {
    KubeVirtClient kubevirt = new KubeVirtClient(client, API_DEADLINE);
    Parts parts =
        Parts.of(
            client,
            kubevirt,
            sidecars(client),
            new AccessPath(client, WRITE_DEADLINE),
            FingerprintKeys.load(client, options.namespace()),
            runtimes,
            options.namespace(),
            options.identity());
    Operator made =
        new Operator(
            overrider ->
                overrider
                    .withKubernetesClient(client)
                    .withCloseClientOnStop(false)
                    .withUseSSAToPatchPrimaryResource(false)
                    .withCacheSyncTimeout(CACHE_DEADLINE)
                    .withReconciliationTerminationTimeout(RECONCILE_DEADLINE));
    made.register(
        new HAClusterReconciler(parts),
        controller -> {
          controller.withRetry(
              new GenericRetry()
                  .setInitialInterval(500)
                  .setIntervalMultiplier(1.5)
                  .setMaxInterval(10_000)
                  .setMaxAttempts(-1));
          if (!options.watchNamespaces().isEmpty()) {
            controller.settingNamespaces(options.watchNamespaces());
          }
        });
    return made;
  }

  private Preparation.Sidecars sidecars(KubernetesClient client) {
    Service found =
        client.services().inNamespace(options.namespace()).withName(options.service()).get();
    if (found == null) {
      throw new IllegalStateException(
          "There is no Service %s in namespace %s: sidecars could not reach this operator."
              .formatted(options.service(), options.namespace()));
    }
    return new Preparation.Sidecars(
        options.sidecarImage(),
        "%s.%s.svc:%d".formatted(options.service(), options.namespace(), options.servicePort()),
        address(found, options.servicePort()));
  }

  /** Where a Service is reached without DNS, as host:port; an IPv6 address is put in brackets. */
  static String address(Service service, int port) {
    String ip = service.getSpec().getClusterIP();
    return (ip.contains(":") ? "[%s]:%d" : "%s:%d").formatted(ip, port);
  }
}
