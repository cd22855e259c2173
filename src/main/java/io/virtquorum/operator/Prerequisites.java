package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.APIResourceList;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.Optional;

/** What must be installed in the cluster before an operator can do anything. */
final class Prerequisites {
  private record Need(String groupVersion, String plural, String sentence) {}

  private static final List<Need> NEEDS =
      List.of(
          new Need(
              "virtquorum.io/v1alpha1",
              "haclusters",
              "The cluster does not know HAClusters: run kubectl apply -f crds/ first."),
          new Need(
              "kubevirt.io/v1",
              "virtualmachines",
              "The cluster does not know VirtualMachines (kubevirt.io/v1): install KubeVirt first."),
          new Need(
              "kubevirt.io/v1",
              "virtualmachineinstances",
              "The cluster does not know VirtualMachineInstances (kubevirt.io/v1): KubeVirt is"
                  + " installed in part; wait until its operator says Deployed."));

  private Prerequisites() {}

  /** What is missing, as a sentence for who installs; empty: nothing. Asks the API server. */
  static Optional<String> missing(KubernetesClient client) {
    return NEEDS.stream()
        .filter(need -> !has(client.getApiResources(need.groupVersion()), need.plural()))
        .map(Need::sentence)
        .findFirst();
  }

  private static boolean has(APIResourceList found, String plural) {
    return found != null
        && found.getResources().stream().anyMatch(resource -> resource.getName().equals(plural));
  }
}
