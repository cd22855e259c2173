package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.guest.Watch;
import io.virtquorum.program.Cable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over a real link, with the real guest program; only the clock of the probe is ahead. */
class PeerProbeTest {
  private static final Map<String, String> BOTH =
      Map.of("web-1", "172.31.77.12", "web-9", "172.31.77.19");

  @TempDir Path directory;
  private final AtomicLong ahead = new AtomicLong();
  private static final Duration LIMIT = Duration.ofSeconds(20);
  @AutoClose private Cable cable;
  private Watch watch;

  @BeforeEach
  void joinTwoGuests() throws Exception {
    cable = new Cable(directory);
    watch = cable.watch(0);
    watch.address(Cable.mac(0), "172.31.77.11/24", LIMIT);
    cable.watch(1).address(Cable.mac(1), "172.31.77.12/24", LIMIT);
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
    cable.ip(1, "link", "set", "sync0", "down");
    probe.askIfDue("172.31.77.11");
    later();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).containsExactly("web-1");

    cable.ip(1, "link", "set", "sync0", "up");
    later();
    probe.askIfDue("172.31.77.11");
    assertThat(probe.silent()).isEmpty();
  }

  private PeerProbe probe(Map<String, String> addresses) {
    return new PeerProbe(watch, this::nanoTime, addresses);
  }

  private long nanoTime() {
    return System.nanoTime() + ahead.get();
  }

  private void later() {
    ahead.addAndGet(Duration.ofSeconds(31).toNanos());
  }
}
