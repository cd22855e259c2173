package io.virtquorum.port;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A socket before that of a program, which cuts its connection in the middle of a frame. */
public final class CuttingPort implements AutoCloseable {
  private final ServerSocketChannel server;
  private final Path behind;

  /** Frames from the program that still pass; after the last half a one does. */
  public final AtomicInteger passing = new AtomicInteger(Integer.MAX_VALUE);

  public volatile boolean cut;

  public CuttingPort(Path socket, Path behind) throws IOException {
    this.behind = behind;
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.startVirtualThread(this::serve);
  }

  private void serve() {
    while (server.isOpen()) {
      try (SocketChannel front = server.accept();
          SocketChannel back = SocketChannel.open(UnixDomainSocketAddress.of(behind))) {
        Thread there = Thread.startVirtualThread(() -> copy(front, back));
        answers(back, front);
        front.close();
        back.close();
        there.join();
      } catch (IOException e) {
        // the next one
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static void copy(SocketChannel from, SocketChannel to) {
    ByteBuffer bytes = ByteBuffer.allocate(4096);
    try {
      while (from.read(bytes.clear()) >= 0) {
        bytes.flip();
        while (bytes.hasRemaining()) {
          to.write(bytes);
        }
      }
      to.close();
    } catch (IOException e) {
      // over
    }
  }

  private void answers(SocketChannel from, SocketChannel to) throws IOException {
    FrameReader frames = new FrameReader(from);
    while (true) {
      ByteBuffer frame = Frame.around(frames.next());
      boolean last = passing.getAndDecrement() == 0;
      if (last) {
        frame.limit(frame.limit() / 2);
      }
      while (frame.hasRemaining()) {
        to.write(frame);
      }
      if (last) {
        cut = true;
        return;
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
