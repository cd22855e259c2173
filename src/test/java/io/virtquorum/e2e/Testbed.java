package io.virtquorum.e2e;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.virtquorum.api.HAClusterStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * What all end-to-end tests of a run share: the operator, installed by Helm into a namespace of its
 * own, and three VMs on three nodes under one HACluster. A test takes it as a parameter. JUnit
 * closes it at the end of the run, and everything is removed; what a killed run left is removed at
 * the beginning.
 *
 * <p>Needs a running testbed with the product's image loaded, and {@code target/image.ref}. With
 * {@code -De2e.keep=true} nothing is removed at the end, and the next such run goes on with it.
 */
final class Testbed implements AutoCloseable {
  /** What each VM runs; the first is web-1 on node 1, and so on. The slow one leads last. */
  private static final List<String> GUESTS = List.of("small", "small", "debian");

  private static final Path KUBECONFIG = Path.of("/var/lib/virtquorum-testbed/admin.kubeconfig");
  // Long enough for a machine that does other things too: a deadline, not an expectation.
  private static final Duration START = Duration.ofMinutes(10);

  private static final boolean KEEP = Boolean.getBoolean("e2e.keep");

  private final Host host = Host.here();
  private final KubernetesClient client;
  private final Installation installation;
  private final List<Member> members;
  private final Web web;
  private Optional<HAClusterStatus> afterApply = Optional.empty();

  private Testbed() {
    Config config = Config.fromKubeconfig(KUBECONFIG.toFile());
    config.setClientKeyAlgo("EC"); // not to be seen from a PKCS#8 key's label
    config.setRequestTimeout(30_000); // two cores carry all of it
    client = new KubernetesClientBuilder().withConfig(config).build();
    installation = new Installation(host, client);
    members =
        IntStream.range(0, GUESTS.size())
            .mapToObj(
                i ->
                    new Member(
                        host, client, Installation.MEMBERS, "web-" + (i + 1), i + 1, GUESTS.get(i)))
            .toList();
    web = new Web(client, Installation.MEMBERS);
  }

  /** Gives tests the one of this run. */
  static final class Resolver implements ParameterResolver {
    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
      return parameter.getParameter().getType() == Testbed.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
      return Testbed.of(context);
    }
  }

  /** The one of this run; the first call makes it. */
  static Testbed of(ExtensionContext context) {
    return context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(Testbed.class))
        .getOrComputeIfAbsent(Testbed.class, key -> start(), Testbed.class);
  }

  private static Testbed start() {
    Testbed testbed = new Testbed();
    try {
      testbed.setUp();
      return testbed;
    } catch (RuntimeException | Error e) {
      testbed.dump("setUp");
      testbed.close();
      throw e;
    }
  }

  private void setUp() {
    boolean goOn = KEEP && client.namespaces().withName(Installation.MEMBERS).get() != null;
    if (!goOn) {
      makeMembers();
    }
    stage("the operator is installed by Helm", 40, installation::install);
    if (!goOn || web.resource().get() == null) {
      fillMembers();
    }
    stage(
        "after kubectl apply all members are in sync",
        150,
        () -> {
          apply(manifest());
          web.awaitInSync(1, START);
          afterApply = Optional.of(web.status());
        });
  }

  private void makeMembers() {
    stage("what an earlier run left is gone", 20, () -> installation.remove(members));
    stage(
        "three VMs are made",
        10,
        () -> {
          installation.createNamespaces();
          installation.createMembers(members);
        });
  }

  private void fillMembers() {
    stage(
        "the VMs run and hold the same site",
        60,
        () ->
            Together.forEach(
                members,
                member -> {
                  Wait.until(member + " runs", START).until(member::running);
                  Site.fill(member);
                }));
  }

  private static void stage(String what, int budget, Runnable work) {
    long began = System.nanoTime();
    boolean done = false;
    try {
      work.run();
      done = true;
    } finally {
      Report.line(what, began, budget, done ? "ok" : "FAILED");
    }
  }

  /** The HACluster that the tests apply. */
  static Path manifest() {
    return Path.of("src/test/resources/e2e/hacluster.yaml").toAbsolutePath();
  }

  /** {@code kubectl apply -f} into the members' namespace. */
  void apply(Path file) {
    kubectl("apply", "-f", file.toString());
  }

  /** {@code kubectl} in the members' namespace. */
  String kubectl(String... words) {
    return installation.kubectl(Installation.MEMBERS, words);
  }

  /** Waits until all members are in sync, as every test begins and ends. */
  Testbed inSync() {
    web.awaitInSync(1, START);
    return this;
  }

  Host host() {
    return host;
  }

  KubernetesClient client() {
    return client;
  }

  Installation installation() {
    return installation;
  }

  Web web() {
    return web;
  }

  List<Member> members() {
    return members;
  }

  /** By member, what changes with every restart of its VM. */
  Map<String, String> incarnations() {
    Map<String, String> all = new TreeMap<>();
    members.forEach(m -> all.put(m.name(), m.incarnation().orElse("none")));
    return all;
  }

  /** The member that users are led to now. */
  Member primary() {
    return member(web.primary());
  }

  /** The others, in the order of their names. */
  List<Member> secondaries() {
    String primary = web.primary();
    return members.stream().filter(m -> !m.name().equals(primary)).toList();
  }

  Member member(String name) {
    return members.stream().filter(m -> m.name().equals(name)).findFirst().orElseThrow();
  }

  /** The status when all members were in sync for the first time. */
  HAClusterStatus afterApply() {
    return afterApply.orElseThrow();
  }

  /** Keeps what a person needs to understand a failure, in {@code target/e2e/NAME}. */
  void dump(String name) {
    try {
      Path directory = Files.createDirectories(Path.of("target/e2e", name));
      new Evidence(host, directory).collect(members);
      Report.fact("kept for you: %s", directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try (client) {
      if (KEEP) {
        Report.fact("left for a look around: namespace %s", Installation.MEMBERS);
        return;
      }
      stage("everything is removed", 40, () -> installation.remove(members));
    }
  }
}
