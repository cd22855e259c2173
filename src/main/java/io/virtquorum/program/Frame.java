package io.virtquorum.program;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A frame: between two zero bytes, and stuffed so that it has none itself, the magic {@code VQG},
 * the version (1 byte), the length of the payload (4 bytes, big endian), the CRC-32C of these 8
 * bytes and of the payload, and the payload. As {@code frame.go}. Pure.
 */
final class Frame {
  /** Most bytes of a payload. */
  static final int MOST_PAYLOAD = 256 << 10;

  private static final byte[] MAGIC = {'V', 'Q', 'G', 1};
  private static final int HEADER = 12;

  /** Most bytes between two zeros. */
  static final int MOST_STUFFED = Stuffing.most(HEADER + MOST_PAYLOAD);

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
    byte[] frame = new byte[Stuffing.most(raw.length) + 2];
    int end = Stuffing.stuff(raw, raw.length, frame, 1);
    return ByteBuffer.wrap(frame, 0, end + 1);
  }

  /**
   * The payload of what was between two zeros.
   *
   * @param stuffed is used up
   * @return empty if it is no frame
   */
  static Optional<byte[]> open(byte[] stuffed, int length) {
    int size = Stuffing.unstuff(stuffed, length);
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
}
