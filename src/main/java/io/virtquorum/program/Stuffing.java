package io.virtquorum.program;

/**
 * Consistent overhead byte stuffing: the bytes between two zeros hold no zero, so that a zero
 * always is the end of a frame, and nothing inside a frame, whoever chose it, can be taken for one.
 * It costs one byte in 254. As {@code cobs.go}. Pure.
 */
final class Stuffing {
  private static final int RUN = 254;

  private Stuffing() {}

  /** The size of so many bytes after stuffing, at most. */
  static int most(int bytes) {
    return bytes + bytes / RUN + 1;
  }

  /**
   * Writes bytes without any zero among them.
   *
   * @param to has room for {@link #most} from there on
   * @return where it ends in {@code to}
   */
  static int stuff(byte[] raw, int length, byte[] to, int at) {
    int from = 0;
    while (true) {
      int end = from;
      while (end < length && raw[end] != 0) {
        end++;
      }
      while (end - from >= RUN) {
        to[at++] = (byte) 255;
        System.arraycopy(raw, from, to, at, RUN);
        at += RUN;
        from += RUN;
      }
      to[at++] = (byte) (end - from + 1);
      System.arraycopy(raw, from, to, at, end - from);
      at += end - from;
      if (end == length) {
        return at;
      }
      from = end + 1;
    }
  }

  /**
   * Undoes {@link #stuff} in place.
   *
   * @return how many bytes it were; -1 if these are not what it makes
   */
  static int unstuff(byte[] bytes, int length) {
    int to = 0;
    for (int from = 0; from < length; ) {
      int code = bytes[from] & 0xff;
      if (code == 0 || from + code > length) {
        return -1;
      }
      System.arraycopy(bytes, from + 1, bytes, to, code - 1);
      to += code - 1;
      from += code;
      if (code < 255 && from < length) {
        bytes[to++] = 0;
      }
    }
    return to;
  }
}
