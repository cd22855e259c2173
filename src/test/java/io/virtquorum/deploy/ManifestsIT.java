package io.virtquorum.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.virtquorum.api.HACluster;
import io.virtquorum.e2e.Host;
import io.virtquorum.testing.Chart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The plain manifests are what the chart renders, and both speak of the kinds in crds/. */
final class ManifestsIT {
  private static final String NAMESPACE = "virtquorum-system";

  /** A committed file and how it is rendered. */
  enum Manifest {
    /** All but the hooks, which kubectl would apply at once. */
    VIRTQUORUM(
        """
        # The operator, without Helm. Its namespace and crds/ come first; its image is to be replaced by yours.
        """,
        "--no-hooks"),
    /** What helm uninstall does at its end. */
    RELEASE(
        """
        # Lets go of VMs and HAClusters after an operator was removed without Helm. Its image is to be replaced by yours.
        """,
        "--show-only=templates/release.yaml");

    private final String introduction;
    private final String option;

    Manifest(String introduction, String option) {
      this.introduction = introduction;
      this.option = option;
    }

    Path path() {
      return Path.of("deploy", name().toLowerCase(Locale.ROOT) + ".yaml");
    }

    String render() {
      Host.Outcome outcome = Chart.template(NAMESPACE, option);
      assertThat(outcome.exit()).as(outcome.output()).isZero();
      return introduction
          + "# Rendered from helm/virtquorum: make manifests\n"
          + outcome
              .output()
              .lines()
              // Nothing here is Helm's.
              .filter(line -> !line.strip().startsWith("app.kubernetes.io/managed-by: Helm"))
              .filter(line -> !line.strip().startsWith("helm.sh/chart:"))
              .filter(line -> !line.strip().startsWith("annotations: {helm.sh/hook"))
              .filter(line -> !line.startsWith("# Source:"))
              .collect(Collectors.joining("\n", "", "\n"));
    }
  }

  /** {@code make manifests} renews the committed files. */
  @ParameterizedTest
  @EnumSource
  void whoeverAppliesThePlainManifestsGetsWhatTheChartInstalls(Manifest manifest)
      throws IOException {
    String rendered = manifest.render();
    if (Boolean.getBoolean("manifests.write")) {
      Files.writeString(manifest.path(), rendered);
    }
    assertThat(manifest.path())
        .as("it is older than the chart: run make manifests")
        .hasContent(rendered);
    assertThat(Chart.objects(rendered))
        .hasSizeGreaterThan(5)
        .noneMatch(o -> o.getKind().equals("CustomResourceDefinition"));
  }

  @Test
  void givenTheCrdThenTheRightsOfChartAndManifestsNameItsGroupAndPlural() throws IOException {
    String crd = Files.readString(Path.of("crds", "haclusters.virtquorum.io-v1.yml"));
    String plural = HasMetadata.getPlural(HACluster.class);
    String group = HasMetadata.getGroup(HACluster.class);
    assertThat(crd)
        .contains("plural: " + plural)
        .contains("group: " + group)
        .contains("name: " + HasMetadata.getVersion(HACluster.class));
    for (Manifest manifest : Manifest.values()) {
      List<PolicyRule> ours =
          Chart.objects(Files.readString(manifest.path())).stream()
              .filter(ClusterRole.class::isInstance)
              .flatMap(role -> ((ClusterRole) role).getRules().stream())
              .filter(rule -> rule.getApiGroups().contains(group))
              .toList();
      assertThat(ours)
          .isNotEmpty()
          .allMatch(
              rule ->
                  rule.getResources().stream().allMatch(r -> r.split("/", 2)[0].equals(plural)));
    }
  }
}
