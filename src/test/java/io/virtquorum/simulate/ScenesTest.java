package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class ScenesTest {
  @Test
  void givenASeedBeforeThemThenItHasNone() {
    LongStream.of(1, Theme.TWO_FROM, Scenes.FROM - 1)
        .forEach(
            seed ->
                assertThat(Schedule.of(seed, Set.of()).events())
                    .extracting(Event::kind)
                    .doesNotContainAnyElementsOf(Scenes.KINDS));
  }

  @Test
  void eachMillionOfSeedsHasOneOfThemBesidesWhatElseHappens() {
    for (int i = 0; i < Scenes.KINDS.size(); i++) {
      Event.Kind kind = Scenes.KINDS.get(i);
      for (long seed : new long[] {0, 1, Scenes.OF_EACH - 1}) {
        List<Event> events =
            Schedule.of(Scenes.FROM + i * Scenes.OF_EACH + seed, Set.of()).events();
        assertThat(events).filteredOn(e -> e.kind() == kind).hasSize(1);
        assertThat(events).hasSizeGreaterThan(6);
      }
    }
  }

  /** What they are about must come to pass, or they prove nothing. */
  @Test
  void givenNothingElseThenEachComesToWhatItIsAbout() {
    assertThat(told(0)).contains("RecordOlder", "FailedOver");
    assertThat(told(1)).contains("was behind");
    assertThat(told(2)).contains("removes or makes new/alike", "is dead");
    assertThat(told(3)).contains("NoSuccessor", "rots");
    assertThat(told(4)).contains("FormerPrimaryAway", "a fresh disk at");
  }

  /** The story of the first plain run with this scene, and without all else. */
  private static String told(int scene) {
    long first = Scenes.FROM + scene * Scenes.OF_EACH;
    Schedule schedule =
        LongStream.range(first, first + 1000)
            .mapToObj(seed -> Schedule.of(seed, Set.of()))
            .filter(s -> s.shape().equals(Shape.plain(3, false)) && !s.early() && !s.differ())
            .findFirst()
            .orElseThrow();
    List<Event> alone =
        schedule.events().stream().filter(e -> Scenes.KINDS.contains(e.kind())).toList();
    Run.Result result = Run.of(schedule.with(alone), true);
    assertThat(result.failure()).isEmpty();
    return String.join("\n", result.story());
  }
}
