package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.util.function.Consumer;

/**
 * Reads what {@code find -printf '%y %m %U %G %s %i %T@ %C@ %P\0%l\0'} wrote, in pieces of any
 * size, so that a long listing is never in memory as a whole. For one thread.
 */
final class ListingParser {
  private final Consumer<Entry> sink;
  private final ByteArrayOutputStream field = new ByteArrayOutputStream(256);
  private String line;

  ListingParser(Consumer<Entry> sink) {
    this.sink = sink;
  }

  /**
   * @throws IllegalArgumentException if it is no such listing
   */
  void feed(byte[] bytes, int from, int to) {
    int start = from;
    for (int i = from; i < to; i++) {
      if (bytes[i] == 0) {
        field.write(bytes, start, i - start);
        field(field.toString(ISO_8859_1));
        field.reset();
        start = i + 1;
      }
    }
    field.write(bytes, start, to - start);
  }

  /**
   * @throws IllegalArgumentException if the listing ends in the midst of an entry
   */
  void end() {
    if (line != null || field.size() > 0) {
      throw new IllegalArgumentException("the listing ends in the midst of an entry");
    }
  }

  private void field(String text) {
    if (line == null) {
      line = text;
      return;
    }
    String[] words = line.split(" ", 9);
    line = null;
    if (words.length != 9 || words[0].length() != 1) {
      throw new IllegalArgumentException("not a line of a listing");
    }
    sink.accept(
        new Entry(
            words[8],
            words[0].charAt(0),
            words[1],
            Long.parseLong(words[2]),
            Long.parseLong(words[3]),
            Long.parseLong(words[4]),
            Long.parseUnsignedLong(words[5]),
            nanos(words[6]),
            nanos(words[7]),
            text));
  }

  /** Seconds with up to ten decimals, the tenth always 0, perhaps negative, to nanoseconds. */
  static long nanos(String seconds) {
    int point = seconds.indexOf('.');
    if (point < 0) {
      return Math.multiplyExact(Long.parseLong(seconds), 1_000_000_000L);
    }
    String decimals = (seconds.substring(point + 1) + "000000000").substring(0, 9);
    long whole = Long.parseLong(seconds.substring(0, point));
    long fraction = Long.parseLong(decimals);
    return whole * 1_000_000_000L + (seconds.startsWith("-") ? -fraction : fraction);
  }
}
