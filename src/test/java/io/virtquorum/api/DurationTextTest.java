package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {

  @ParameterizedTest
  @CsvSource({
    "100ms, 100",
    "2s, 2000",
    "10m, 600000",
    "1m30s, 90000",
    "24h, 86400000",
    "0s, 0",
    "1h1m1s1ms, 3661001"
  })
  void durationsAreReadAsPeopleWriteThem(String text, long millis) {
    assertThat(DurationText.parse(text)).isEqualTo(Duration.ofMillis(millis));
  }

  @Property
  void whatIsWrittenIsReadAgain(@ForAll @LongRange(min = 0, max = 3_000_000_000L) long millis) {
    Duration duration = Duration.ofMillis(millis);
    assertThat(DurationText.parse(DurationText.format(duration))).isEqualTo(duration);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "ms", "-1s", "1.5s", "1d", "2 s", "1s1s1s1s1s"})
  void whatIsNoDurationIsRefusedWithAnExample(String text) {
    assertThatThrownBy(() -> DurationText.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("write it like 100ms");
  }

  @Test
  void aBonusIsAutoOrANumber() {
    assertThat(ConnectedBonus.of("Auto")).isEqualTo(ConnectedBonus.AUTO);
    assertThat(ConnectedBonus.of(7)).isEqualTo(new ConnectedBonus.Fixed(7));
    assertThatThrownBy(() -> ConnectedBonus.of("7"))
        .hasMessageContaining("must be Auto or a whole number");
    assertThatThrownBy(() -> ConnectedBonus.of(-7)).hasMessageContaining("-7");
  }
}
