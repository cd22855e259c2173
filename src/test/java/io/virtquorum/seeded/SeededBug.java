package io.virtquorum.seeded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A bug to plant.
 *
 * @param rule of the design, section 4; 0: the record and its terms
 * @param file in {@code src/main/java/io/virtquorum}
 * @param text what is there; exactly once
 * @param replacement what is put there instead
 * @param harm what goes wrong, as a sentence
 * @param light whether the simulator of the core finds it
 * @param whole whether the simulator of everything finds it
 */
record SeededBug(
    int rule, String file, String text, String replacement, String harm, Found light, Found whole) {
  private static final Path SOURCES = Path.of("src/main/java/io/virtquorum");

  /** A bug in a shell. */
  SeededBug(int rule, String file, String text, String replacement, String harm, Found whole) {
    this(rule, file, text, replacement, harm, Found.not("it has no shells"), whole);
  }

  Found by(Simulator simulator) {
    return simulator == Simulator.LIGHT ? light : whole;
  }

  /** The name of the class whose source it is in. */
  String className() {
    return "io.virtquorum." + file.substring(0, file.length() - ".java".length()).replace('/', '.');
  }

  /**
   * The source with the bug in it.
   *
   * @throws AssertionError unless the text is there exactly once
   */
  String source() throws IOException {
    String source = Files.readString(SOURCES.resolve(file));
    int at = source.indexOf(text);
    if (at < 0 || source.indexOf(text, at + 1) >= 0) {
      throw new AssertionError(
          "%s does not have this exactly once any more; plant the bug anew: %s"
              .formatted(file, text));
    }
    return source.substring(0, at) + replacement + source.substring(at + text.length());
  }

  @Override
  public String toString() {
    return "rule %d, %s: %s".formatted(rule, file, harm);
  }
}
