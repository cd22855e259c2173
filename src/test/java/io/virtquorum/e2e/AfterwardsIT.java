package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.network.SyncNic;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * VirtQuorum is checked, removed in the wrong order, installed again, and removed in the right one;
 * one story, in order. Nothing is installed after it: it runs as the last class, which its name
 * makes it.
 */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AfterwardsIT {
  private static final Duration SLACK = Duration.ofMinutes(5);

  @Test
  @Order(1)
  @Budget(20)
  void helmTestSaysThatAllIsThere(Testbed testbed) {
    testbed.inSync();
    assertThat(testbed.installation().test())
        .contains("ok       KubeVirt's feature gate Sidecar is on.")
        .contains("ok       The operator answers at its Service")
        .doesNotContain("MISSING");
  }

  @Test
  @Order(2)
  @Budget(30)
  void uninstallingBeforeTheClusterIsDeletedStrandsNoVmAndNoFinalizer(Testbed testbed) {
    testbed.inSync();
    Map<String, String> incarnations = incarnations(testbed);
    ClusterRecord record = record(testbed);

    testbed.installation().uninstall();

    assertThatNothingIsLeftIn(testbed);
    assertThat(incarnations(testbed)).isEqualTo(incarnations);
    HACluster cluster = testbed.web().resource().require();
    assertThat(cluster.getMetadata().getFinalizers()).isEmpty();
    assertThat(record(testbed).committed()).isEqualTo(record.committed());
    Wait.until("hooks cleaned up behind themselves", SLACK)
        .until(() -> !remaining(testbed, "jobs,sa,roles").contains("release"));
  }

  @Test
  @Order(3)
  @Budget(60)
  void aNewInstallationGoesOnWithTheRecordAndWaitsForAPersonToRestart(Testbed testbed) {
    Map<String, String> incarnations = incarnations(testbed);
    ClusterRecord record = record(testbed);
    long epoch = testbed.web().epoch();
    // To KubeVirt 1.7 a VM needs a restart once its NIC was taken out of its spec, and put back
    // too.
    testbed
        .web()
        .resource()
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"restartPolicy\":\"Manual\"}}");

    testbed.installation().install();

    Wait.until("the new operator leads", SLACK).until(() -> record(testbed).term() > record.term());
    Wait.until("the VMs have NIC and sidecar again", SLACK)
        .untilAsserted(
            () ->
                assertThat(testbed.members())
                    .allMatch(
                        m ->
                            m.machine().networks().stream()
                                .anyMatch(n -> n.name().equals(SyncNic.NETWORK))));
    Site.save(testbed.primary(), "index.html", "written after the new installation");
    testbed.web().awaitInSync(epoch + 1, SLACK);
    assertThat(record(testbed).tenure()).isEqualTo(record.tenure());
    assertThat(record(testbed).primaryMember()).isEqualTo(record.primaryMember());
    assertThat(incarnations(testbed)).isEqualTo(incarnations);
  }

  @Test
  @Order(4)
  @Budget(30)
  void deletingTheClusterFirstAndUninstallingThenLeavesNothing(Testbed testbed) {
    testbed.kubectl("delete", "hac", Web.NAME, "--timeout=60s");

    testbed.installation().uninstall();

    assertThatNothingIsLeftIn(testbed);
    assertThat(testbed.web().resource().get()).isNull();
    Wait.until("nothing is left of the operator", SLACK)
        .until(() -> remaining(testbed, "deploy,svc,jobs").isEmpty());
  }

  private static String remaining(Testbed testbed, String kinds) {
    return testbed.installation().kubectl(Installation.OPERATOR, "get", kinds, "-o", "name");
  }

  private static void assertThatNothingIsLeftIn(Testbed testbed) {
    for (Member member : testbed.members()) {
      assertThat(member.machine().networks())
          .as("networks of %s", member)
          .noneMatch(n -> n.name().equals(SyncNic.NETWORK));
      assertThat(member.machine().templateAnnotations())
          .as("annotations of %s", member)
          .doesNotContainKey("hooks.kubevirt.io/hookSidecars");
      assertThat(member.running()).as("%s runs", member).isTrue();
    }
  }

  private static ClusterRecord record(Testbed testbed) {
    return testbed.web().status().recorded().orElseThrow();
  }

  private static Map<String, String> incarnations(Testbed testbed) {
    Map<String, String> all = new TreeMap<>();
    testbed.members().forEach(m -> all.put(m.name(), m.incarnation().orElse("none")));
    return all;
  }
}
