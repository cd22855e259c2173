package io.virtquorum.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.api.DurationText;
import io.virtquorum.kubevirt.KubeVirtClient;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Lets go of all VMs and HAClusters after the operator was removed. Says a line for each thing
 * done, and ends with 1 if something is left.
 */
@Command(
    name = "release",
    description =
        "For after the operator was removed: takes sync NIC and sidecar out of the specs of VMs,"
            + " and VirtQuorum's finalizer from HAClusters. Deletes nothing; running VMs run on.",
    mixinStandardHelpOptions = true)
public final class ReleaseCommand implements Callable<Integer> {
  private static final Duration API_DEADLINE = Duration.ofSeconds(10);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

  @Option(
      names = "--watch-namespaces",
      split = ",",
      description = "Namespaces whose VMs and HAClusters are let go; all if not given.")
  private Set<String> watchNamespaces = Set.of();

  @Option(
      names = "--namespace",
      required = true,
      defaultValue = "${env:POD_NAMESPACE}",
      description = "Namespace of the removed operator; from POD_NAMESPACE if not given.")
  private String namespace;

  @Option(
      names = "--identity",
      required = true,
      defaultValue = "${env:POD_NAME:-release}",
      description = "Holder of the operator's lease meanwhile; from POD_NAME if not given.")
  private String identity;

  @Option(
      names = "--deadline",
      defaultValue = "4m",
      converter = AsDuration.class,
      description = "How long to try, such as 4m: ${DEFAULT-VALUE}.")
  private Duration deadline;

  @Spec private CommandSpec spec;

  /** Durations as they are written in HAClusters. */
  private static final class AsDuration implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return DurationText.parse(text);
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    try (KubernetesClient client = ApiConnection.open()) {
      return run(client);
    }
  }

  /** Runs with this client, which stays the caller's to close. */
  int run(KubernetesClient client) throws InterruptedException {
    long end = System.nanoTime() + deadline.toNanos();
    CountDownLatch acquired = new CountDownLatch(1);
    CountDownLatch lost = new CountDownLatch(1);
    // No operator may act at the same time: it would put back what is taken out here.
    try (Leadership lease =
        new Leadership(client, namespace, identity, acquired::countDown, lost::countDown)) {
      if (!acquired.await(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
        say(
            "The lease in namespace %s could not be had within %s: an operator still runs there, or this account may not write leases. Nothing was done."
                .formatted(namespace, DurationText.format(deadline)));
        return 1;
      }
      return release(client, end, lost);
    }
  }

  private int release(KubernetesClient client, long end, CountDownLatch lost)
      throws InterruptedException {
    KubeVirtClient kubevirt = new KubeVirtClient(client, API_DEADLINE);
    Release release = new Release(client, kubevirt, namespace, watchNamespaces, this::say);
    Duration pause = FIRST_PAUSE;
    List<String> open = release.pass();
    while (!open.isEmpty() && System.nanoTime() + pause.toNanos() < end) {
      for (String why : open) {
        say("Not yet, again in %s: %s".formatted(DurationText.format(pause), why));
      }
      if (lost.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
        say("Another operator took the lease: it acts now, and this ends.");
        return 1;
      }
      pause =
          pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0
              ? pause.multipliedBy(2)
              : LONGEST_PAUSE;
      open = release.pass();
    }
    open.forEach(why -> say("Left undone: " + why));
    release.troubles().forEach(trouble -> say("To be mended by hand: " + trouble));
    if (open.isEmpty() && release.troubles().isEmpty()) {
      say("Nothing of VirtQuorum is left in the specs of VMs, and no HACluster waits for it.");
      return 0;
    }
    return 1;
  }

  private void say(String sentence) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(sentence);
    out.flush();
  }
}
