package io.virtquorum.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The chart against its sources; what Helm makes of it is tried end to end on the testbed. */
final class ChartTest {
  private static final Path CHART = Path.of("helm", "virtquorum");

  @Test
  void givenTheGeneratedCrdsThenTheChartShipsTheSameOnes() throws IOException {
    try (var generated = Files.list(Path.of("crds"));
        var shipped = Files.list(CHART.resolve("crds"))) {
      var names = generated.map(file -> file.getFileName().toString()).sorted().toList();
      assertThat(shipped.map(file -> file.getFileName().toString()).sorted().toList())
          .isEqualTo(names)
          .isNotEmpty();
      for (String name : names) {
        assertThat(CHART.resolve("crds").resolve(name))
            .as("run: cp crds/* helm/virtquorum/crds/")
            .hasSameTextualContentAs(Path.of("crds", name));
      }
    }
  }

  @Test
  void givenTheOperatorsRightsThenNoneIsAWildcard() throws IOException {
    String rbac = Files.readString(CHART.resolve("templates").resolve("rbac.yaml"));
    assertThat(rbac)
        .contains("verbs:")
        .doesNotContain("*]")
        .doesNotContain("'*'")
        .doesNotContain("\"*\"");
  }
}
