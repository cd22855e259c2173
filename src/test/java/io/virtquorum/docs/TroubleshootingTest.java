package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.guest.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page against the code that speaks, and against the tests that make the mistakes. */
final class TroubleshootingTest {
  private static final Pattern SAID =
      Pattern.compile(
          "(?:new (?:BallotContent\\.)?Trouble|Hold\\.waiting)\\(\\s*\"([A-Z][A-Za-z]+)\"");

  /** Said of one order and not of a member: in an event or a log only. */
  private static final Set<String> OF_AN_ORDER =
      Set.of("NoAnswer", "OfferRefused", "RowsMissing", "SyncAddressUnknown");

  @Test
  void givenAReasonThatAPersonMayReadThenThePageSaysWhatToDo() throws IOException {
    String code = sources(Path.of("src/main/java"), ".java");
    Set<String> said = words(SAID, code);
    Arrays.stream(Trouble.Reason.values()).map(Enum::name).forEach(said::add);
    said.removeAll(OF_AN_ORDER);
    said.remove(Trouble.Reason.GuestDiskFull.name()); // of a repair: RepairFails has its words
    said.removeAll(
        Set.of("Alone", "Observe")); // told to who waits for a commit: docs/durability.md

    Set<String> explained =
        Troubleshooting.rows().stream()
            .map(Troubleshooting.Row::reason)
            .filter(r -> !r.startsWith("*"))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(explained).containsAll(said).hasSizeGreaterThan(30);
    assertThat(explained).as("reasons that nothing says any more").isSubsetOf(with(said, code));
  }

  private static Set<String> with(Set<String> said, String code) {
    Set<String> all = words(Pattern.compile("\"([A-Z][A-Za-z]+)\""), code);
    all.addAll(said);
    return all;
  }

  private static Set<String> words(Pattern pattern, String code) {
    return pattern
        .matcher(code)
        .results()
        .map(m -> m.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void givenARowOfThePageThenATestMakesTheMistakeAndReadsTheSentence() throws IOException {
    String tests =
        sources(Path.of("src/test/java"), ".java") + sources(Path.of("guest"), "_test.go");
    List<String> rows = Troubleshooting.rows().stream().map(Troubleshooting.Row::wrong).toList();
    assertThat(rows).doesNotHaveDuplicates();
    assertThat(
            Troubleshooting.rows().stream()
                .filter(row -> COMPARED.stream().noneMatch(c -> tests.contains(c.apply(row))))
                .toList())
        .as("rows that no test compares with what is said")
        .isEmpty();
  }

  /** How tests compare: by the row, or a hold of the core. */
  private static final List<Function<Troubleshooting.Row, String>> COMPARED =
      List.of(row -> '"' + row.wrong() + '"', row -> "held(\"" + row.reason() + "\")");

  private static String sources(Path of, String kind) throws IOException {
    try (Stream<Path> files = Files.walk(of)) {
      return files
          .filter(f -> f.toString().endsWith(kind))
          .map(TroubleshootingTest::read)
          .collect(Collectors.joining());
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
