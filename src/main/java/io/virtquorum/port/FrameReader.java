package io.virtquorum.port;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import java.util.Optional;

/**
 * Finds the frames in whatever comes. Holds at most one frame and one chunk. For one thread; {@link
 * #dropped} for any.
 */
final class FrameReader {
  private static final int CHUNK = 32 << 10;
  private static final int FIRST = 4 << 10;

  private final ReadableByteChannel source;
  private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK).flip();
  private byte[] frame = new byte[FIRST];
  private int length;

  /** Too much came since the last zero: it is dropped. */
  private boolean overflowing;

  private volatile long dropped;

  FrameReader(ReadableByteChannel source) {
    this.source = source;
  }

  /**
   * The payload of the next whole frame; what is none is dropped.
   *
   * @throws EOFException when the source ends
   */
  byte[] next() throws IOException {
    while (true) {
      while (chunk.hasRemaining()) {
        Optional<byte[]> payload = take();
        if (payload.isPresent()) {
          return payload.get();
        }
      }
      chunk.clear();
      int count = source.read(chunk);
      chunk.flip();
      if (count < 0) {
        throw new EOFException("the other end closed the socket");
      }
    }
  }

  /** Bytes that were no frame, so far. */
  long dropped() {
    return dropped;
  }

  /** Takes what is in the chunk, up to a zero. */
  private Optional<byte[]> take() {
    int from = chunk.position();
    int end = from;
    while (end < chunk.limit() && chunk.get(end) != 0) {
      end++;
    }
    boolean whole = end < chunk.limit();
    chunk.position(whole ? end + 1 : end);
    return add(from, end - from, whole);
  }

  private Optional<byte[]> add(int from, int count, boolean whole) {
    if (overflowing || length + count > Frame.MOST_STUFFED) {
      drop(length + count);
      overflowing = !whole;
      length = 0;
      return Optional.empty();
    }
    if (length + count > frame.length) {
      int room = Math.max(length + count, 2 * frame.length);
      frame = Arrays.copyOf(frame, Math.min(room, Frame.MOST_STUFFED));
    }
    System.arraycopy(chunk.array(), from, frame, length, count);
    length += count;
    if (!whole || length == 0) {
      return Optional.empty();
    }
    int stuffed = length;
    length = 0;
    Optional<byte[]> payload = Frame.open(frame, stuffed);
    if (payload.isEmpty()) {
      drop(stuffed);
    }
    return payload;
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
  private void drop(int bytes) {
    dropped += bytes;
  }
}
