package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Quantity;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.Audit;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.StateSpec;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.GuestUpdate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ClusterSettingsTest {
  @ParameterizedTest
  @CsvSource({
    "AUTO, GUEST_UPDATE_AUTO",
    "ALWAYS, GUEST_UPDATE_ALWAYS",
    "NEVER, GUEST_UPDATE_NEVER"
  })
  void givenWhenToUpdateGuestProgramsThenSidecarsAreToldSo(
      GuestProgram.Update wanted, GuestUpdate told) {
    Configure configure = settings(wanted).configure("web-0", 7, new byte[32]);
    assertThat(configure.getGuestUpdate()).isEqualTo(told);
    assertThat(configure.getTerm()).isEqualTo(7);
  }

  @Test
  void givenHowMuchAnAuditMayReadThenSidecarsAreToldBytesASecond() {
    assertThat(new Audit(new Quantity("2Mi")).bytesPerSecond()).isEqualTo(2 << 20);
    assertThat(Audit.DEFAULT.bytesPerSecond()).isEqualTo(WatchSettings.AUDIT_BYTES_PER_SECOND);
    Configure configure = settings(GuestProgram.Update.AUTO).configure("web-0", 7, new byte[32]);
    assertThat(configure.getAuditBytesPerSecond()).isEqualTo(3_000_000);
  }

  private static ClusterSettings settings(GuestProgram.Update update) {
    return new ClusterSettings(
        new Config(
            Map.of("web-0", 1),
            false,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            Config.Bootstrap.ask(),
            Optional.empty()),
        Map.of(),
        StateSpec.ofFiles(new FileTree("site", "/srv/www")),
        List.of(80),
        Duration.ofMillis(100),
        Duration.ofSeconds(2),
        Duration.ofMinutes(10),
        20,
        1L << 30,
        new Audit(new Quantity("3M")).bytesPerSecond(),
        update,
        "");
  }
}
