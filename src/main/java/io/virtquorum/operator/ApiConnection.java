package io.virtquorum.operator;

import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Duration;

/** The API server as every subcommand reaches it: from a pod, or by a person's kubeconfig. */
final class ApiConnection {
  private static final Duration REQUEST_DEADLINE = Duration.ofSeconds(10);
  private static final Duration CONNECT_DEADLINE = Duration.ofSeconds(3);

  private ApiConnection() {}

  /** Connects; the caller closes it. */
  static KubernetesClient open() {
    return new KubernetesClientBuilder()
        .withConfig(
            new ConfigBuilder()
                .withRequestTimeout((int) REQUEST_DEADLINE.toMillis())
                .withConnectionTimeout((int) CONNECT_DEADLINE.toMillis())
                .build())
        .build();
  }
}
