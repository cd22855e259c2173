package io.virtquorum.port;

import com.google.protobuf.InvalidProtocolBufferException;
import io.virtquorum.guest.wire.v1.FromGuest;
import io.virtquorum.guest.wire.v1.ToGuest;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One time that the port's socket is open: a thread that reads, a thread that writes, and the first
 * reason why it is over. Safe for use by many threads.
 */
final class Connection implements AutoCloseable {
  private static final int WAITING = 16;

  private final SocketChannel channel;
  private final FrameReader frames;
  private final Consumer<FromGuest> receiver;
  private final Runnable ended;
  private final LinkTiming timing;
  private final BlockingQueue<ByteBuffer> outgoing = new ArrayBlockingQueue<>(WAITING);
  private final Thread reader;
  private final Thread writer;
  private volatile String over = "";
  private volatile boolean cut;
  private volatile long writingSince;
  private volatile boolean writing;

  private Connection(
      SocketChannel channel, LinkTiming timing, Consumer<FromGuest> receiver, Runnable ended) {
    this.channel = channel;
    this.timing = timing;
    this.receiver = receiver;
    this.ended = ended;
    this.frames = new FrameReader(channel);
    this.reader = Thread.ofVirtual().name("guest-reader").unstarted(this::read);
    this.writer = Thread.ofVirtual().name("guest-writer").unstarted(this::write);
  }

  /**
   * Connects at once or not at all: a unix socket whose listener is busy would block a connect
   * without limit.
   *
   * @param receiver takes each message, in one thread; must not wait
   * @param ended is told once that it is over, by any thread
   * @throws BusyException if the listener lives
   * @throws IOException if there is none
   */
  static Connection open(
      Path socket, LinkTiming timing, Consumer<FromGuest> receiver, Runnable ended)
      throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
        throw new BusyException();
      }
      channel.configureBlocking(true);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    return new Connection(channel, timing, receiver, ended);
  }

  /** Somebody listens there, and accepts no further connection now. */
  static final class BusyException extends IOException {
    BusyException() {
      super("its listener accepts no further connection now");
    }
  }

  void start() {
    reader.start();
    writer.start();
  }

  /**
   * Has a message written, after those before.
   *
   * @return false if the connection is over, perhaps because nobody reads what is written
   */
  boolean send(ToGuest message) throws InterruptedException {
    ByteBuffer frame = Frame.around(message.toByteArray());
    if (over.isEmpty()
        && !outgoing.offer(frame, timing.patience().toNanos(), TimeUnit.NANOSECONDS)) {
      end("the guest's side of the port reads nothing");
    }
    return over.isEmpty();
  }

  /** As {@link #send}, but only if there is room now: for what another message makes good. */
  void trySend(ToGuest message) {
    outgoing.offer(Frame.around(message.toByteArray()));
  }

  /** True if a write has lasted for too long. */
  boolean isStuck() {
    return writing && System.nanoTime() - writingSince > timing.patience().toNanos();
  }

  /** Why it is over; empty while it is not. */
  String over() {
    return over;
  }

  /** True if the other side ended it. */
  boolean isCut() {
    return cut;
  }

  /** Ends it; only the first reason counts. */
  void end(String why) {
    end(why, false);
  }

  private void end(String why, boolean byOther) {
    synchronized (this) {
      if (!over.isEmpty()) {
        return;
      }
      cut = byOther;
      over = why;
    }
    try {
      channel.close(); // ends a read and a write that wait
    } catch (IOException e) {
      // what is over cannot be ended better
    }
    writer.interrupt();
    ended.run();
  }

  /** Ends it and waits for its threads. */
  @Override
  public void close() throws InterruptedException {
    end("closed by this side");
    reader.join(timing.patience());
    writer.join(timing.patience());
  }

  /** Bytes that were no frame, so far. */
  long dropped() {
    return frames.dropped();
  }

  private void read() {
    try {
      while (over.isEmpty()) {
        byte[] payload = frames.next();
        try {
          receiver.accept(FromGuest.parseFrom(payload));
        } catch (InvalidProtocolBufferException e) {
          // as any other garbage
        }
      }
    } catch (IOException e) {
      end("the port ended: " + e.getMessage(), true);
    } catch (RuntimeException e) {
      end("what the guest said could not be taken: " + e);
    }
  }

  private void write() {
    try {
      while (over.isEmpty()) {
        ByteBuffer frame = outgoing.take();
        writingSince = System.nanoTime();
        writing = true;
        while (frame.hasRemaining()) {
          channel.write(frame);
        }
        writing = false;
      }
    } catch (IOException e) {
      end("the port ended: " + e.getMessage(), true);
    } catch (InterruptedException e) {
      // over
    }
  }
}
