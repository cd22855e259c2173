package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class ThemeTest {
  private static final Set<Event.Kind> NONE = Set.of();

  private static final Set<Event.Kind> OF_THEMES = EnumSet.noneOf(Event.Kind.class);

  static {
    Arrays.stream(Theme.values()).forEach(theme -> OF_THEMES.addAll(theme.kinds));
  }

  @Test
  void givenNoThemeThenNothingOfAnyHappens() {
    LongStream.rangeClosed(1, 300)
        .filter(seed -> Theme.of(seed).isEmpty())
        .forEach(
            seed ->
                assertThat(Schedule.of(seed, NONE).events())
                    .extracting(Event::kind)
                    .doesNotContainAnyElementsOf(OF_THEMES));
  }

  @Test
  void givenAThemeThenOneToFourOfItsEventsHappenBesidesTheOthers() {
    for (long seed = 1; seed <= 300; seed++) {
      if (Theme.of(seed).isPresent()) {
        List<Event> all = Schedule.of(seed, NONE).events();
        List<Event> themed = all.stream().filter(e -> OF_THEMES.contains(e.kind())).toList();
        assertThat(themed).hasSizeBetween(1, 4);
        assertThat(Theme.of(seed).orElseThrow().kinds)
            .containsAll(themed.stream().map(Event::kind).toList());
        assertThat(Schedule.of(seed, OF_THEMES).events())
            .containsExactlyElementsOf(
                all.stream().filter(e -> !OF_THEMES.contains(e.kind())).toList());
      }
    }
  }

  @Test
  void givenASeedOfTwoThemesThenEventsOfBothHappen() {
    for (long seed = Theme.TWO_FROM; seed < Theme.TWO_FROM + 300; seed++) {
      List<Theme> themes = Theme.in(seed);
      assertThat(themes).doesNotHaveDuplicates().hasSize(2);
      List<Event> themed =
          Schedule.of(seed, NONE).events().stream()
              .filter(e -> OF_THEMES.contains(e.kind()))
              .toList();
      assertThat(themes)
          .allSatisfy(
              theme -> assertThat(themed).anyMatch(event -> theme.kinds.contains(event.kind())));
      assertThat(themed).hasSizeBetween(2, 8);
    }
  }

  @Test
  void everyThemeIsDrawnAndEveryKindThatIsOfNoShareHasOne() {
    Set<Theme> drawn = new HashSet<>();
    LongStream.rangeClosed(1, 300).forEach(seed -> Theme.of(seed).ifPresent(drawn::add));
    assertThat(drawn).containsExactlyInAnyOrder(Theme.values());
    Set<Event.Kind> shareless = EnumSet.allOf(Event.Kind.class);
    shareless.removeIf(kind -> kind.share > 0 || Event.Kind.OF_MEMBERSHIP.contains(kind));
    shareless.remove(Event.Kind.PROGRAM_EXCHANGED); // it has runs of its own in SimulationTest
    Scenes.KINDS.forEach(shareless::remove);
    assertThat(OF_THEMES).isEqualTo(shareless);
  }

  @Test
  void givenAnEventThatLastsThenThingsHappenForLonger() {
    Schedule schedule = Schedule.of(1, NONE);
    Event away = new Event(100 * Timeline.SECOND, Event.Kind.OPERATOR_AWAY, 7);
    assertThat(schedule.with(List.of()).eventful()).isEqualTo(Schedule.EVENTFUL);
    assertThat(schedule.with(List.of(away)).eventful()).isGreaterThan(400 * Timeline.SECOND);
  }
}
