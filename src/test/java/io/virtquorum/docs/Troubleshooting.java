package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** docs/troubleshooting.md, so that tests compare what is said with what the page promises. */
public final class Troubleshooting {
  private static final String REPAIR_AGAIN =
      "It is tried again and again, every two minutes in the end.";

  static final Path PAGE = Path.of("docs", "troubleshooting.md");

  private Troubleshooting() {}

  /**
   * One row of the page.
   *
   * @param wrong what is wrong; the key
   * @param reason of the condition, or where it is said: {@code *log*}, {@code *kubectl*}
   * @param says the sentence, with … for what differs
   */
  public record Row(String wrong, String reason, String says) {
    /** True if this text, without its full stop, is a part of the sentence. */
    public boolean isIn(String text) {
      String end = says.contains(REPAIR_AGAIN) ? ". " + REPAIR_AGAIN : "";
      return matches("web-2 could not be repaired: " + text + end);
    }

    /** True if this text is the sentence. */
    public boolean matches(String text) {
      return Pattern.compile(
              Arrays.stream(says.split("…", -1))
                  .map(Pattern::quote)
                  .collect(Collectors.joining(".*")),
              Pattern.DOTALL)
          .matcher(text)
          .matches();
    }
  }

  /**
   * What the page says of a mistake.
   *
   * @throws IllegalArgumentException if it says nothing
   */
  public static Row of(String wrong) {
    return rows().stream()
        .filter(row -> row.wrong().equals(wrong))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(PAGE + " has no row \"" + wrong + "\""));
  }

  /** Fails unless a row of this reason has this sentence. */
  public static void assertExplained(String reason, String sentence) {
    assertThat(rows().stream().filter(row -> row.reason().equals(reason)).toList())
        .as("%s says of %s: %s", PAGE, reason, sentence)
        .anyMatch(row -> row.matches(sentence));
  }

  static List<Row> rows() {
    try {
      return Files.readAllLines(PAGE).stream()
          .filter(line -> line.startsWith("| ") && !line.startsWith("| ---"))
          .map(line -> line.split("\\|", -1))
          .map(cells -> new Row(cells[1].strip(), cells[2].strip(), cells[3].strip()))
          .filter(row -> !row.reason().equals("reason"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
