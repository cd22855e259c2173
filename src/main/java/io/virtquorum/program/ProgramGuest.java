package io.virtquorum.program;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.port.PortLink;
import io.virtquorum.port.Sessions;
import io.virtquorum.port.Time;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/** A guest in which the guest program runs. Safe for use by many threads; a watch is for one. */
public final class ProgramGuest implements Guest {
  private final Sessions sessions;
  private final Time time;
  private final RandomGenerator random;
  private final CarriedPrograms carried;
  private volatile Runnable news = () -> {};

  /**
   * Reached over the socket of its virtio port: connects by itself, again and again, until it is
   * closed.
   *
   * @param socket of the port, that QEMU listens on
   * @param term of the adjudicator that the sidecar obeys, never falling; asked for each session
   * @param version of this sidecar
   * @param carried by which an older program is updated
   */
  public ProgramGuest(Path socket, LongSupplier term, String version, CarriedPrograms carried) {
    this.carried = carried;
    this.random = new SecureRandom();
    this.time = Time.MACHINE;
    this.sessions = new PortLink(socket, term, version, random, push -> hear());
  }

  /**
   * @param sessions with the program; closed with this
   * @param time by which requests are limited
   * @param random draws the secrets of servings
   */
  public ProgramGuest(Sessions sessions, Time time, RandomGenerator random) {
    this(sessions, time, random, CarriedPrograms.none());
  }

  /**
   * As the one before, for a sidecar that updates older programs.
   *
   * @param carried by which
   */
  public ProgramGuest(
      Sessions sessions, Time time, RandomGenerator random, CarriedPrograms carried) {
    this.carried = carried;
    this.sessions = sessions;
    this.time = time;
    this.random = random;
  }

  /** The program pushed something that it saw. */
  public void hear() {
    news.run();
  }

  @Override
  public Watch watch(WatchSettings settings) {
    return new ProgramWatch(sessions, time, settings, random, carried);
  }

  @Override
  public Presence presence() {
    return sessions.presence();
  }

  @Override
  public void onNews(Runnable listener) {
    news = listener;
  }

  @Override
  public void close() {
    sessions.close();
  }
}
