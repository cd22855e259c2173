package io.virtquorum.operator;

import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.authorization.v1.SubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SubjectAccessReviewBuilder;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBinding;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.api.model.rbac.RoleRef;
import io.fabric8.kubernetes.api.model.rbac.Subject;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.testing.Chart;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The accounts that the chart makes, with the rights that it grants them and no others. */
final class ChartAccount {
  private ChartAccount() {}

  /** Grants what the chart grants when it is installed into the client's namespace. */
  static void grant(KubernetesClient client) {
    grant(client, name -> true);
  }

  /**
   * Grants a part of it; returns once the API server authorizes by it, which is some time after it
   * has the objects.
   *
   * @param which tells by the name of a role or binding
   */
  static void grant(KubernetesClient client, Predicate<String> which) {
    String namespace = client.getNamespace();
    List<HasMetadata> granted =
        Chart.render(namespace, "--set=watchNamespaces={" + namespace + "}").stream()
            .filter(o -> o.getApiVersion().startsWith("rbac.authorization.k8s.io/"))
            .filter(o -> which.test(o.getMetadata().getName()))
            .toList();
    granted.forEach(o -> client.resource(o).forceConflicts().serverSideApply());
    List<SubjectAccessReview> uses = granted.stream().flatMap(o -> use(o, granted)).toList();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> uses.stream().allMatch(use -> isAllowed(client, use)));
  }

  /** One use of the rights that a binding grants; none for what is no binding. */
  private static Stream<SubjectAccessReview> use(HasMetadata object, List<HasMetadata> granted) {
    return switch (object) {
      case RoleBinding b -> Stream.of(use(b.getSubjects(), b.getRoleRef(), granted));
      case ClusterRoleBinding b -> Stream.of(use(b.getSubjects(), b.getRoleRef(), granted));
      default -> Stream.empty();
    };
  }

  private static SubjectAccessReview use(
      List<Subject> subjects, RoleRef role, List<HasMetadata> granted) {
    Subject subject = subjects.getFirst();
    PolicyRule rule =
        granted.stream()
            .filter(o -> o.getKind().equals(role.getKind()))
            .filter(o -> o.getMetadata().getName().equals(role.getName()))
            .flatMap(o -> rules(o).stream())
            .findFirst()
            .orElseThrow();
    return new SubjectAccessReviewBuilder()
        .withNewSpec()
        .withUser(user(subject.getNamespace(), subject.getName()))
        .withNewResourceAttributes()
        .withNamespace(subject.getNamespace())
        .withVerb(rule.getVerbs().getFirst())
        .withGroup(rule.getApiGroups().getFirst())
        .withResource(rule.getResources().getFirst())
        .withName(rule.getResourceNames().stream().findFirst().orElse(null))
        .endResourceAttributes()
        .endSpec()
        .build();
  }

  private static List<PolicyRule> rules(HasMetadata role) {
    return role instanceof ClusterRole everywhere
        ? everywhere.getRules()
        : ((Role) role).getRules();
  }

  private static boolean isAllowed(KubernetesClient client, SubjectAccessReview use) {
    return client.authorization().v1().subjectAccessReview().create(use).getStatus().getAllowed();
  }

  /** Acts as an account of the chart in the client's namespace. */
  static Config of(KubernetesClient client, String account) {
    Config config =
        new ConfigBuilder(client.getConfiguration())
            .withImpersonateUsername(user(client.getNamespace(), account))
            .withImpersonateGroups("system:serviceaccounts", "system:authenticated")
            .build();
    config.setNamespace(client.getNamespace());
    return config;
  }

  private static String user(String namespace, String account) {
    return "system:serviceaccount:%s:%s".formatted(namespace, account);
  }
}
