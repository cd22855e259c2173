package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;

/**
 * A peer on a real unix socket that speaks as a guest agent and misbehaves on demand, where a real
 * one cannot be made to. Answers sync, ping and the reads of the boot id by itself.
 */
final class ScriptedAgent implements AutoCloseable {
  /** Answers a command; null: stay silent. */
  interface Behaviour {
    String answer(String command, long id) throws IOException;
  }

  private static final Pattern REQUEST =
      Pattern.compile("\"execute\":\"([a-z-]+)\".*\"id\":(\\d+)}$");

  final Queue<String> received = new ConcurrentLinkedQueue<>();
  volatile String bootId = "boot-1";
  volatile String beforeSync = "";
  volatile Behaviour behaviour = this::usual;
  private final ServerSocketChannel server;
  private volatile SocketChannel connection;

  ScriptedAgent(Path socket) throws IOException {
    Files.deleteIfExists(socket);
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.startVirtualThread(this::serve);
  }

  /** What a healthy agent says. */
  String usual(String command, long id) {
    return switch (command) {
      case "guest-sync-delimited" ->
          beforeSync + "\u00ff{\"return\": " + id + ", \"id\": " + id + "}\n";
      case "guest-file-open" -> value("7", id);
      case "guest-file-read" -> {
        var content =
            java.util.Base64.getEncoder().encodeToString((bootId + "\n").getBytes(ISO_8859_1));
        yield value("{\"count\": 7, \"buf-b64\": \"" + content + "\", \"eof\": true}", id);
      }
      default -> value("{}", id);
    };
  }

  static String value(String json, long id) {
    return "{\"return\": " + json + ", \"id\": " + id + "}\n";
  }

  /** Another behaviour for some commands; null as an answer is silence. */
  void behave(Map<String, Behaviour> special) {
    behaviour =
        (command, id) ->
            special.containsKey(command)
                ? special.get(command).answer(command, id)
                : usual(command, id);
  }

  void send(String text) throws IOException {
    var bytes = ByteBuffer.wrap(text.getBytes(ISO_8859_1));
    while (bytes.hasRemaining()) {
      connection.write(bytes);
    }
  }

  void hangUp() throws IOException {
    connection.close();
  }

  @Override
  public void close() throws IOException {
    server.close();
    if (connection != null) {
      connection.close();
    }
  }

  private void serve() {
    while (server.isOpen()) {
      try {
        connection = server.accept();
        InputStream in = Channels.newInputStream(connection);
        for (String line = line(in); line != null; line = line(in)) {
          take(line);
        }
      } catch (IOException closed) {
        // The test or the client ended it; the next client may come.
      }
    }
  }

  private void take(String line) throws IOException {
    var request = REQUEST.matcher(line);
    if (!request.find()) {
      throw new UncheckedIOException(new IOException("not a request: " + line));
    }
    String command = request.group(1);
    received.add(command);
    String answer = behaviour.answer(command, Long.parseLong(request.group(2)));
    if (answer != null) {
      send(answer);
    }
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); next >= 0; next = in.read()) {
      if (next == '\n') {
        return line.toString(ISO_8859_1);
      }
      line.write(next);
    }
    return null;
  }
}
