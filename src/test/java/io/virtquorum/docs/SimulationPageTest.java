package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/simulation.md names every invariant and every kind of event, and no other. */
final class SimulationPageTest {
  private static final Path PAGE = Path.of("docs", "simulation.md");
  private static final Path SOURCES = Path.of("src/test/java/io/virtquorum/simulate");
  private static final Pattern JUDGED =
      Pattern.compile("(?:violated|violated\\.accept|new Violation)\\(\\s*\"([A-Za-z]+)\"");
  private static final Pattern KIND = Pattern.compile("(?m)^    ([A-Z_]+)\\(\\d+\\)[,;]");

  @Test
  void everyInvariantIsExplained() throws IOException {
    assertThat(firstColumn("## What must hold")).isEqualTo(found(JUDGED, sources()));
  }

  @Test
  void everyKindOfEventIsExplained() throws IOException {
    String event = Files.readString(SOURCES.resolve("Event.java"));
    Set<String> kinds =
        found(KIND, List.of(event)).stream()
            .map(kind -> kind.toLowerCase(java.util.Locale.ROOT).replace('_', ' '))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(kinds).hasSizeGreaterThan(30);
    assertThat(firstColumn("## What happens")).isEqualTo(kinds);
  }

  private static List<String> sources() throws IOException {
    try (Stream<Path> files = Files.list(SOURCES)) {
      return files
          .filter(file -> !file.getFileName().toString().endsWith("Test.java"))
          .map(SimulationPageTest::read)
          .toList();
    }
  }

  private static Set<String> found(Pattern pattern, List<String> texts) {
    return texts.stream()
        .flatMap(text -> pattern.matcher(text).results())
        .map(match -> match.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The code in the first cells of the table below a heading. */
  private static Set<String> firstColumn(String heading) {
    String part = read(PAGE).split(Pattern.quote(heading), 2)[1].split("\n## ", 2)[0];
    return part.lines()
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.split("\\|", -1)[1])
        .flatMap(cell -> Pattern.compile("`([^`]+)`").matcher(cell).results())
        .map(match -> match.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
