package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.collect.Entry;
import java.util.Optional;

/**
 * The text file that says what an archive entry holds. First line: {@code virtquorum-archive 1
 * MILLIS ATTRIBUTED} (the guest's clock; how many of the paths a user may have written). Then
 * {@code VERDICT} and one line a path: {@code user} or {@code -}; {@code replaced}, {@code deleted}
 * or {@code created} (nothing to keep), or, not kept for want of room, {@code moved} (it is
 * elsewhere in the state that came) or {@code superseded} (it was verified, and a newer state
 * came); the old type, mode, uid, gid, size; the path, in which a byte that is no printable ASCII,
 * and a backslash, is three octal digits after a backslash.
 */
final class Manifest {
  private static final String MAGIC = "virtquorum-archive 1 ";
  private final StringBuilder lines = new StringBuilder();
  private final String verdict;
  private final long millis;
  private int attributed;

  Manifest(String verdict, long millis) {
    this.verdict = verdict;
    this.millis = millis;
  }

  void add(String path, String what, Optional<Entry> old, boolean byUser) {
    attributed += byUser && old.isPresent() ? 1 : 0;
    lines.append(byUser ? "user " : "- ").append(what).append(' ');
    old.ifPresentOrElse(
        e ->
            lines.append(
                e.type() + " " + e.mode() + " " + e.uid() + " " + e.gid() + " " + e.size() + " "),
        () -> lines.append("- - - - - "));
    lines.append(printable(path.isEmpty() ? "." : path)).append('\n');
  }

  byte[] bytes() {
    String text = MAGIC + millis + " " + attributed + "\n" + printable(verdict) + "\n" + lines;
    return text.getBytes(ISO_8859_1);
  }

  /**
   * @param attributed how many paths a user may have written
   */
  record Head(long millis, int attributed) {}

  /** Empty if it is no manifest's first line. */
  static Optional<Head> head(String line) {
    if (!line.startsWith(MAGIC)) {
      return Optional.empty();
    }
    String[] words = line.substring(MAGIC.length()).split(" ", -1);
    try {
      return words.length == 2
          ? Optional.of(new Head(Long.parseLong(words[0]), Integer.parseInt(words[1])))
          : Optional.empty();
    } catch (NumberFormatException damaged) {
      return Optional.empty();
    }
  }

  static String printable(String path) {
    var text = new StringBuilder(path.length());
    for (char c : path.toCharArray()) {
      if (c > ' ' - 1 && c < 127 && c != '\\') {
        text.append(c);
      } else {
        text.append('\\').append((char) ('0' + ((c >> 6) & 7)));
        text.append((char) ('0' + ((c >> 3) & 7))).append((char) ('0' + (c & 7)));
      }
    }
    return text.toString();
  }
}
