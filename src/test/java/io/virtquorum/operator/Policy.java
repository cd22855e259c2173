package io.virtquorum.operator;

import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingAdmissionPolicyBindingBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingAdmissionPolicyBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * An API server that refuses: a ValidatingAdmissionPolicy for one namespace, as an administrator
 * may have one, and as the webhooks of KubeVirt act. Closing takes it away again.
 */
final class Policy implements AutoCloseable {
  private final KubernetesClient client;
  private final String name;

  /**
   * Returns once it is in force.
   *
   * @param group of the API
   * @param resource in the plural, with its subresource
   * @param operations such as UPDATE
   * @param allowed CEL expression of what is accepted all the same
   * @param words that a refusal says
   * @param refused does what must be refused; it throws once it is
   */
  Policy(
      KubernetesClient client,
      String group,
      String resource,
      List<String> operations,
      String allowed,
      String words,
      Runnable refused) {
    this.client = client;
    this.name = "refuses-" + resource.replace('/', '-') + "-" + client.getNamespace();
    client
        .resource(
            new ValidatingAdmissionPolicyBuilder()
                .withNewMetadata()
                .withName(name)
                .endMetadata()
                .withNewSpec()
                .withFailurePolicy("Fail")
                .withNewMatchConstraints()
                .addNewResourceRule()
                .withApiGroups(group)
                .withApiVersions("*")
                .withOperations(operations)
                .withResources(resource)
                .endResourceRule()
                .endMatchConstraints()
                .addNewValidation()
                .withExpression(allowed)
                .withMessage(words)
                .endValidation()
                .endSpec()
                .build())
        .create();
    client
        .resource(
            new ValidatingAdmissionPolicyBindingBuilder()
                .withNewMetadata()
                .withName(name)
                .endMetadata()
                .withNewSpec()
                .withPolicyName(name)
                .withValidationActions("Deny")
                .withNewMatchResources()
                .withNewNamespaceSelector()
                .withMatchLabels(Map.of("kubernetes.io/metadata.name", client.getNamespace()))
                .endNamespaceSelector()
                .endMatchResources()
                .endSpec()
                .build())
        .create();
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> isRefused(refused));
  }

  private static boolean isRefused(Runnable attempt) {
    try {
      attempt.run();
      return false;
    } catch (KubernetesClientException e) {
      return e.getMessage().contains("ValidatingAdmissionPolicy");
    }
  }

  @Override
  public void close() {
    client.admissionRegistration().v1().validatingAdmissionPolicyBindings().withName(name).delete();
    client.admissionRegistration().v1().validatingAdmissionPolicies().withName(name).delete();
  }
}
