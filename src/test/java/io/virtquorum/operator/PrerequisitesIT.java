package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.LogLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Somebody installs VirtQuorum first, then KubeVirt, and Multus last. */
@Timeout(180)
class PrerequisitesIT {
  private static final Path CRDS = Path.of("src", "test", "resources", "crds");
  private static final String MULTUS = "network-attachment-definitions.k8s.cni.cncf.io.yml";

  @Test
  void givenNothingButVirtQuorumThenItSaysWhatToInstallNext(@TempDir Path kubevirt)
      throws IOException {
    try (var server = ApiServer.start(Path.of("crds"));
        var log = new LogLines();
        var scene = new Scene(server.admin())) {
      OperatorProcess first = scene.operator("op-a");
      scene.until(first::failed);
      assertThat(log.lines()).anyMatch(Troubleshooting.of("KubeVirt is missing")::matches);
      first.close();

      try (var crds = Files.list(CRDS)) {
        for (Path crd : crds.filter(f -> !f.endsWith(MULTUS)).toList()) {
          Files.copy(crd, kubevirt.resolve(crd.getFileName()));
        }
      }
      server.install(kubevirt);
      scene.leader("op-b");
      for (String name : List.of("web-0", "web-1", "web-2")) {
        scene.kubevirt.create(name, Scene.CLUSTER);
      }
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      Troubleshooting.Row row = Troubleshooting.of("Multus is missing");
      scene.until(() -> scene.is("Stalled", row.reason()));
      assertThat(scene.condition("Stalled").orElseThrow().getMessage()).matches(row::matches);
      assertThat(scene.kubevirt.machine("web-0").networks()).isNullOrEmpty();

      server.install(CRDS);
      scene.until(() -> !scene.isTrue("Stalled"));
    }
  }
}
