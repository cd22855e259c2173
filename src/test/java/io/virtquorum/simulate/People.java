package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Who is connected to a guest, as its kernel shows it. For one thread. */
final class People {
  private static final long TIME_WAIT = 60 * Timeline.SECOND;

  private static final class Connection {
    long closedAt = Long.MAX_VALUE;
  }

  private final List<Connection> connections = new ArrayList<>();
  private long opens;
  private long changes;
  private List<Object> shown;
  private long shownUntil;

  /** Somebody connects and stays. */
  Object connect() {
    Connection connection = new Connection();
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
    return 2 * changes + (shown == null || now >= shownUntil ? 1 : 0);
  }

  private void changed() {
    changes++;
    shown = null;
  }

  /** Connections to the access port that show now: each an object of its own. */
  Collection<Object> shown(long now) {
    if (shown == null || now >= shownUntil) {
      changes++;
      connections.removeIf(c -> c.closedAt != Long.MAX_VALUE && c.closedAt + TIME_WAIT <= now);
      shownUntil =
          connections.stream()
              .filter(c -> c.closedAt != Long.MAX_VALUE)
              .mapToLong(c -> c.closedAt + TIME_WAIT)
              .min()
              .orElse(Long.MAX_VALUE);
      shown = List.copyOf(connections);
    }
    return shown;
  }

  /** How many connections the kernel accepted since it booted. */
  long opens() {
    return opens;
  }
}
