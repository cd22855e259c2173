package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.APIResourceList;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What must be installed in the cluster before VirtQuorum can do anything. */
final class Prerequisites {

  /**
   * Whether something that is needed is there.
   *
   * @param sentence says what is there, or what is not and what to do
   */
  record Answer(boolean there, String sentence) {}

  private record Need(String groupVersion, String plural, String there, String missing) {
    Answer ask(KubernetesClient client) {
      APIResourceList known = client.getApiResources(groupVersion);
      boolean has =
          known != null
              && known.getResources().stream().anyMatch(kind -> kind.getName().equals(plural));
      return new Answer(has, has ? there : missing);
    }
  }

  /** Without them an operator does not even start. */
  private static final List<Need> TO_START =
      List.of(
          new Need(
              "virtquorum.io/v1alpha1",
              "haclusters",
              "The cluster knows HAClusters.",
              "The cluster does not know HAClusters: run kubectl apply -f crds/ first."),
          new Need(
              "kubevirt.io/v1",
              "virtualmachines",
              "The cluster knows VirtualMachines.",
              "The cluster does not know VirtualMachines (kubevirt.io/v1): install KubeVirt first."),
          new Need(
              "kubevirt.io/v1",
              "virtualmachineinstances",
              "The cluster knows VirtualMachineInstances.",
              "The cluster does not know VirtualMachineInstances (kubevirt.io/v1): KubeVirt is"
                  + " installed in part; wait until its operator says Deployed."));

  private static final Need MULTUS =
      new Need(
          "k8s.cni.cncf.io/v1",
          "network-attachment-definitions",
          "The cluster knows NetworkAttachmentDefinitions.",
          "The cluster does not know NetworkAttachmentDefinitions (k8s.cni.cncf.io/v1): install"
              + " Multus first, or members have no sync network.");

  private Prerequisites() {}

  /** What is missing, as a sentence for who installs; empty: nothing. Asks the API server. */
  static Optional<String> missing(KubernetesClient client) {
    return TO_START.stream()
        .map(need -> need.ask(client))
        .filter(answer -> !answer.there())
        .map(Answer::sentence)
        .findFirst();
  }

  /** All that the cluster must know for members to be prepared. Asks the API server. */
  static List<Answer> kinds(KubernetesClient client) {
    return Stream.concat(TO_START.stream(), Stream.of(MULTUS))
        .map(need -> need.ask(client))
        .toList();
  }
}
