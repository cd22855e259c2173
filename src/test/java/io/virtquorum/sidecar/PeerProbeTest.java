package io.virtquorum.sidecar;

import static io.virtquorum.agent.TwoGuests.DEADLINE;
import static io.virtquorum.agent.TwoGuests.LEFT_MAC;
import static io.virtquorum.agent.TwoGuests.RIGHT_MAC;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.agent.TwoGuests;
import io.virtquorum.scripts.ScriptGuests;
import io.virtquorum.sync.SyncInterface;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over a real link, with a real rsync; only the clock of the probe is ahead. */
class PeerProbeTest {
  private static final Map<String, String> BOTH =
      Map.of("web-1", "172.31.77.12", "web-9", "172.31.77.19");

  @TempDir Path directory;
  private final AtomicLong ahead = new AtomicLong();
  @AutoClose private TwoGuests guests;

  @BeforeEach
  void joinTwoGuests() throws Exception {
    guests = new TwoGuests(directory);
    new SyncInterface(guests.left(), LEFT_MAC).set("172.31.77.11/24", DEADLINE);
    new SyncInterface(guests.right(), RIGHT_MAC).set("172.31.77.12/24", DEADLINE);
  }

  @Test
  void givenAPeerThatIsThereAndOneThatIsNotThenTheOtherIsSilentAfterASecondLook() throws Exception {
    PeerProbe probe = probe(BOTH);

    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).as("once is chance").isEmpty();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).as("not yet due").isEmpty();
    later();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).containsExactly("web-9");
  }

  @Test
  void givenACableThatIsPulledAndPutBackThenThePeerIsSilentAndThenNotAnyMore() throws Exception {
    PeerProbe probe = probe(Map.of("web-1", "172.31.77.12"));
    guests.ipRight("link", "set", "far", "down");
    probe.askIfDue("172.31.77.11");
    later();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).containsExactly("web-1");

    guests.ipRight("link", "set", "far", "up");
    later();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).isEmpty();
  }

  private PeerProbe probe(Map<String, String> addresses) {
    return new PeerProbe(
        ScriptGuests.watch(guests.left(), directory, this::nanoTime), this::nanoTime, addresses);
  }

  private long nanoTime() {
    return System.nanoTime() + ahead.get();
  }

  private void later() {
    ahead.addAndGet(Duration.ofSeconds(31).toNanos());
  }
}
