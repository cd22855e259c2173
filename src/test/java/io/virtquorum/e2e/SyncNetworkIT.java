package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.virtquorum.api.HAClusterStatus;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The bridge of one node loses its uplink; within it everything looks as before. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
class SyncNetworkIT {
  private static final Duration HOST = Duration.ofSeconds(10);
  private static final Duration NOTICED = Duration.ofMinutes(4);
  private static final Duration REPAIR = Duration.ofMinutes(5);

  @Test
  @Budget(130)
  void aBridgeWithoutAnUplinkIsNoticedBeforeAnythingIsWrongAndNothingIsLost(Testbed testbed) {
    Member lonely = testbed.inSync().secondaries().getLast();
    Member primary = testbed.primary();
    long epoch = testbed.web().epoch();

    cable(testbed, lonely, "down");
    try {
      Wait.until("the split of the sync network is told", NOTICED)
          .untilAsserted(() -> assertThatItIsTold(testbed.web().status(), lonely));
      Site.save(primary, "index.html", "written while a bridge had no uplink");
    } finally {
      cable(testbed, lonely, "up");
    }

    testbed.web().awaitInSync(epoch + 1, REPAIR);
    for (Member member : testbed.members()) {
      assertThat(Site.read(member, "index.html"))
          .as("index.html of %s", member)
          .isEqualTo("written while a bridge had no uplink");
    }
  }

  private static void assertThatItIsTold(HAClusterStatus status, Member lonely) {
    Condition stalled = status.condition("Stalled").orElseThrow();
    assertThat(stalled.getReason()).as(Web.summary(status)).isEqualTo("SyncNetworkSplit");
    assertThat(stalled.getMessage())
        .contains(
            "Nothing passes over the sync network between %s (node%d) and "
                .formatted(lonely, lonely.node()));
  }

  /** The host's end of the cable that joins a node's bridge to the others. */
  private static void cable(Testbed testbed, Member member, String state) {
    testbed.host().run(HOST, "ip", "link", "set", "vqs" + member.node(), state);
  }
}
