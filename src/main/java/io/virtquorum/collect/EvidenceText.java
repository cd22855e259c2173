package io.virtquorum.collect;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;

/**
 * What the script of {@link EvidenceReader} printed, as values. Lines that are not understood are
 * left out: a guest's tools differ. Immutable.
 *
 * @param connections and listening sockets, as in /proc/net/tcp and tcp6
 * @param passiveOpens the kernel's count of accepted connections in this boot; 0 if unknown
 * @param sessions a line for people for each terminal in use
 * @param lastInput newest access time of a terminal, in seconds; 0 if unknown
 */
record EvidenceText(
    List<Connection> connections, long passiveOpens, List<String> sessions, long lastInput) {
  private static final int LISTEN = 0x0A;

  /**
   * One socket.
   *
   * @param state the kernel's number, include/net/tcp_states.h
   */
  record Connection(int localPort, InetAddress remote, int remotePort, int state) {
    boolean listening() {
      return state == LISTEN;
    }

    boolean established() {
      return state == 0x01;
    }

    /** From ESTABLISHED to TIME_WAIT: not SYN_SENT, SYN_RECV, CLOSE, LISTEN, NEW_SYN_RECV. */
    boolean open() {
      return switch (state) {
        case 0x01, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0B -> true;
        default -> false;
      };
    }

    /** The same connection in whatever state. */
    @Override
    public boolean equals(Object other) {
      return other instanceof Connection that
          && localPort == that.localPort
          && remotePort == that.remotePort
          && remote.equals(that.remote);
    }

    @Override
    public int hashCode() {
      return (localPort * 31 + remotePort) * 31 + remote.hashCode();
    }
  }

  static EvidenceText parse(byte[] output) {
    var connections = new ArrayList<Connection>();
    var opens = new PassiveOpens();
    Map<String, String> sessions = new LinkedHashMap<>(); // by terminal
    long lastInput = 0;
    String part = "";
    for (String line : new String(output, StandardCharsets.UTF_8).lines().toList()) {
      if (line.startsWith("#")) {
        part = line;
        continue;
      }
      String[] words = words(line);
      switch (part) {
        case "#tcp" -> connection(words, connections);
        case "#snmp" -> opens.line(words);
        case "#who" -> {
          if (words.length >= 2) {
            sessions.put(words[1], String.join(" ", words));
          }
        }
        case "#terminals" -> lastInput = Math.max(lastInput, terminal(words, sessions));
        default -> {}
      }
    }
    return new EvidenceText(
        List.copyOf(connections), opens.count, List.copyOf(sessions.values()), lastInput);
  }

  private static String[] words(String line) {
    var tokens = new StringTokenizer(line);
    String[] words = new String[tokens.countTokens()];
    Arrays.setAll(words, i -> tokens.nextToken());
    return words;
  }

  private static void connection(String[] words, List<Connection> connections) {
    // sl local_address rem_address st ...
    if (words.length < 4 || !words[0].endsWith(":")) {
      return;
    }
    try {
      String[] local = words[1].split(":");
      String[] remote = words[2].split(":");
      connections.add(
          new Connection(
              Integer.parseInt(local[1], 16),
              address(remote[0]),
              Integer.parseInt(remote[1], 16),
              Integer.parseInt(words[3], 16)));
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException | UnknownHostException e) {
      // Not a line of this table.
    }
  }

  /**
   * The kernel prints addresses as words in its own byte order; the guest's is this machine's,
   * because KubeVirt runs guests of the node's architecture. A mapped address becomes an IPv4 one.
   */
  private static InetAddress address(String hex) throws UnknownHostException {
    var words = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
    var bytes = ByteBuffer.allocate(words.capacity()).order(ByteOrder.nativeOrder());
    while (words.remaining() >= Integer.BYTES) {
      bytes.putInt(words.getInt());
    }
    return InetAddress.getByAddress(bytes.array());
  }

  /** Adds a pseudo terminal that the login records do not know, and says when it had input. */
  private static long terminal(String[] words, Map<String, String> sessions) {
    if (words.length != 3 || !words[0].startsWith("/dev/")) {
      return 0;
    }
    String name = words[0].substring("/dev/".length());
    if (name.startsWith("pts/")) {
      sessions.putIfAbsent(name, "terminal " + name);
    }
    try {
      long access = Long.parseLong(words[1]);
      // A terminal is made, and given to a user, with both times equal; only input parts them.
      return access > Long.parseLong(words[2]) ? access : 0;
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** Two lines: names, then values. */
  private static final class PassiveOpens {
    private List<String> names = List.of();
    private long count;

    void line(String[] words) {
      int column = names.indexOf("PassiveOpens");
      if (names.isEmpty()) {
        names = List.of(words);
      } else if (column > 0 && column < words.length) {
        try {
          count = Long.parseLong(words[column]);
        } catch (NumberFormatException e) {
          count = 0;
        }
      }
    }
  }
}
