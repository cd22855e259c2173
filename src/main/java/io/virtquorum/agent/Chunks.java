package io.virtquorum.agent;

import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Collects bytes up to a limit without ever copying what is already there, because a sidecar's heap
 * is small; what is more than the limit is counted as cut and dropped. For one thread.
 */
final class Chunks extends OutputStream {
  private static final int CHUNK = 64 * 1024;

  private final int limit;
  private final Deque<byte[]> chunks = new ArrayDeque<>();
  private int size;
  private int room; // in the last chunk
  private boolean cut;

  Chunks(int limit) {
    this.limit = limit;
  }

  @Override
  public void write(int value) {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] source, int offset, int length) {
    int keep = Math.min(length, limit - size);
    cut |= keep < length;
    int done = 0;
    while (done < keep) {
      if (room == 0) {
        room = Math.min(CHUNK, limit - size);
        chunks.addLast(new byte[room]);
      }
      byte[] last = chunks.getLast();
      int count = Math.min(room, keep - done);
      System.arraycopy(source, offset + done, last, last.length - room, count);
      room -= count;
      size += count;
      done += count;
    }
  }

  boolean isCut() {
    return cut;
  }

  int size() {
    return size;
  }

  /** All bytes in one array; leaves this empty. */
  byte[] take() {
    byte[] all = new byte[size];
    int position = 0;
    while (!chunks.isEmpty()) {
      byte[] first = chunks.removeFirst();
      int count = Math.min(first.length, size - position);
      System.arraycopy(first, 0, all, position, count);
      position += count;
    }
    size = 0;
    room = 0;
    return all;
  }
}
