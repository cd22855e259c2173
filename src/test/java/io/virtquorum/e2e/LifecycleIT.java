package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.network.SyncNic;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** An HACluster goes and comes back over members that went their own ways; one story, in order. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LifecycleIT {
  private static final Duration REPAIR = Duration.ofMinutes(5);
  private static final Duration ROLLED = Duration.ofMinutes(8);
  private static final Duration MORE_THAN_TWICE_SETTLE = Duration.ofSeconds(13);

  @Test
  @Order(1)
  @Budget(20)
  void deletingTheClusterLeavesTheVmsRunningAndTakesItsPartsOut(Testbed testbed) {
    testbed.inSync();
    Map<String, String> incarnations = testbed.incarnations();

    testbed.kubectl("delete", "hac", Web.NAME, "--timeout=30s");

    for (Member member : testbed.members()) {
      assertThat(member.machine().networks())
          .as("networks of %s", member)
          .noneMatch(n -> n.name().equals(SyncNic.NETWORK));
      assertThat(member.machine().interfaces())
          .as("interfaces of %s", member)
          .noneMatch(i -> i.name().equals(SyncNic.NETWORK));
      assertThat(member.machine().templateAnnotations())
          .as("annotations of %s", member)
          .doesNotContainKey("hooks.kubevirt.io/hookSidecars");
      assertThat(member.running()).as("%s runs", member).isTrue();
    }
    assertThat(testbed.incarnations()).isEqualTo(incarnations);
  }

  @Test
  @Order(2)
  @Budget(180)
  void membersOfAFormerLifeThatDifferHoldStillAndAskForAPromotion(Testbed testbed) {
    for (Member member : testbed.members()) {
      Site.save(member, "index.html", "edition of " + member);
    }
    Map<String, List<String>> before = changeTimes(testbed);

    testbed.apply(Testbed.manifest());

    // KubeVirt says of each that its spec changed, because the first cluster took its parts out:
    // they are restarted one by one, and hold still for more than twice the settle time then.
    Wait.until("all were restarted and the cluster asks for a promotion", ROLLED)
        .during(MORE_THAN_TWICE_SETTLE)
        .untilAsserted(
            () -> {
              HAClusterStatus status = testbed.web().status();
              assertThatItAsks(status);
              assertThat(message(status))
                  .contains("web-1 remembers", "web-2 remembers", "web-3 remembers");
              assertThat(status.condition("RestartPending").map(Condition::getStatus))
                  .contains("False");
            });
    Wait.until("KubeVirt's own agents answer as well", REPAIR)
        .until(() -> testbed.members().stream().allMatch(Member::running));
    assertThat(changeTimes(testbed)).isEqualTo(before);
    assertThat(testbed.web().epoch()).isZero();
  }

  @Test
  @Order(3)
  @Budget(60)
  void promotingOneHealsThemAndTheReplacedFilesAreInTheArchives(Testbed testbed) {
    Member source = testbed.member("web-2");
    testbed
        .web()
        .resource()
        .patch(
            PatchContext.of(PatchType.JSON_MERGE),
            "{\"metadata\":{\"annotations\":{\"virtquorum.io/promote\":\"%s\"}}}"
                .formatted(source));

    testbed.web().awaitInSync(1, REPAIR);

    assertThat(testbed.web().epoch()).isEqualTo(1);
    List<String> site = Site.manifest(source);
    for (Member member : testbed.members()) {
      assertThat(Site.manifest(member)).as("site of %s", member).isEqualTo(site);
      assertThat(Site.read(member, "index.html")).isEqualTo("edition of web-2");
      if (member != source) {
        assertThat(Site.archivedWith(member, "edition of " + member))
            .as("archive of %s", member)
            .isNotEmpty();
      }
    }
  }

  private static void assertThatItAsks(HAClusterStatus status) {
    assertThat(status.condition("Stalled").map(Condition::getStatus))
        .as(Web.summary(status))
        .contains("True");
    assertThat(status.condition("Stalled").map(Condition::getReason)).contains("RecordOlder");
    assertThat(message(status)).contains("Promote the member whose state is right");
  }

  private static String message(HAClusterStatus status) {
    return status.condition("Stalled").map(Condition::getMessage).orElse("");
  }

  private static Map<String, List<String>> changeTimes(Testbed testbed) {
    Map<String, List<String>> all = new TreeMap<>();
    testbed.members().forEach(m -> all.put(m.name(), Site.changeTimes(m)));
    return all;
  }
}
