package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RestartsTest {
  private long nanos;
  private final Restarts restarts = new Restarts(() -> nanos);

  @Test
  void anInstanceThatIsStillEndingIsNotAskedTwice() {
    assertThat(restarts.first("uid-1")).isTrue();
    assertThat(restarts.first("uid-1")).isFalse();
    assertThat(restarts.first("uid-2")).isTrue();
  }

  @Test
  void aRequestThatHadNoEffectForMinutesIsMadeAgain() {
    assertThat(restarts.first("uid-1")).isTrue();

    nanos += Duration.ofMinutes(6).toNanos();

    assertThat(restarts.first("uid-1")).isTrue();
  }
}
