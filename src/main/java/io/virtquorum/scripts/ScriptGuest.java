package io.virtquorum.scripts;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.security.SecureRandom;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/**
 * A guest whose agent runs VirtQuorum's scripts. Safe for use by many threads, as its agent is; a
 * watch is for one.
 */
public final class ScriptGuest implements Guest {
  private final GuestAgent agent;
  private final String runDirectory;
  private final LongSupplier nanoTime;
  private final RandomGenerator random;
  private final CollectSettings settings;

  /**
   * A real guest.
   *
   * @param agent closed with this object
   */
  public ScriptGuest(GuestAgent agent) {
    this(
        agent, "/run/virtquorum", System::nanoTime, new SecureRandom(), CollectSettings.defaults());
  }

  /**
   * As the other, with a place, a clock and chance of one's own, as tests and a simulation have.
   *
   * @param runDirectory absolute, for passing files; lost at a reboot
   * @param nanoTime as {@link System#nanoTime}
   * @param random names files and makes passwords
   */
  public ScriptGuest(
      GuestAgent agent,
      String runDirectory,
      LongSupplier nanoTime,
      RandomGenerator random,
      CollectSettings settings) {
    this.agent = agent;
    this.runDirectory = runDirectory;
    this.nanoTime = nanoTime;
    this.random = random;
    this.settings = settings;
  }

  @Override
  public Watch watch(WatchSettings wanted) {
    Shell shell = new Shell(agent, runDirectory, nanoTime, random);
    return new ScriptWatch(shell, wanted, settings.of(wanted.member()));
  }

  @Override
  public Presence presence() {
    return agent.presence();
  }

  @Override
  public void close() {
    agent.close();
  }
}
