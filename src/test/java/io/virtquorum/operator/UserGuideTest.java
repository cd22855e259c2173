package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.access.Lead;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Where users are led, and how often that is written. */
class UserGuideTest {
  private static final Optional<ClusterSettings.Vm> PRIMARY =
      Optional.of(
          new ClusterSettings.Vm(
              Optional.of("uid-0"),
              true,
              Optional.of("node-1"),
              Optional.of("10.244.1.23"),
              "02:00:00:00:00:01",
              "172.31.77.1/24"));

  private static final Optional<Lead> THERE =
      Optional.of(new Lead("10.244.1.23", Optional.of("node-1")));

  private final List<Optional<Lead>> written = new ArrayList<>();
  private boolean answers = true;
  private long nanos;
  private final UserGuide guide =
      new UserGuide(
          where -> {
            written.add(where);
            return answers;
          },
          () -> nanos);

  @Test
  void givenAPrimaryThenUsersAreLedThereOnce() {
    guide.lead(PRIMARY);
    assertThat(written).isEmpty();
    guide.begin();
    guide.lead(PRIMARY);
    guide.lead(PRIMARY);
    assertThat(written).containsExactly(THERE);
  }

  @Test
  void givenAPrimaryWithoutAnAddressThenNothingIsWritten() {
    guide.begin();
    guide.lead(Optional.empty());
    assertThat(written).isEmpty();
  }

  @Test
  void givenNobodyToLeadToThenTheyAreLedNowhereOnce() {
    guide.begin();
    guide.lead(PRIMARY);
    guide.nowhere();
    guide.nowhere();
    assertThat(written).containsExactly(THERE, Optional.empty());
  }

  @Test
  void givenAWriteThatFailedThenItIsDueAgainAfterASecondUntilItGoesWell() {
    answers = false;
    guide.nowhere();
    assertThat(guide.isDue()).isFalse();
    nanos += Duration.ofSeconds(1).toNanos();
    assertThat(guide.isDue()).isTrue();
    answers = true;
    guide.nowhere();
    guide.nowhere();
    assertThat(written).containsExactly(Optional.empty(), Optional.empty());
  }

  @Test
  void givenSomebodyToLeadToAgainThenUsersAreLedThereWithoutBeingAskedTo() {
    guide.nowhere();
    guide.lead(PRIMARY);
    guide.lead(PRIMARY);
    assertThat(written).containsExactly(Optional.empty(), THERE);
  }

  @Test
  void givenUsersLedNowhereWhomSomebodyLedElsewhereThenTheyAreLedNowhereAgain() {
    guide.nowhere();
    guide.begin();
    guide.nowhere();
    assertThat(written).containsExactly(Optional.empty(), Optional.empty());
  }
}
