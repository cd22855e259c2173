package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ConfiguredWatchTest {
  private static WatchSettings settings(long auditBytesPerSecond) {
    Configure configure =
        Configure.newBuilder()
            .setFingerprintKey(ByteString.copyFrom(new byte[32]))
            .addFiles(FileFeature.newBuilder().setName("site").setPath("/srv/www"))
            .setAuditBytesPerSecond(auditBytesPerSecond)
            .build();
    return ConfiguredWatch.settings("web-0", configure, Set.of());
  }

  @Test
  void givenAnOperatorThatSaysHowFastToAuditThenTheWatchReadsNoFaster() {
    assertThat(settings(2_000_000).auditBytesPerSecond()).isEqualTo(2_000_000);
  }

  @Test
  void givenAnOperatorThatSaysNothingOfAuditsThenTheyAreNotUnlimited() {
    assertThat(settings(0).auditBytesPerSecond()).isEqualTo(50_000_000);
  }
}
