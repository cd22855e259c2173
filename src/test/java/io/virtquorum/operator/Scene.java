package io.virtquorum.operator;

import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.AccessSpec;
import io.virtquorum.api.Bootstrap;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.api.MembersSpec;
import io.virtquorum.api.RestartPolicy;
import io.virtquorum.api.StateSpec;
import io.virtquorum.api.SyncNetwork;
import io.virtquorum.api.Timing;
import io.virtquorum.api.Voting;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/**
 * The production operator in this process, against the real API server of a test, with VMs and
 * members that the test moves. Owns all of it.
 */
final class Scene implements AutoCloseable {
  static final String CLUSTER = "web";
  private static final int EDITS = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(40);

  final KubernetesClient client;
  final KubeVirtStandIn kubevirt;
  final Map<String, ScriptedMember> members = new TreeMap<>();
  private final Map<Digest, String> syncNetwork = new ConcurrentHashMap<>();
  private final List<OperatorProcess> operators = new ArrayList<>();
  private volatile int port = 1; // nobody is there
  private String touchedVersion = "";

  Scene(KubernetesClient client) throws IOException {
    this(client, client.getConfiguration());
  }

  /**
   * @param operator whom operators act as
   */
  Scene(KubernetesClient client, Config operator) throws IOException {
    this.client = client;
    this.kubevirt = new KubeVirtStandIn(client, operator);
    service(client, client.getNamespace());
  }

  /** The operator's Service. */
  static void service(KubernetesClient client, String namespace) {
    client
        .resource(
            new ServiceBuilder()
                .withNewMetadata()
                .withName("virtquorum")
                .withNamespace(namespace)
                .endMetadata()
                .withNewSpec()
                .addNewPort()
                .withPort(7600)
                .endPort()
                .endSpec()
                .build())
        .create();
  }

  String namespace() {
    return client.getNamespace();
  }

  /** Starts one more operator; the sidecars dial the newest. */
  OperatorProcess operator(String identity) throws IOException {
    OperatorProcess operator =
        new OperatorProcess(
            kubevirt.client(),
            new OperatorProcess.Options(
                namespace(),
                identity,
                "example.org/virtquorum:test",
                "virtquorum",
                7600,
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                Set.of(namespace())));
    operators.add(operator);
    port = operator.port();
    return operator;
  }

  /** Starts an operator and waits until it leads. */
  OperatorProcess leader(String identity) throws IOException {
    OperatorProcess operator = operator(identity);
    until(operator::leading);
    return operator;
  }

  /** A spec of three named members with short times and one access port. */
  static HAClusterSpec spec(List<String> names, StateSpec state) {
    return new HAClusterSpec(
        MembersSpec.named(names),
        SyncNetwork.onBridge("172.31.77.0/24", "br-sync"),
        state,
        new AccessSpec(List.of(new AccessPort("http", 80))),
        null,
        null,
        null,
        null,
        new Timing(
            Duration.ofMillis(50),
            Duration.ofMillis(100),
            Duration.ofMillis(200),
            Duration.ofMinutes(10)),
        null,
        null,
        null,
        null);
  }

  static HAClusterSpec spec(String... names) {
    return spec(List.of(names), StateSpec.ofFiles(new FileTree("site", "/srv/www")));
  }

  static HAClusterSpec withBootstrap(HAClusterSpec s, Bootstrap bootstrap) {
    return new HAClusterSpec(
        s.members(),
        s.syncNetwork(),
        s.state(),
        s.access(),
        s.mode(),
        s.voting(),
        bootstrap,
        s.restartPolicy(),
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        s.guestProgram());
  }

  static HAClusterSpec withRestarts(HAClusterSpec s, RestartPolicy policy) {
    return new HAClusterSpec(
        s.members(),
        s.syncNetwork(),
        s.state(),
        s.access(),
        s.mode(),
        s.voting(),
        s.bootstrap(),
        policy,
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        s.guestProgram());
  }

  static HAClusterSpec withProgram(HAClusterSpec s, GuestProgram program) {
    return new HAClusterSpec(
        s.members(),
        s.syncNetwork(),
        s.state(),
        s.access(),
        s.mode(),
        s.voting(),
        s.bootstrap(),
        s.restartPolicy(),
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        program);
  }

  static HAClusterSpec withMembers(HAClusterSpec s, MembersSpec members) {
    return new HAClusterSpec(
        members,
        s.syncNetwork(),
        s.state(),
        s.access(),
        s.mode(),
        s.voting(),
        s.bootstrap(),
        s.restartPolicy(),
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        s.guestProgram());
  }

  static HAClusterSpec withPorts(HAClusterSpec s, AccessPort... ports) {
    return new HAClusterSpec(
        s.members(),
        s.syncNetwork(),
        s.state(),
        new AccessSpec(List.of(ports)),
        s.mode(),
        s.voting(),
        s.bootstrap(),
        s.restartPolicy(),
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        s.guestProgram());
  }

  static HAClusterSpec withWeights(HAClusterSpec s, Map<String, Integer> weights) {
    return new HAClusterSpec(
        s.members(),
        s.syncNetwork(),
        s.state(),
        s.access(),
        s.mode(),
        new Voting(null, null, null, weights),
        s.bootstrap(),
        s.restartPolicy(),
        s.timing(),
        s.failover(),
        s.archive(),
        s.audit(),
        s.guestProgram());
  }

  HACluster apply(HAClusterSpec spec) {
    return apply(CLUSTER, spec);
  }

  HACluster apply(String name, HAClusterSpec spec) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName(name).build());
    cluster.setSpec(spec);
    return client.resource(cluster).create();
  }

  /** As kubectl edits: somebody else's write in between is no reason to give up. */
  HACluster edit(UnaryOperator<HACluster> change) {
    for (int tries = 1; ; tries++) {
      try {
        return client.resources(HACluster.class).withName(CLUSTER).edit(change);
      } catch (KubernetesClientException e) {
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT || tries == EDITS) {
          throw e;
        }
      }
    }
  }

  HACluster cluster() {
    return client.resources(HACluster.class).withName(CLUSTER).require();
  }

  Optional<Condition> condition(String type) {
    return cluster().getStatus().condition(type);
  }

  boolean is(String type, String reason) {
    return condition(type)
        .filter(c -> c.getStatus().equals("True") && c.getReason().equals(reason))
        .isPresent();
  }

  boolean isTrue(String type) {
    return condition(type).filter(c -> c.getStatus().equals("True")).isPresent();
  }

  long epoch() {
    return cluster()
        .getStatus()
        .recorded()
        .flatMap(r -> r.commitment())
        .map(c -> c.epoch())
        .orElse(0L);
  }

  String primary() {
    return cluster().getStatus().recorded().flatMap(r -> r.primaryMember()).orElse("");
  }

  /** Runs VMs as a cluster's members, NIC and sidecar in place, and attaches their sidecars. */
  void members(Map<String, String> files, String... names) {
    for (String name : names) {
      until(() -> kubevirt.machine(name).templateAnnotations().toString().contains("--cluster="));
      if (kubevirt.instance(name) == null) {
        kubevirt.run(name);
      }
      sidecar(name, files);
    }
  }

  /** Attaches the sidecar of a VM's present instance. */
  ScriptedMember sidecar(String name, Map<String, String> files) {
    ScriptedMember before = members.remove(name);
    if (before != null) {
      before.close();
    }
    ScriptedMember member =
        new ScriptedMember(
            namespace(),
            CLUSTER,
            name,
            kubevirt.instance(name).getMetadata().getUid(),
            () -> port,
            syncNetwork,
            files);
    members.put(name, member);
    return member;
  }

  /** Creates stopped VMs, so that their first instances run with NIC and sidecar. */
  void machines(String... names) {
    for (String name : names) {
      kubevirt.create(name, CLUSTER);
      kubevirt.stop(name);
    }
  }

  /** A cluster of three whose first epoch is committed; web-0 is its primary. */
  void committed() throws IOException {
    committed(spec("web-0", "web-1", "web-2"));
  }

  void committed(HAClusterSpec spec) throws IOException {
    machines("web-0", "web-1", "web-2");
    leader("op-a");
    apply(spec);
    members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    until(() -> epoch() == 1 && isTrue("Ready"));
  }

  /** Where users are led; empty: nowhere. */
  Optional<String> leadsTo() {
    EndpointSlice slice = client.discovery().v1().endpointSlices().withName(CLUSTER).get();
    return slice == null || slice.getEndpoints() == null || slice.getEndpoints().isEmpty()
        ? Optional.empty()
        : Optional.of(slice.getEndpoints().getFirst().getAddresses().getFirst());
  }

  String addressOf(String member) {
    return kubevirt.instance(member).getStatus().interfaces().getFirst().ipAddress();
  }

  List<Event> events(String reason) {
    return client.v1().events().list().getItems().stream()
        .filter(e -> e.getReason().equals(reason))
        .toList();
  }

  /** The operators, in the order in which they started. */
  List<OperatorProcess> operators() {
    return List.copyOf(operators);
  }

  /** Who votes by the record, with base weights. */
  Map<String, Integer> voters() {
    Map<String, Integer> voters = new TreeMap<>();
    cluster()
        .getStatus()
        .recorded()
        .ifPresent(r -> r.members().forEach(v -> voters.put(v.name(), v.weight())));
    return voters;
  }

  /** A sidecar that says it is this member; the caller closes it. */
  ScriptedMember stranger(String name, String vmiUid) {
    return new ScriptedMember(
        namespace(), CLUSTER, name, vmiUid, () -> port, syncNetwork, Map.of());
  }

  /** The specs of all VMs. */
  Map<String, Object> specs() {
    Map<String, Object> specs = new TreeMap<>();
    client
        .resources(VirtualMachine.class)
        .list()
        .getItems()
        .forEach(vm -> specs.put(vm.getMetadata().getName(), vm.getSpec()));
    return specs;
  }

  /** The hook annotation of a VM's template. */
  String hooks(String vm) {
    return client
        .resources(VirtualMachine.class)
        .withName(vm)
        .require()
        .templateAnnotations()
        .getOrDefault("hooks.kubevirt.io/hookSidecars", "");
  }

  /** Gives a VM a volume of cloud-init. */
  void addCloudInit(String vm) {
    client
        .resources(VirtualMachine.class)
        .withName(vm)
        .patch(
            PatchContext.of(PatchType.JSON_MERGE),
            "{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"ci\",\"cloudInitNoCloud\":{\"userData\":\"x\"}}]}}}}");
  }

  /** The resource versions of everything that the operator writes. */
  Map<String, String> versions() {
    Map<String, String> versions = new TreeMap<>();
    for (HasMetadata object :
        List.of(
            cluster(),
            kubevirt.machine("web-0"),
            client.services().withName(CLUSTER).get(),
            client.discovery().v1().endpointSlices().withName(CLUSTER).get())) {
      versions.put(object.getKind(), object.getMetadata().getResourceVersion());
    }
    versions.put("Events", "" + client.v1().events().list().getItems().size());
    return versions;
  }

  /** Changes an instance in a way that means nothing to the operator. */
  void touch(String name) {
    client
        .resources(VirtualMachineInstance.class)
        .withName(name)
        .edit(
            vmi -> {
              vmi.getMetadata().setLabels(Map.of("touched", "" + System.nanoTime()));
              return vmi;
            });
  }

  void annotate(String vm, String annotation, String value) {
    client
        .resources(VirtualMachine.class)
        .withName(vm)
        .edit(
            machine -> {
              machine.getMetadata().setAnnotations(Map.of(annotation, value));
              return machine;
            });
  }

  /** Returns when the reconciler has acted on all that happened before: it answers a new spec. */
  void settled() {
    String asked = "settled-" + System.nanoTime();
    touchedVersion =
        edit(c -> {
              c.getMetadata().getAnnotations().put("virtquorum.io/audit", asked);
              return c;
            })
            .getMetadata()
            .getResourceVersion();
    ScriptedMember member = members.get("web-1");
    until(() -> member.orders().stream().anyMatch(o -> o.getId().endsWith(asked)));
  }

  /** The version of the HACluster that the last {@link #settled} made; nobody wrote it since. */
  String touchedVersion() {
    return touchedVersion;
  }

  /** Waits for it; conditions may be those from before the newest epoch still. */
  void untilAllHold(String file, String text) {
    until(() -> members.values().stream().allMatch(m -> text.equals(m.files().get(file))));
  }

  /** Fails if it is not so, or does not stay so. */
  void forAWhile(Callable<Boolean> condition) {
    await().during(Duration.ofSeconds(1)).atMost(Duration.ofSeconds(10)).until(condition);
  }

  /** Waits until it is so. */
  void until(Callable<Boolean> condition) {
    await().atMost(PATIENCE).pollInterval(Duration.ofMillis(50)).until(condition);
  }

  @Override
  public void close() {
    members.values().forEach(ScriptedMember::close);
    operators.forEach(OperatorProcess::close);
    kubevirt.close();
  }
}
