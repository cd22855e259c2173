package io.virtquorum.port;

import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.FromGuest;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Refusal;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.ToGuest;
import io.virtquorum.guest.wire.v1.Welcome;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;

/**
 * A peer on a real unix socket that speaks as the guest program and misbehaves on demand, where the
 * real one cannot be made to. By itself it welcomes, answers pings and configurations.
 */
public final class ScriptedProgram implements AutoCloseable {
  /** Says what it will to a message; true: that was all, false: do as usual. */
  public interface Behaviour {
    boolean said(ToGuest message) throws IOException;
  }

  public final Queue<ToGuest> received = new ConcurrentLinkedQueue<>();
  public volatile Behaviour behaviour = message -> false;
  public volatile String bootId = "boot-1";
  private final ServerSocketChannel server;
  private volatile SocketChannel connection;

  public ScriptedProgram(Path socket) throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.startVirtualThread(this::serve);
  }

  private void serve() {
    while (server.isOpen()) {
      try (SocketChannel peer = server.accept()) {
        connection = peer;
        FrameReader frames = new FrameReader(peer);
        while (true) {
          ToGuest message = ToGuest.parseFrom(frames.next());
          received.add(message);
          if (!behaviour.said(message)) {
            usual(message);
          }
        }
      } catch (IOException e) {
        // the next one
      }
    }
  }

  private void usual(ToGuest message) throws IOException {
    switch (message.getMessageCase()) {
      case HELLO -> welcome(message);
      case PING ->
          say(
              message,
              FromGuest.newBuilder()
                  .setPong(
                      io.virtquorum.guest.wire.v1.Pong.newBuilder()
                          .setNumber(message.getPing().getNumber())));
      case REQUEST -> {
        if (message.getRequest().hasConfigure()) {
          last(message, Answer.newBuilder());
        }
      }
      case CANCEL -> refuse(message, message.getCancel().getId(), Reason.REASON_CANCELLED);
      default -> {}
    }
  }

  public void welcome(ToGuest hello) throws IOException {
    say(
        hello,
        FromGuest.newBuilder()
            .setWelcome(Welcome.newBuilder().setProtocol(1).setBootId(bootId).setRequests(4)));
  }

  /** The last piece of an answer. */
  public void last(ToGuest request, Answer.Builder answer) throws IOException {
    answer.setId(request.getRequest().getId()).setLast(true);
    say(request, FromGuest.newBuilder().setAnswer(answer));
  }

  /** A piece that is not the last one. */
  public void piece(ToGuest request, Answer.Builder answer) throws IOException {
    answer.setId(request.getRequest().getId());
    say(request, FromGuest.newBuilder().setAnswer(answer));
  }

  public void refuse(ToGuest message, long id, Reason reason) throws IOException {
    say(
        message,
        FromGuest.newBuilder()
            .setRefusal(
                Refusal.newBuilder().setId(id).setReason(reason).setSentence("because " + reason)));
  }

  public void say(ToGuest to, FromGuest.Builder message) throws IOException {
    frame(message.setSession(to.getSession()).build().toByteArray());
  }

  public void frame(byte[] payload) throws IOException {
    raw(Frame.around(payload));
  }

  public void raw(ByteBuffer bytes) throws IOException {
    synchronized (this) {
      while (bytes.hasRemaining()) {
        connection.write(bytes);
      }
    }
  }

  public void hangUp() throws IOException {
    connection.close();
  }

  public long count(Predicate<ToGuest> what) {
    return received.stream().filter(what).count();
  }

  public long requests(Request.OperationCase operation) {
    return count(m -> m.hasRequest() && m.getRequest().getOperationCase() == operation);
  }

  @Override
  public void close() throws IOException {
    server.close();
    if (connection != null) {
      connection.close();
    }
  }
}
