package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.docs.Troubleshooting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class UnforeseenFailuresTest {
  private final UnforeseenFailures failures = new UnforeseenFailures();

  @Test
  void givenAFailureThatPassesThenNothingIsSaid() {
    failed(0);
    assertThat(failures.last()).isTrue();
    failed(9);
    assertThat(failures.ailment()).isEmpty();
    failures.looked();
    assertThat(failures.last()).isFalse();
    failed(20);
    assertThat(failures.ailment()).isEmpty();
  }

  @Test
  void givenASidecarThatFailsAgainAndAgainThenAPersonIsToldUntilItLooksAgain() {
    failed(0);
    failed(10);
    assertThat(failures.ailment())
        .hasValueSatisfying(
            said -> {
              assertThat(said.sentence()).contains("No space left on device");
              assertThat("web-2: " + said.sentence())
                  .matches(Troubleshooting.of("a sidecar that fails again and again")::matches);
            });
    failures.looked();
    assertThat(failures.ailment()).isEmpty();
  }

  private void failed(long second) {
    var full = new UncheckedIOException(new IOException("No space left on device"));
    failures.failed(full, Duration.ofSeconds(second).toNanos());
  }
}
