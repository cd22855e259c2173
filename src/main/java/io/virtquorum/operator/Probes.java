package io.virtquorum.operator;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** Answers the kubelet: /livez while the process runs, /readyz while sidecars can attach. */
final class Probes implements AutoCloseable {
  private final HttpServer server;

  /**
   * @param unready why not ready, as a sentence; empty text: ready
   */
  Probes(int port, Supplier<String> unready) throws IOException {
    server = HttpServer.create(new InetSocketAddress(port), 16);
    answer("/livez", () -> "");
    answer("/readyz", unready);
    server.start();
  }

  /** The port that was bound. */
  int port() {
    return server.getAddress().getPort();
  }

  private void answer(String path, Supplier<String> problem) {
    server.createContext(
        path,
        exchange -> {
          String text = problem.get();
          byte[] body = (text.isEmpty() ? "ok" : text).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(text.isEmpty() ? 200 : 503, body.length);
          try (var out = exchange.getResponseBody()) {
            out.write(body);
          }
        });
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
