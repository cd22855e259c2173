package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Whether the other members answer over the sync network, asked from within the guest: only that
 * notices a bridge without an uplink, whose carrier is fine. For one thread.
 */
public final class PeerProbe {
  private static final Script REACH = Script.of(PeerProbe.class, "reach.sh");
  private static final Duration BETWEEN = Duration.ofSeconds(30);
  private static final Duration LIMIT = Duration.ofSeconds(15);

  private final Shell shell;
  private final Map<String, String> addresses;
  private Set<String> missed = Set.of();
  private Set<String> silent = Set.of();
  private long due;

  /**
   * @param addresses of the other members by name, without prefix length
   */
  public PeerProbe(Shell shell, Map<String, String> addresses) {
    this.shell = shell;
    this.addresses = new TreeMap<>(addresses);
    this.due = shell.nanoTime();
  }

  /**
   * Asks all of them, if that is due: twice a minute. Takes up to 2 s if one is silent.
   *
   * @param own this member's address, without prefix length
   * @throws Trouble with {@code ToolMissing} if the guest has no rsync
   */
  public void askIfDue(String own) throws GuestException, Trouble {
    if (addresses.isEmpty() || shell.nanoTime() - due < 0) {
      return;
    }
    Deadline deadline = shell.deadline(LIMIT);
    shell.needRsync(deadline);
    List<String> arguments =
        new ArrayList<>(List.of(own, Integer.toString(SampleServer.FIRST_PORT)));
    arguments.addAll(addresses.values());
    byte[] said = shell.run(REACH, deadline, new byte[0], arguments.toArray(String[]::new));
    Set<String> now = new String(said, UTF_8).lines().collect(Collectors.toSet());
    silent = now.stream().filter(missed::contains).collect(Collectors.toSet());
    missed = now;
    due = shell.nanoTime() + BETWEEN.toNanos();
  }

  /** Members that did not answer twice in succession, in order. */
  public List<String> silent() {
    return addresses.entrySet().stream()
        .filter(e -> silent.contains(e.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }
}
