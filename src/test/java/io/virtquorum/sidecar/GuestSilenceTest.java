package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.GuestException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class GuestSilenceTest {
  private final GuestSilence silence = new GuestSilence();

  @Test
  void givenAGuestThatBootsThenNothingIsSaidForAMinuteAndAHalf() {
    unreachable(0);
    unreachable(89);
    assertThat(silence.lasts()).isTrue();
    assertThat(silence.ailment()).isEmpty();

    unreachable(90);
    assertThat("web-2: " + silence.ailment().orElseThrow().sentence() + ".")
        .matches(Troubleshooting.of("a guest without an agent")::matches);
    silence.answered();
    assertThat(silence.lasts()).isFalse();
    assertThat(silence.ailment()).isEmpty();
  }

  @Test
  void givenAFreezeOfSecondsThenNothingIsSaidAndARefusalThatLastsIs() {
    silence.failed(new GuestException.Refused("frozen"), 0);
    silence.failed(new GuestException.Refused("frozen"), TimeUnit.SECONDS.toNanos(9));
    assertThat(silence.ailment()).isEmpty();

    silence.failed(new GuestException.Refused("blocked"), TimeUnit.SECONDS.toNanos(10));
    assertThat(silence.ailment().orElseThrow().sentence()).isEqualTo("blocked");
  }

  private void unreachable(long seconds) {
    silence.failed(
        new GuestException.Unreachable("nobody", null), TimeUnit.SECONDS.toNanos(seconds));
  }
}
