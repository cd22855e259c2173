package io.virtquorum.operator;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * Answers the kubelet while the process runs: /livez, and /readyz as well, because an operator that
 * waits for the lease serves sidecars too: it sends them to the next one.
 */
final class Probes implements AutoCloseable {
  private final HttpServer server;

  Probes(int port) throws IOException {
    server = HttpServer.create(new InetSocketAddress(port), 16);
    server.createContext("/livez", Probes::answer);
    server.createContext("/readyz", Probes::answer);
    server.start();
  }

  /** The port that was bound. */
  int port() {
    return server.getAddress().getPort();
  }

  private static void answer(HttpExchange exchange) throws IOException {
    byte[] body = "ok".getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, body.length);
    try (var out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
