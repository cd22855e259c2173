package io.virtquorum.port;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A frame: between two zero bytes, and stuffed so that it has none itself, the magic {@code VQG},
 * the version (1 byte), the length of the payload (4 bytes, big endian), the CRC-32C of these 8
 * bytes and of the payload, and the payload. As {@code frame.go}. Pure.
 *
 * <p>Stuffed is by consistent overhead byte stuffing: a zero always is the end of a frame, and
 * nothing inside a frame, whoever chose it, can be taken for one. It costs one byte in 254.
 */
public final class Frame {
  /** Most bytes of a payload. */
  public static final int MOST_PAYLOAD = 256 << 10;

  private static final byte[] MAGIC = {'V', 'Q', 'G', 1};
  private static final int HEADER = 12;
  private static final int RUN = 254;

  /** Most bytes between two zeros. */
  static final int MOST_STUFFED = stuffed(HEADER + MOST_PAYLOAD);

  private Frame() {}

  /**
   * The frame around a payload, with both zeros.
   *
   * @throws IllegalArgumentException if the payload is larger than {@value #MOST_PAYLOAD} bytes
   */
  static ByteBuffer around(byte[] payload) {
    if (payload.length > MOST_PAYLOAD) {
      throw new IllegalArgumentException(
          payload.length + " bytes are more than the " + MOST_PAYLOAD + " that fit into a frame");
    }
    byte[] raw = new byte[HEADER + payload.length];
    System.arraycopy(MAGIC, 0, raw, 0, MAGIC.length);
    System.arraycopy(payload, 0, raw, HEADER, payload.length);
    ByteBuffer header = ByteBuffer.wrap(raw);
    header.putInt(4, payload.length);
    header.putInt(8, checksum(raw, raw.length));
    byte[] frame = new byte[stuffed(raw.length) + 2];
    int end = stuff(raw, raw.length, frame, 1);
    return ByteBuffer.wrap(frame, 0, end + 1);
  }

  /**
   * The payload of what was between two zeros.
   *
   * @param stuffed is used up
   * @return empty if it is no frame
   */
  static Optional<byte[]> open(byte[] stuffed, int length) {
    int size = unstuff(stuffed, length);
    if (size < HEADER || !Arrays.equals(stuffed, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      return Optional.empty();
    }
    ByteBuffer raw = ByteBuffer.wrap(stuffed);
    if (raw.getInt(4) != size - HEADER || raw.getInt(8) != checksum(stuffed, size)) {
      return Optional.empty();
    }
    return Optional.of(Arrays.copyOfRange(stuffed, HEADER, size));
  }

  private static int checksum(byte[] raw, int length) {
    CRC32C sum = new CRC32C();
    sum.update(raw, 0, 8);
    sum.update(raw, HEADER, length - HEADER);
    return (int) sum.getValue();
  }

  /** The size of so many bytes after stuffing, at most. */
  private static int stuffed(int bytes) {
    return bytes + bytes / RUN + 1;
  }

  /**
   * Writes bytes without any zero among them.
   *
   * @param to has room for {@link #stuffed} from there on
   * @return where it ends in {@code to}
   */
  private static int stuff(byte[] raw, int length, byte[] to, int at) {
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
  private static int unstuff(byte[] bytes, int length) {
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
