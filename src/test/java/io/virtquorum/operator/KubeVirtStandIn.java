package io.virtquorum.operator;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import io.virtquorum.kubevirt.InstanceInterface;
import io.virtquorum.kubevirt.InstanceSpec;
import io.virtquorum.kubevirt.InstanceStatus;
import io.virtquorum.kubevirt.KubeVirtCondition;
import io.virtquorum.kubevirt.Network;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.kubevirt.VirtualMachineStatus;
import io.virtquorum.testing.Yaml;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * KubeVirt for a real API server that has only its CRDs: makes instances out of VMs when it is
 * told, and answers the restart subresource, which that server does not have. {@link #client} goes
 * to the real server with everything else.
 */
final class KubeVirtStandIn implements AutoCloseable {
  private static final String SUBRESOURCES = "/apis/subresources.kubevirt.io/";

  private final KubernetesClient direct;
  private final KubernetesClient client;
  private final HttpServer server;
  private final List<String> restarts = new CopyOnWriteArrayList<>();
  private final AtomicInteger addresses = new AtomicInteger();
  private volatile Optional<String> refused = Optional.empty();

  KubeVirtStandIn(KubernetesClient direct) throws IOException {
    this(direct, direct.getConfiguration());
  }

  /**
   * @param operator whom the operator's client acts as
   */
  KubeVirtStandIn(KubernetesClient direct, Config operator) throws IOException {
    this.direct = direct;
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
    server.createContext(SUBRESOURCES, this::restart);
    server.start();
    this.client =
        new KubernetesClientBuilder()
            .withConfig(operator)
            .withHttpClientBuilderConsumer(
                http -> http.addOrReplaceInterceptor("subresources", new ToStandIn()))
            .build();
  }

  private final class ToStandIn implements Interceptor {
    @Override
    public void before(BasicBuilder request, HttpRequest sent, RequestTags tags) {
      if (sent.uri().getPath().startsWith(SUBRESOURCES)) {
        request.uri(
            URI.create("http://127.0.0.1:" + server.getAddress().getPort() + sent.uri().getPath()));
      }
    }
  }

  /** For the operator. */
  KubernetesClient client() {
    return client;
  }

  /** From now on restarts are refused with these words. */
  void refusesRestarts(String words) {
    refused = Optional.of(words);
  }

  /** KubeVirt says this of a VM, for people. */
  void says(String name, String printableStatus) {
    VirtualMachine vm = machine(name);
    vm.setStatus(new VirtualMachineStatus(true, false, printableStatus, List.of(), Map.of()));
    direct.resource(vm).updateStatus();
  }

  /** The VMs whose restart was asked for, in order. */
  List<String> restarts() {
    return List.copyOf(restarts);
  }

  /** Creates a VM that lists no network, and runs it. */
  VirtualMachine create(String name, String app) {
    VirtualMachine vm =
        Yaml.vm(
            """
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: %s, labels: {app: %s}}
            spec:
              runStrategy: Always
              template:
                spec:
                  domain: {memory: {guest: 256Mi}, devices: {rng: {}}}
            """
                .formatted(name, app));
    VirtualMachine created = direct.resource(vm).create();
    run(name);
    return created;
  }

  VirtualMachine machine(String name) {
    return direct.resources(VirtualMachine.class).withName(name).require();
  }

  VirtualMachineInstance instance(String name) {
    return direct.resources(VirtualMachineInstance.class).withName(name).get();
  }

  /** Runs a VM by its present template; its instance is Running and Ready at once. */
  VirtualMachineInstance run(String name) {
    return run(name, true);
  }

  VirtualMachineInstance run(String name, boolean ready) {
    VirtualMachine vm = machine(name);
    InstanceSpec spec = vm.instanceSpec().orElseThrow();
    VirtualMachineInstance instance = new VirtualMachineInstance();
    instance.setMetadata(
        new ObjectMetaBuilder().withName(name).withAnnotations(vm.templateAnnotations()).build());
    instance.setSpec(
        spec.networks() != null
            ? spec
            : new InstanceSpec(
                spec.domain(),
                List.of(new Network("default", Map.of(), null, Map.of())),
                spec.unknown()));
    String address = "240.0.0." + addresses.incrementAndGet();
    instance.setStatus(
        new InstanceStatus(
            "Running",
            "node-" + name,
            List.of(
                new InstanceInterface(
                    "default", null, address, List.of(address), "eth0", Map.of())),
            List.of(ready(ready)),
            null,
            Map.of()));
    return direct.resource(instance).create();
  }

  /** Says whether an instance is ready. */
  void ready(String name, boolean ready) {
    direct
        .resources(VirtualMachineInstance.class)
        .withName(name)
        .edit(
            vmi -> {
              InstanceStatus old = vmi.getStatus();
              vmi.setStatus(
                  new InstanceStatus(
                      old.phase(),
                      old.nodeName(),
                      old.interfaces(),
                      List.of(ready(ready)),
                      old.evacuationNodeName(),
                      old.unknown()));
              return vmi;
            });
  }

  private static KubeVirtCondition ready(boolean ready) {
    return new KubeVirtCondition("Ready", ready ? "True" : "False", null, null, Map.of());
  }

  /** Ends a VM's instance. */
  void stop(String name) {
    direct.resources(VirtualMachineInstance.class).withName(name).delete();
    direct
        .resources(VirtualMachineInstance.class)
        .withName(name)
        .waitUntilCondition(i -> i == null, 10, TimeUnit.SECONDS);
  }

  /** KubeVirt's restart: the instance ends; a test runs it again. */
  private void restart(HttpExchange exchange) throws IOException {
    String[] path = exchange.getRequestURI().getPath().split("/", -1);
    String name = path[path.length - 2];
    Optional<String> refusal = refused;
    if (refusal.isPresent()) {
      byte[] status =
          "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"code\":403,\"message\":\"%s\"}"
              .formatted(refusal.get())
              .getBytes(StandardCharsets.UTF_8);
      exchange.getRequestBody().readAllBytes();
      exchange.sendResponseHeaders(403, status.length);
      exchange.getResponseBody().write(status);
      exchange.close();
      return;
    }
    boolean runs = path[path.length - 1].equals("restart") && instance(name) != null;
    if (runs) {
      direct.resources(VirtualMachineInstance.class).withName(name).delete();
      restarts.add(name); // a test that sees it runs the VM again
    }
    exchange.getRequestBody().readAllBytes();
    exchange.sendResponseHeaders(runs ? 202 : 409, -1);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
    client.close();
  }
}
