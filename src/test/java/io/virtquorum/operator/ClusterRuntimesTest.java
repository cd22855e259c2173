package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.StateSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When an operator leads anew after it was deposed. */
@Timeout(60)
class ClusterRuntimesTest {
  private static final ClusterRecord NEWER =
      new ClusterRecord(9, 1, Optional.of("web-0"), Map.of("web-0", 1), Optional.empty());

  private final SteppingClock clock = new SteppingClock(Instant.parse("2026-11-22T12:00:00Z"));
  private final List<Long> floors = new ArrayList<>();
  @AutoClose private final ClusterRuntimes runtimes = new ClusterRuntimes();

  @Test
  void givenAWallClockThatStepsThenADeposedOneIsReplacedAfterItsTimeAndNotBefore() {
    ClusterRuntime first = find();
    assertThat(first.configure(settings())).isTrue();
    await().until(() -> first.deposedFor().isPresent());

    clock.step(Duration.ofHours(1));
    assertThat(find()).isSameAs(first);
    clock.step(Duration.ofHours(-2));
    clock.pass(ClusterRuntimes.DEPOSED);
    assertThat(find()).isSameAs(first);
    clock.pass(Duration.ofMillis(1));
    assertThat(find()).isNotSameAs(first);
    assertThat(floors).containsExactly(0L, 1L);
  }

  private ClusterRuntime find() {
    return runtimes.findOrStart("shop", "web", this::start);
  }

  private ClusterRuntime start(long floor) {
    floors.add(floor);
    Surroundings.Records records =
        new Surroundings.Records() {
          @Override
          public RecordStore.Swap swap(String n, String c, ClusterRecord was, ClusterRecord next) {
            return new RecordStore.Swap.Other(NEWER);
          }

          @Override
          public Optional<ClusterRecord> fence(String namespace, String name) {
            return Optional.of(NEWER);
          }
        };
    return new ClusterRuntime(
        "shop",
        "web",
        new Legacy(ClusterRecord.none(), floor, Optional.empty(), Optional.empty()),
        new byte[32],
        new Surroundings(
            records,
            _ -> {},
            _ -> true,
            () -> {},
            clock,
            clock::nanoTime,
            new Surroundings.GuestProbes((_, _) -> GuestProbe.Answer.ALIVE, _ -> {})));
  }

  private static ClusterSettings settings() {
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
        50_000_000,
        GuestProgram.Update.AUTO,
        "");
  }
}
