package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.virtquorum.kubevirt.KubeVirt;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.operator.Prerequisites.Answer;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Says in a sentence each whether what VirtQuorum needs is there; ends with 1 if something is not.
 * Reads only.
 */
@Command(
    name = "check",
    description =
        "Says whether what VirtQuorum needs is there: the kinds of objects, KubeVirt's feature"
            + " gate Sidecar, and an operator that answers. Changes nothing.",
    mixinStandardHelpOptions = true)
public final class CheckCommand implements Callable<Integer> {
  private static final Duration API_DEADLINE = Duration.ofSeconds(10);
  private static final Duration OPERATOR_DEADLINE = Duration.ofSeconds(20);
  private static final String GATE = "Sidecar";

  @Option(
      names = "--namespace",
      required = true,
      defaultValue = "${env:POD_NAMESPACE}",
      description = "Namespace of the operator; from POD_NAMESPACE if not given.")
  private String namespace;

  @Option(
      names = "--service",
      defaultValue = "virtquorum",
      description = "The operator's Service in that namespace: ${DEFAULT-VALUE}.")
  private String service;

  @Option(
      names = "--port",
      defaultValue = "7600",
      description = "Port of that Service: ${DEFAULT-VALUE}.")
  private int port;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    try (KubernetesClient client = ApiConnection.open()) {
      return run(client, found -> OperatorProcess.address(found, port));
    }
  }

  /**
   * Runs with this client, which stays the caller's to close.
   *
   * @param address where the operator's Service is reached from here
   */
  int run(KubernetesClient client, Function<Service, String> address) throws InterruptedException {
    List<Answer> answers = new ArrayList<>();
    try {
      answers.addAll(Prerequisites.kinds(client));
      answers.add(gate(new KubeVirtClient(client, API_DEADLINE)));
      answers.add(operator(client, address));
    } catch (KubernetesClientException e) {
      answers.add(new Answer(false, "The API server refused an answer: " + e.getMessage()));
    }
    PrintWriter out = spec.commandLine().getOut();
    answers.forEach(a -> out.println((a.there() ? "ok       " : "MISSING  ") + a.sentence()));
    out.flush();
    return answers.stream().allMatch(Answer::there) ? 0 : 1;
  }

  private static Answer gate(KubeVirtClient kubevirt) {
    try {
      Optional<KubeVirt> installation = kubevirt.installation();
      if (installation.isEmpty()) {
        return new Answer(false, "There is no KubeVirt installation in the cluster: make one.");
      }
      return installation.get().featureGates().contains(GATE)
          ? new Answer(true, "KubeVirt's feature gate Sidecar is on.")
          : new Answer(
              false,
              "KubeVirt's feature gate Sidecar is off, and it would refuse to start members: add"
                  + " it to spec.configuration.developerConfiguration.featureGates of the KubeVirt"
                  + " object.");
    } catch (KubeVirtException e) {
      return new Answer(false, e.getMessage());
    }
  }

  private Answer operator(KubernetesClient client, Function<Service, String> where)
      throws InterruptedException {
    Service found = client.services().inNamespace(namespace).withName(service).get();
    if (found == null) {
      return new Answer(
          false, "There is no Service %s in namespace %s.".formatted(service, namespace));
    }
    String address = where.apply(found);
    return answers(address)
        ? new Answer(true, "The operator answers at its Service, %s.".formatted(address))
        : new Answer(
            false,
            "Nobody answers at the operator's Service, %s, within %d s: see kubectl -n %s get pods."
                .formatted(address, OPERATOR_DEADLINE.toSeconds(), namespace));
  }

  /** True once somebody speaks gRPC there: the channel is ready after both sides said so. */
  private static boolean answers(String address) throws InterruptedException {
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      CountDownLatch ready = new CountDownLatch(1);
      watch(channel, ready);
      return ready.await(OPERATOR_DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
    } finally {
      channel.shutdownNow();
    }
  }

  private static void watch(ManagedChannel channel, CountDownLatch ready) {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.READY) {
      ready.countDown();
    } else if (state != ConnectivityState.SHUTDOWN) {
      channel.notifyWhenStateChanged(state, () -> watch(channel, ready));
    }
  }
}
