package io.virtquorum.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBinding;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.virtquorum.Main;
import io.virtquorum.e2e.Host;
import io.virtquorum.testing.Chart;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What the real Helm makes of the chart, and what it says to who gives it wrong values. */
final class RenderedChartIT {
  private static final String NAMESPACE = "virtquorum-system";
  private static final String DIGEST = "sha256:" + "0123456789abcdef".repeat(4);
  private static final String HOOK = "helm.sh/hook";

  @Test
  void whenHelmLintsTheChartThenItHasNothingToSay() {
    Host.Outcome outcome = Chart.helm("lint", "--strict", Chart.PATH.toString());
    assertThat(outcome.exit()).as(outcome.output()).isZero();
    assertThat(outcome.output()).doesNotContain("[WARNING]").doesNotContain("[ERROR]");
  }

  @Test
  void givenNoValuesThenOneOperatorIsInstalledThatServesAllNamespaces() {
    List<HasMetadata> all = Chart.render(NAMESPACE);
    Deployment operator = only(all, Deployment.class);
    assertThat(operator.getSpec().getReplicas()).isEqualTo(1);
    assertThat(operator.getMetadata().getNamespace()).isEqualTo(NAMESPACE);
    assertThat(arguments(operator)).noneMatch(a -> a.startsWith("--watch-namespaces"));
    assertThat(of(all, PodDisruptionBudget.class)).isEmpty();
    assertThat(of(all, ClusterRoleBinding.class)).hasSizeGreaterThan(4);
    Container container = Chart.pod(operator).orElseThrow().getContainers().getFirst();
    assertThat(container.getLivenessProbe().getHttpGet().getPath()).isEqualTo("/livez");
    assertThat(container.getReadinessProbe().getHttpGet().getPath()).isEqualTo("/readyz");
    assertThat(container.getStartupProbe()).isNotNull();
    assertThat(container.getResources().getRequests()).containsKeys("cpu", "memory");
    assertThat(container.getResources().getLimits()).containsKey("memory");
  }

  @Test
  void givenADigestThenOperatorSidecarsAndHooksAreThatImage() {
    String image = "registry.example/virtquorum@" + DIGEST;
    List<HasMetadata> all =
        Chart.render(
            NAMESPACE,
            "--set=image.repository=registry.example/virtquorum",
            "--set=image.tag=ignored",
            "--set=image.digest=" + DIGEST);
    assertThat(pods(all).flatMap(p -> p.getContainers().stream()).map(Container::getImage))
        .hasSize(3)
        .containsOnly(image);
    assertThat(arguments(only(all, Deployment.class))).contains("--sidecar-image=" + image);
  }

  @Test
  void givenAnAddressForTheServiceThenItHasIt() {
    assertThat(only(Chart.render(NAMESPACE), Service.class).getSpec().getClusterIP()).isNull();
    assertThat(
            only(Chart.render(NAMESPACE, "--set=service.clusterIP=10.96.7.7"), Service.class)
                .getSpec()
                .getClusterIP())
        .isEqualTo("10.96.7.7");
  }

  @Test
  void givenWatchNamespacesThenNothingIsGrantedInTheWholeClusterButReadingKubeVirt() {
    List<HasMetadata> all = Chart.render(NAMESPACE, "--set=watchNamespaces={shop,mail}");
    Map<String, List<PolicyRule>> roles =
        of(all, ClusterRole.class).stream()
            .collect(Collectors.toMap(r -> r.getMetadata().getName(), ClusterRole::getRules));
    assertThat(of(all, ClusterRoleBinding.class))
        .isNotEmpty()
        .allSatisfy(
            binding ->
                assertThat(roles.get(binding.getRoleRef().getName()))
                    .allSatisfy(
                        rule -> {
                          assertThat(rule.getResources()).containsExactly("kubevirts");
                          assertThat(rule.getVerbs()).isSubsetOf("get", "list", "watch");
                        }));
    assertThat(of(all, RoleBinding.class))
        .filteredOn(b -> b.getRoleRef().getKind().equals("ClusterRole"))
        .extracting(b -> b.getMetadata().getNamespace())
        .containsOnly("shop", "mail");
    assertThat(arguments(only(all, Deployment.class))).contains("--watch-namespaces=shop,mail");
    assertThat(arguments(only(all, Job.class))).contains("--watch-namespaces=shop,mail");
  }

  @Test
  void givenSeveralReplicasAndABudgetThenOneMayBeMissingAndTheySpreadOverNodes() {
    List<HasMetadata> all =
        Chart.render(NAMESPACE, "--set=replicas=3", "--set=podDisruptionBudget.enabled=true");
    Deployment operator = only(all, Deployment.class);
    assertThat(operator.getSpec().getReplicas()).isEqualTo(3);
    assertThat(operator.getSpec().getTemplate().getSpec().getTopologySpreadConstraints())
        .hasSize(1);
    PodDisruptionBudget budget = only(all, PodDisruptionBudget.class);
    assertThat(budget.getSpec().getMaxUnavailable().getIntVal()).isEqualTo(1);
    assertThat(budget.getSpec().getSelector().getMatchLabels())
        .isEqualTo(operator.getSpec().getSelector().getMatchLabels());
  }

  @Test
  void givenRightsThatSomebodyElseGrantsThenNoneAreRenderedAndHooksUseThatAccount() {
    List<HasMetadata> all =
        Chart.render(
            NAMESPACE,
            "--set=rbac.create=false",
            "--set=serviceAccount.create=false",
            "--set=serviceAccount.name=granted");
    assertThat(all)
        .noneMatch(o -> o.getApiVersion().startsWith("rbac"))
        .noneMatch(o -> o.getKind().equals("ServiceAccount"));
    assertThat(pods(all).map(PodSpec::getServiceAccountName)).containsOnly("granted");
  }

  @Test
  void givenHooksThenAccountsAndRightsAreThereBeforeTheirPodsAndGoAfterThem() {
    List<HasMetadata> hooks =
        Chart.render(NAMESPACE).stream().filter(o -> annotation(o, HOOK) != null).toList();
    assertThat(hooks.stream().map(o -> annotation(o, HOOK)).distinct())
        .containsExactlyInAnyOrder("test", "post-delete");
    assertThat(hooks)
        .filteredOn(o -> Chart.pod(o).isEmpty())
        .isNotEmpty()
        .allSatisfy(
            o -> {
              assertThat(Integer.parseInt(annotation(o, "helm.sh/hook-weight"))).isNegative();
              assertThat(annotation(o, "helm.sh/hook-delete-policy"))
                  .isEqualTo("before-hook-creation,hook-succeeded");
            });
    Job job = only(hooks, Job.class);
    assertThat(annotation(job, "helm.sh/hook-delete-policy"))
        .isEqualTo("before-hook-creation,hook-succeeded");
    assertThat(job.getSpec().getActiveDeadlineSeconds())
        .as("less than Helm waits, which is five minutes")
        .isLessThan(300);
  }

  @Test
  void givenThatUninstallIsNotToReleaseThenThereIsNoJob() {
    assertThat(of(Chart.render(NAMESPACE, "--set=uninstall.release=false"), Job.class)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"replicas=1", "watchNamespaces={shop}", "fixedUser=false", "replicas=2"})
  void whateverIsRenderedThenEveryPodKeepsToTheRestrictedStandard(String value) {
    List<PodSpec> pods = pods(Chart.render(NAMESPACE, "--set=" + value)).toList();
    assertThat(pods).hasSize(3).allSatisfy(RenderedChartIT::assertThatItIsRestricted);
  }

  private static void assertThatItIsRestricted(PodSpec pod) {
    assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
    assertThat(pod.getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
    assertThat(pod.getHostNetwork()).isNull();
    assertThat(pod.getHostPID()).isNull();
    assertThat(pod.getVolumes()).allSatisfy(v -> assertThat(v.getEmptyDir()).isNotNull());
    assertThat(pod.getContainers())
        .allSatisfy(
            container -> {
              var context = container.getSecurityContext();
              assertThat(context.getAllowPrivilegeEscalation()).isFalse();
              assertThat(context.getReadOnlyRootFilesystem()).isTrue();
              assertThat(context.getCapabilities().getDrop()).containsExactly("ALL");
              assertThat(context.getCapabilities().getAdd()).isEmpty();
            });
  }

  @Test
  void givenAPlatformThatChoosesTheUserThenNoPodNamesOne() {
    assertThat(pods(Chart.render(NAMESPACE)))
        .allMatch(p -> p.getSecurityContext().getRunAsUser() == 65532);
    assertThat(pods(Chart.render(NAMESPACE, "--set=fixedUser=false")))
        .map(PodSpec::getSecurityContext)
        .allMatch(c -> c.getRunAsUser() == null && c.getRunAsGroup() == null)
        .allMatch(c -> c.getFsGroup() == null);
  }

  @Test
  void givenAPullSecretThenEveryPodHasIt() {
    assertThat(pods(Chart.render(NAMESPACE, "--set=imagePullSecrets[0].name=registry")))
        .hasSize(3)
        .allMatch(p -> p.getImagePullSecrets().getFirst().getName().equals("registry"));
  }

  @Test
  void whateverThePodsAreToRunThenTheProgramKnowsEachArgument() throws Exception {
    Map<String, Class<?>> subcommands =
        Stream.of(Main.class.getAnnotation(Command.class).subcommands())
            .collect(Collectors.toMap(c -> c.getAnnotation(Command.class).name(), c -> c));
    List<HasMetadata> all = Chart.render(NAMESPACE, "--set=watchNamespaces={shop,mail}");
    for (PodSpec pod : pods(all).toList()) {
      List<String> words = pod.getContainers().getFirst().getArgs();
      assertThat(subcommands).containsKey(words.getFirst());
      List<String> arguments = new ArrayList<>(words.subList(1, words.size()));
      arguments.add("--namespace=" + NAMESPACE); // comes by POD_NAMESPACE
      Object command = subcommands.get(words.getFirst()).getDeclaredConstructor().newInstance();
      new CommandLine(command).parseArgs(arguments.toArray(String[]::new));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "image.digest=sha256:abc | at '/image/digest': 'sha256:abc' does not match pattern",
        "image.digest=latest | at '/image/digest'",
        "image.tag=a tag | at '/image/tag'",
        "image.repository=https://registry.example/virtquorum | at '/image/repository'",
        "image.repository=registry.example/virtquorum:0.1 | at '/image/repository'",
        "replicaCount=2 | additional properties 'replicaCount' not allowed",
        "uninstall.relase=false | at '/uninstall': additional properties 'relase' not allowed",
        "watchNamespaces={Shop} | at '/watchNamespaces/0': 'Shop' does not match pattern",
        "watchNamespaces={shop,shop} | at '/watchNamespaces': items at 0 and 1 are equal",
        "replicas=0 | at '/replicas': minimum: got 0, want 1",
        "replicas=two | at '/replicas': got string, want integer",
        "service.port=8080 | at '/service/port'",
        "image.pullPolicy=Sometimes | at '/image/pullPolicy': value must be one of 'Always'",
        "fixedUser=no-thanks | at '/fixedUser': got string, want boolean",
        "serviceAccount.create=false | serviceAccount.name must say which account to use",
      })
  void givenAWrongValueThenHelmRefusesAndSaysWhichAndWhy(String value, String sentence) {
    Host.Outcome outcome = Chart.template(NAMESPACE, "--set", value);
    assertThat(outcome.exit()).isNotZero();
    assertThat(outcome.output()).contains(sentence);
  }

  @Test
  void whateverIsGrantedThenNothingIsAWildcardAndNoSecretIsRead() {
    List<PolicyRule> rules = new ArrayList<>();
    List<HasMetadata> all = Chart.render(NAMESPACE);
    of(all, ClusterRole.class).forEach(r -> rules.addAll(r.getRules()));
    of(all, Role.class).forEach(r -> rules.addAll(r.getRules()));
    assertThat(rules)
        .hasSizeGreaterThan(10)
        .allSatisfy(
            rule -> {
              assertThat(rule.getVerbs()).doesNotContain("*");
              assertThat(rule.getResources()).doesNotContain("*");
              assertThat(rule.getApiGroups()).doesNotContain("*");
            });
    assertThat(of(all, ClusterRole.class).stream().flatMap(r -> r.getRules().stream()))
        .noneMatch(rule -> rule.getResources().contains("secrets"));
  }

  private static List<String> arguments(HasMetadata object) {
    return Chart.pod(object).orElseThrow().getContainers().getFirst().getArgs();
  }

  private static Stream<PodSpec> pods(List<HasMetadata> all) {
    return all.stream().flatMap(o -> Chart.pod(o).stream());
  }

  private static <T extends HasMetadata> List<T> of(List<HasMetadata> all, Class<T> type) {
    return all.stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static <T extends HasMetadata> T only(List<HasMetadata> all, Class<T> type) {
    List<T> found = of(all, type);
    assertThat(found).as(type.getSimpleName()).hasSize(1);
    return found.getFirst();
  }

  private static String annotation(HasMetadata object, String name) {
    Map<String, String> annotations = object.getMetadata().getAnnotations();
    return annotations == null ? null : annotations.get(name);
  }
}
