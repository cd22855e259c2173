package io.virtquorum.collect;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.GuestException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Looks at one guest by one script. For one thread at a time.
 *
 * <p>A request may begin and end between two looks. The kernel counts accepted connections only for
 * all ports together, so an increase counts as use if something listens on an access port and the
 * new connections in sight do not explain it, unless a probe was ever seen on an access port: then
 * the count says nothing and is left out. What VirtQuorum itself opens is taken out by {@link
 * #disregardOpens}. Too much is thus noticed rather than too little, except beside probes.
 */
public final class EvidenceReader {
  private static final int SSH = 22;
  private static final int MOST_LINES = 20_000;
  private static final byte[] NO_INPUT = {};

  // $1: pattern of the local ports; $2: most lines. Every tool may be missing in a small guest.
  static final String SCRIPT =
      """
      export LC_ALL=C
      echo '#tcp'
      cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        grep -E "^ *[0-9]+: [0-9A-F]+:($1) " | head -n "$2"
      echo '#snmp'
      grep '^Tcp:' /proc/net/snmp
      echo '#who'
      who 2>/dev/null
      echo '#terminals'
      stat -c '%n %X %Z' /dev/pts/[0-9]* 2>/dev/null
      stat -c '%n %X %Z' /dev/console /dev/tty[0-9]* /dev/ttyS0 /dev/ttyAMA0 /dev/hvc0 2>/dev/null
      exit 0
      """;

  private final GuestAgent agent;
  private final Set<Integer> accessPorts;
  private final Set<InetAddress> probes;
  private final String pattern;
  private byte[] printed = {};
  private EvidenceText parsed = EvidenceText.parse(printed);
  private Set<EvidenceText.Connection> before = Set.of();
  private long opensBefore = -1; // nothing seen yet
  private long unexplained;
  private boolean probed;
  private boolean disregard;

  /**
   * @param accessPorts TCP ports, 1 to 65535, on which users reach the guest
   * @param probeAddresses literal addresses whose connections are not users': the node's own, and
   *     with masquerade the gateway that the guest sees (10.0.2.1), if the network rewrites sources
   *     to it only for probes
   * @throws IllegalArgumentException for an address that is not a literal one
   */
  public EvidenceReader(GuestAgent agent, List<Integer> accessPorts, Set<String> probeAddresses) {
    this.agent = agent;
    this.accessPorts = Set.copyOf(accessPorts);
    this.probes =
        probeAddresses.stream().map(InetAddress::ofLiteral).collect(Collectors.toUnmodifiableSet());
    this.pattern =
        Stream.concat(Stream.of(SSH), this.accessPorts.stream())
            .distinct()
            .map(port -> String.format(Locale.ROOT, "%04X", port))
            .collect(Collectors.joining("|"));
  }

  /** The connections accepted until the next look were VirtQuorum's own, such as a sync's. */
  public void disregardOpens() {
    disregard = true;
  }

  /** Looks now; on an exception the looks before it still count. */
  public Evidence read(Duration deadline) throws GuestException {
    var result =
        agent.run(
            GuestAgent.Exec.script(
                deadline, SCRIPT, NO_INPUT, pattern, Integer.toString(MOST_LINES)));
    if (!result.ok()) {
      throw new GuestException.Refused(
          "Who uses the guest cannot be read there: exit code " + result.exit());
    }
    if (!Arrays.equals(result.output(), printed)) { // an idle guest prints the same each time
      printed = result.output();
      parsed = EvidenceText.parse(printed);
    }
    return take(parsed);
  }

  /** Continues from what was seen before with one parsed look. */
  Evidence take(EvidenceText seen) {
    var now = new HashSet<EvidenceText.Connection>();
    boolean listening = false;
    for (var connection : seen.connections()) {
      boolean access = accessPorts.contains(connection.localPort());
      listening |= access && connection.listening();
      if (connection.open()) {
        now.add(connection);
        probed |= access && probes.contains(connection.remote());
      }
    }
    countOpens(seen.passiveOpens(), now, listening);
    before = now;
    var users = now.stream().filter(this::isUser).toList();
    var used = users.stream().filter(c -> accessPorts.contains(c.localPort())).toList();
    long ssh = users.stream().filter(c -> c.localPort() == SSH && c.established()).count();
    var who =
        Stream.concat(
                seen.sessions().stream(),
                users.stream()
                    .map(c -> c.remote().getHostAddress() + " on port " + c.localPort())
                    .distinct()
                    .sorted())
            .limit(Evidence.MOST_NAMED)
            .toList();
    int sessions = Math.max(seen.sessions().size(), (int) ssh);
    return new Evidence(sessions, used.size(), unexplained, seen.lastInput(), who);
  }

  private void countOpens(long opens, Set<EvidenceText.Connection> now, boolean listening) {
    // A smaller count than before is a new boot's.
    long more = opens >= opensBefore ? opens - opensBefore : opens;
    long seen = now.stream().filter(connection -> !before.contains(connection)).count();
    if (opensBefore >= 0 && listening && !probed && !disregard) {
      unexplained += Math.max(0, more - seen);
    }
    opensBefore = opens;
    disregard = false;
  }

  private boolean isUser(EvidenceText.Connection connection) {
    return !connection.remote().isLoopbackAddress() && !probes.contains(connection.remote());
  }
}
