package io.virtquorum.agent;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/**
 * One connection to an agent's unix socket on which no operation waits without limit. Times are
 * {@link System#nanoTime} values. For one thread, except {@link #wake} and {@link #stop}.
 */
final class AgentSocket implements Closeable {
  /** Nothing came, or nothing could be sent, in time. */
  static final class Late extends IOException {
    Late() {
      super("no answer in time");
    }
  }

  private static final int BUFFER = 32 * 1024;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER).flip();
  private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER);
  private volatile boolean stopped;

  private AgentSocket(SocketChannel channel, Selector selector) throws IOException {
    this.channel = channel;
    this.selector = selector;
    this.key = channel.register(selector, 0);
  }

  /**
   * Connects at once or not at all: a unix socket whose listener is busy would block a connect
   * without limit.
   */
  static AgentSocket connect(Path path) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    Selector selector = null;
    try {
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(path))) {
        throw new IOException("its listener accepts no further connection now");
      }
      selector = Selector.open();
      return new AgentSocket(channel, selector);
    } catch (IOException | RuntimeException e) {
      channel.close();
      if (selector != null) {
        selector.close();
      }
      throw e;
    }
  }

  /**
   * The next line, without its end and without sentinels before it; ends ({@code -1}) where the
   * line ends.
   *
   * @param end when to give up
   * @param stall longest wait for the next byte
   */
  InputStream line(long end, Duration stall) {
    return new Line(end, stall.toNanos());
  }

  /** Collects what is written and sends it, all of it, or throws {@link Late}. */
  OutputStream sender(long end) {
    out.clear();
    return new Sender(end);
  }

  /** The next byte, 0 to 255. */
  int read(long end) throws IOException {
    if (!in.hasRemaining()) {
      fill(end);
    }
    return in.get() & 0xff;
  }

  /**
   * Waits until woken, until the time is over, or until the other end closes, which throws. What
   * arrives meanwhile answers nothing and is dropped.
   */
  void idle(long nanos) throws IOException {
    in.position(in.limit());
    select(SelectionKey.OP_READ, nanos);
    if (key.isReadable()) {
      in.clear().flip();
      receive();
      in.position(in.limit());
    }
  }

  /** Ends {@link #idle} early; from any thread. */
  void wake() {
    selector.wakeup();
  }

  /** Makes the owner's present and later operations fail; from any thread. */
  void stop() {
    stopped = true;
    wake();
  }

  @Override
  public void close() throws IOException {
    try (channel;
        selector) {
      key.cancel();
    }
  }

  private void fill(long end) throws IOException {
    while (!in.hasRemaining()) {
      if (end - System.nanoTime() <= 0) {
        throw new Late();
      }
      if (receive() == 0) {
        select(SelectionKey.OP_READ, end - System.nanoTime());
      }
    }
  }

  private int receive() throws IOException {
    in.clear();
    int count;
    try {
      count = channel.read(in);
    } finally {
      in.flip();
    }
    if (count < 0) {
      throw new EOFException("the other end closed the socket");
    }
    return count;
  }

  private void send(long end) throws IOException {
    out.flip();
    while (out.hasRemaining()) {
      if (channel.write(out) == 0) {
        if (end - System.nanoTime() <= 0) {
          throw new Late();
        }
        select(SelectionKey.OP_WRITE, end - System.nanoTime());
      }
    }
    out.clear();
  }

  private void select(int operation, long nanos) throws IOException {
    if (stopped) {
      throw new IOException("closed by this side");
    }
    key.interestOps(operation);
    selector.selectedKeys().clear();
    if (nanos > 0) {
      // Rounded up: 0 would wait for ever.
      selector.select(nanos / 1_000_000 + 1);
    }
  }

  private final class Line extends InputStream {
    private final long end;
    private final long stall;
    private boolean begun;
    private boolean over;

    Line(long end, long stall) {
      this.end = end;
      this.stall = stall;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      int count = 0;
      while (count == 0 && !over && length > 0) {
        if (!in.hasRemaining()) {
          long now = System.nanoTime();
          fill(end - now < stall ? end : now + stall);
        }
        while (count < length && in.hasRemaining() && !over) {
          byte next = in.get();
          if (next == '\n') {
            over = true;
          } else if (begun || next != AgentProtocol.SENTINEL) {
            begun = true;
            target[offset + count++] = next;
          }
        }
      }
      return count == 0 && length > 0 ? -1 : count;
    }
  }

  private final class Sender extends OutputStream {
    private final long end;

    Sender(long end) {
      this.end = end;
    }

    @Override
    public void write(int value) throws IOException {
      if (!out.hasRemaining()) {
        send(end);
      }
      out.put((byte) value);
    }

    @Override
    public void write(byte[] source, int offset, int length) throws IOException {
      int done = 0;
      while (done < length) {
        if (!out.hasRemaining()) {
          send(end);
        }
        int count = Math.min(out.remaining(), length - done);
        out.put(source, offset + done, count);
        done += count;
      }
    }

    @Override
    public void flush() throws IOException {
      send(end);
    }
  }
}
