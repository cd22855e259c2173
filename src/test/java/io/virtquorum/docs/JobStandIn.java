package io.virtquorum.docs;

import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobConditionBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.JobStatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.e2e.Host;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Runs jobs for an API server without controllers: the program that is being tested, in a process
 * of its own, with the arguments of the job's container.
 */
final class JobStandIn implements AutoCloseable {
  private static final Duration DEADLINE = Duration.ofMinutes(2);

  private final KubernetesClient client;
  private final Path kubeConfig;
  private final List<String> ran = new CopyOnWriteArrayList<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread;

  JobStandIn(KubernetesClient client, Path kubeConfig) {
    this.client = client;
    this.kubeConfig = kubeConfig;
    this.thread = Thread.ofPlatform().name("jobs").daemon().start(this::watch);
  }

  /** Names of the jobs that ended well, in order. */
  List<String> ran() {
    return List.copyOf(ran);
  }

  private void watch() {
    try {
      while (!closed.await(200, TimeUnit.MILLISECONDS)) {
        client.batch().v1().jobs().inAnyNamespace().list().getItems().stream()
            .filter(job -> job.getStatus() == null || job.getStatus().getStartTime() == null)
            .forEach(this::run);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run(Job job) {
    Instant began = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    List<String> command =
        new ArrayList<>(
            List.of(
                "env",
                "KUBECONFIG=" + kubeConfig,
                "POD_NAMESPACE=" + job.getMetadata().getNamespace(),
                "POD_NAME=" + job.getMetadata().getName(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                "io.virtquorum.Main"));
    command.addAll(job.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs());
    Host.Outcome outcome = Host.here().attempt(DEADLINE, command);
    boolean well = outcome.exit() == 0;
    var status = new JobStatusBuilder().withStartTime(began.toString());
    for (String type :
        well ? List.of("SuccessCriteriaMet", "Complete") : List.of("FailureTarget", "Failed")) {
      status.addToConditions(
          new JobConditionBuilder()
              .withType(type)
              .withStatus("True")
              .withReason(well ? "CompletionsReached" : "BackoffLimitExceeded")
              .withMessage(outcome.output())
              .build());
    }
    if (well) {
      status
          .withSucceeded(1)
          .withCompletionTime(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      ran.add(job.getMetadata().getName());
    }
    Job ended = client.resource(job).get();
    ended.setStatus(status.build());
    client.resource(ended).updateStatus();
  }

  @Override
  public void close() {
    closed.countDown();
    try {
      thread.join(DEADLINE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
