package io.virtquorum.testing;

import static org.awaitility.Awaitility.await;

import io.fabric8.kubeapitest.KubeAPIServer;
import io.fabric8.kubeapitest.KubeAPIServerConfigBuilder;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionSpec;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionVersion;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;
import org.testcontainers.k3s.K3sContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * A real API server with etcd, shared by all tests of a run, with our CRDs and permissive ones for
 * KubeVirt and Multus.
 *
 * <p>A test takes a {@link KubernetesClient} parameter, whose namespace is fresh and the test's
 * own, and a {@link Namespace} if it wants that object. There are no controllers: nothing is
 * garbage-collected, scheduled or run. Needs etcd, kube-apiserver, kubectl and helm at {@code
 * $KUBE_API_TEST_DIR/k8s/<version>-linux-amd64/}. Where the test class is {@link OnK3s}, it is a
 * k3s with its controllers instead; where {@code $VIRTQUORUM_API_SERVER} names a kubeconfig, that
 * server for all of them, which is then theirs alone.
 */
public final class ApiServer implements ParameterResolver {

  private static final String K3S = "rancher/k3s:v1.34.1-k3s1";
  private static final String GIVEN = "VIRTQUORUM_API_SERVER";
  private static final Path KUBEVIRT = Path.of("src", "test", "resources", "crds");
  private static final ExtensionContext.Namespace STORE =
      ExtensionContext.Namespace.create(ApiServer.class);

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return type == KubernetesClient.class || type == Namespace.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Own own =
        context.getStore(STORE).getOrComputeIfAbsent(Own.class, key -> own(context), Own.class);
    return parameter.getParameter().getType() == Namespace.class ? own.namespace : own.client;
  }

  private static Own own(ExtensionContext context) {
    boolean k3s = AnnotationSupport.isAnnotated(context.getRequiredTestClass(), OnK3s.class);
    Running server =
        context
            .getRoot()
            .getStore(STORE)
            .getOrComputeIfAbsent(
                k3s ? "k3s" : "api-server",
                key -> k3s ? Running.startK3s() : shared(),
                Running.class);
    Namespace namespace =
        server
            .admin
            .resource(
                new NamespaceBuilder()
                    .withNewMetadata()
                    .withGenerateName("test-")
                    .endMetadata()
                    .build())
            .create();
    Config config =
        new ConfigBuilder(server.config).withNamespace(namespace.getMetadata().getName()).build();
    return new Own(namespace, new KubernetesClientBuilder().withConfig(config).build());
  }

  private static Running shared() {
    String given = System.getenv(GIVEN);
    return given == null
        ? start(Path.of("crds"), KUBEVIRT)
        : Running.of(Path.of(given), Path.of("crds"), KUBEVIRT);
  }

  /** What one test has for itself. */
  private record Own(Namespace namespace, KubernetesClient client) implements AutoCloseable {
    @Override
    public void close() {
      client.close();
    }
  }

  /**
   * Starts a server for the caller alone, who closes it.
   *
   * @param crds directories of the CRDs that it is to have
   */
  public static Running start(Path... crds) {
    KubeAPIServer server =
        new KubeAPIServer(
            KubeAPIServerConfigBuilder.anAPIServerConfig()
                .withTestDir(testDirectory().toString())
                .withOfflineMode(true)
                .withUpdateKubeConfig(false)
                .withStartupTimeout(120_000)
                .build());
    server.start();
    String yaml = server.getKubeConfigYaml();
    return Running.withCrds(server::stop, yaml, Config.fromKubeconfig(yaml), crds);
  }

  /** Where kubectl and Helm are, of the server's version. */
  public static Path binaries() {
    return version(testDirectory(), "kubectl", "helm");
  }

  /**
   * A running server. The shared one is closed by JUnit at the end of the run.
   *
   * @param kubeConfig of its administrator, as YAML
   * @param config the same
   * @param admin a client with these rights
   */
  public record Running(Runnable stop, String kubeConfig, Config config, KubernetesClient admin)
      implements AutoCloseable {

    private static Running of(Path kubeConfig, Path... crds) {
      try {
        String yaml = Files.readString(kubeConfig);
        Config config = Config.fromKubeconfig(yaml);
        config.setClientKeyAlgo("EC"); // the testbed's; not to be seen from a PKCS#8 key's label
        Running running = withCrds(() -> {}, yaml, config);
        if (running.admin.namespaces().withName("kubevirt").get() != null) {
          running.close();
          throw new IllegalStateException(
              "The cluster of "
                  + kubeConfig
                  + " has a KubeVirt, which would act on the tests' VMs.");
        }
        List.of(crds).forEach(running::install);
        return running;
      } catch (IOException e) {
        throw new UncheckedIOException("Cannot read " + kubeConfig + ".", e);
      }
    }

    static Running startK3s() {
      K3sContainer k3s = new K3sContainer(DockerImageName.parse(K3S));
      k3s.start();
      String yaml = k3s.getKubeConfigYaml();
      return withCrds(k3s::stop, yaml, Config.fromKubeconfig(yaml), Path.of("crds"), KUBEVIRT);
    }

    private static Running withCrds(Runnable stop, String kubeConfig, Config config, Path... crds) {
      KubernetesClient admin = new KubernetesClientBuilder().withConfig(config).build();
      Running running = new Running(stop, kubeConfig, config, admin);
      try {
        List.of(crds).forEach(running::install);
      } catch (RuntimeException e) {
        running.close();
        throw e;
      }
      return running;
    }

    /** Installs the CRDs of a directory, and waits until they are served. */
    public void install(Path directory) {
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".yml")).sorted().toList()) {
          try (InputStream yaml = Files.newInputStream(file)) {
            var installed = admin.load(yaml).serverSideApply();
            installed.forEach(
                object -> {
                  CustomResourceDefinition crd =
                      admin
                          .apiextensions()
                          .v1()
                          .customResourceDefinitions()
                          .withName(object.getMetadata().getName())
                          .waitUntilCondition(Running::established, 60, TimeUnit.SECONDS);
                  await().atMost(Duration.ofSeconds(60)).until(() -> isDiscovered(crd.getSpec()));
                });
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException("Cannot read the CRDs in " + directory + ".", e);
      }
    }

    private static boolean established(CustomResourceDefinition crd) {
      return crd != null
          && crd.getStatus() != null
          && crd.getStatus().getConditions() != null
          && crd.getStatus().getConditions().stream()
              .anyMatch(c -> c.getType().equals("Established") && c.getStatus().equals("True"));
    }

    /** The API server names established resources a moment later; generic clients need that. */
    private boolean isDiscovered(CustomResourceDefinitionSpec crd) {
      return crd.getVersions().stream()
          .filter(CustomResourceDefinitionVersion::getServed)
          .map(version -> admin.getApiResources(crd.getGroup() + "/" + version.getName()))
          .allMatch(
              known ->
                  known != null
                      && known.getResources().stream()
                          .anyMatch(r -> r.getName().equals(crd.getNames().getPlural())));
    }

    @Override
    public void close() {
      admin.close();
      stop.run();
    }
  }

  private static Path testDirectory() {
    String dir = System.getenv("KUBE_API_TEST_DIR");
    if (dir == null || dir.isBlank()) {
      throw new IllegalStateException(
          "These tests need a real API server: set KUBE_API_TEST_DIR to a directory with"
              + " k8s/<version>-linux-amd64/{etcd,kube-apiserver,kubectl,helm}; `testbed/testbed build` makes one.");
    }
    version(Path.of(dir), "etcd", "kube-apiserver", "kubectl");
    return Path.of(dir);
  }

  private static Path version(Path directory, String... binaries) {
    try (Stream<Path> versions = Files.list(directory.resolve("k8s"))) {
      return versions
          .filter(
              version ->
                  Stream.of(binaries)
                      .allMatch(binary -> Files.isExecutable(version.resolve(binary))))
          .max(Comparator.naturalOrder())
          .orElseThrow(() -> new IOException("no version with " + String.join(", ", binaries)));
    } catch (IOException e) {
      throw new IllegalStateException(
          "These tests need a real API server, but KUBE_API_TEST_DIR has no executable"
              + " k8s/<version>-linux-amd64/{etcd,kube-apiserver,kubectl,helm}; `testbed/testbed build` makes them.",
          e);
    }
  }
}
