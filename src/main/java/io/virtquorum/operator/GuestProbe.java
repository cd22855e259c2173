package io.virtquorum.operator;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;

/**
 * Asks a guest for a sign of life without its sidecar: silence of the sidecar's stream is not the
 * death of the guest. Blocks; safe on any thread.
 */
final class GuestProbe implements Detector.Probe {
  private static final Duration TIMEOUT = Duration.ofMillis(1_000);

  /** What a probe says. */
  enum Answer {
    /** The guest's kernel answered, be it with a refusal. */
    ALIVE,
    /** Nothing answered on any port. */
    SILENT,
    /** There is nothing to ask. */
    UNKNOWN
  }

  /** Tries the ports in turn, a second each. */
  @Override
  public Answer ask(String address, List<Integer> ports) {
    if (ports.isEmpty()) {
      return Answer.UNKNOWN;
    }
    for (int port : ports) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(address, port), (int) TIMEOUT.toMillis());
        return Answer.ALIVE;
      } catch (ConnectException e) {
        // Refused by the guest's kernel is life; "no route" comes as another subclass.
        return Answer.ALIVE;
      } catch (IOException e) {
        // silent on this port; the next may be open
      }
    }
    return Answer.SILENT;
  }
}
