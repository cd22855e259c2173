package io.virtquorum.operator;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.testing.Chart;
import java.util.function.Predicate;

/** The accounts that the chart makes, with the rights that it grants them and no others. */
final class ChartAccount {
  private ChartAccount() {}

  /** Grants what the chart grants when it is installed into the client's namespace. */
  static void grant(KubernetesClient client) {
    grant(client, name -> true);
  }

  /**
   * Grants a part of it.
   *
   * @param which tells by the name of a role or binding
   */
  static void grant(KubernetesClient client, Predicate<String> which) {
    String namespace = client.getNamespace();
    Chart.render(namespace, "--set=watchNamespaces={" + namespace + "}").stream()
        .filter(o -> o.getApiVersion().startsWith("rbac.authorization.k8s.io/"))
        .filter(o -> which.test(o.getMetadata().getName()))
        .forEach(o -> client.resource(o).forceConflicts().serverSideApply());
  }

  /** Acts as an account of the chart in the client's namespace. */
  static Config of(KubernetesClient client, String account) {
    Config config =
        new ConfigBuilder(client.getConfiguration())
            .withImpersonateUsername(
                "system:serviceaccount:%s:%s".formatted(client.getNamespace(), account))
            .withImpersonateGroups("system:serviceaccounts", "system:authenticated")
            .build();
    config.setNamespace(client.getNamespace());
    return config;
  }
}
