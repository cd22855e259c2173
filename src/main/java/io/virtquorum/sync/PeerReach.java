package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Asks the other members over the sync network, from within the guest. For one thread. */
public final class PeerReach {
  private static final Script REACH = Script.of(PeerReach.class, "reach.sh");

  private final Shell shell;

  public PeerReach(Shell shell) {
    this.shell = shell;
  }

  /**
   * Asks all of them at once. Takes up to 2 s if one is silent.
   *
   * @param own this member's address, without prefix length
   * @param others addresses of the others
   * @return those that did not answer
   * @throws Trouble with {@code ToolMissing} if the guest has no rsync
   */
  public Set<String> silent(String own, Collection<String> others, Duration limit)
      throws GuestException, Trouble {
    Deadline deadline = shell.deadline(limit);
    shell.needRsync(deadline);
    List<String> arguments =
        new ArrayList<>(List.of(own, Integer.toString(SampleServer.FIRST_PORT)));
    arguments.addAll(others);
    byte[] said = shell.run(REACH, deadline, new byte[0], arguments.toArray(String[]::new));
    return new String(said, UTF_8).lines().collect(Collectors.toUnmodifiableSet());
  }
}
