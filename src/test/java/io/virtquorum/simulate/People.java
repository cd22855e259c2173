package io.virtquorum.simulate;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Who is connected to a guest, as its kernel shows it. For one thread. */
final class People {
  static final int ACCESS_PORT = 80;
  private static final long TIME_WAIT = 60 * Timeline.SECOND;

  private static final class Connection {
    final int host;
    final int port;
    long closedAt = Long.MAX_VALUE;

    Connection(int host, int port) {
      this.host = host;
      this.port = port;
    }
  }

  private final List<Connection> connections = new ArrayList<>();
  private long opens;
  private long changes;
  private int lastPort = 40_000;
  private byte[] text;
  private long textGoodUntil;

  /** Somebody connects and stays. */
  Object connect(int host) {
    Connection connection = new Connection(host, ++lastPort);
    connections.add(connection);
    opens++;
    changed();
    return connection;
  }

  void disconnect(Object connection, long now) {
    ((Connection) connection).closedAt = now;
    changed();
  }

  /** VirtQuorum's own connection to another port. */
  void opened() {
    opens++;
    changed();
  }

  void reboot() {
    connections.clear();
    opens = 0;
    changed();
  }

  /** Changes with every change of what is to be seen. */
  long version(long now) {
    return 2 * changes + (text == null || now >= textGoodUntil ? 1 : 0);
  }

  private void changed() {
    changes++;
    text = null;
  }

  /** What the script of Evidence prints. */
  byte[] evidence(long now) {
    if (text == null || now >= textGoodUntil) {
      changes++;
      connections.removeIf(c -> c.closedAt != Long.MAX_VALUE && c.closedAt + TIME_WAIT <= now);
      textGoodUntil = Long.MAX_VALUE;
      StringBuilder out = new StringBuilder("#tcp\n");
      out.append("   0: 00000000:0050 00000000:0000 0A 0\n");
      for (Connection c : connections) {
        boolean open = c.closedAt == Long.MAX_VALUE;
        if (!open) {
          textGoodUntil = Math.min(textGoodUntil, c.closedAt + TIME_WAIT);
        }
        out.append(
            String.format(
                Locale.ROOT,
                "   1: 0A00020A:0050 %02X00000A:%04X %s 0\n",
                c.host,
                c.port,
                open ? "01" : "06"));
      }
      out.append("#snmp\nTcp: RtoMin PassiveOpens\nTcp: 200 ").append(opens);
      out.append("\n#who\n#terminals\n");
      text = out.toString().getBytes(StandardCharsets.ISO_8859_1);
    }
    return text;
  }
}
