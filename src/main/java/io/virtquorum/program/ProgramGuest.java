package io.virtquorum.program;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.function.LongSupplier;

/**
 * A guest in which the guest program runs, reached over the socket of its virtio port. Connects by
 * itself, again and again, until it is closed. Safe for use by many threads; a watch is for one.
 */
public final class ProgramGuest implements Guest {
  private final SecureRandom random = new SecureRandom();
  private final ProgramLink link;
  private volatile Runnable news = () -> {};

  /**
   * Begins to connect.
   *
   * @param socket of the port, that QEMU listens on
   * @param term of the adjudicator that the sidecar obeys, never falling; asked for each session
   * @param version of this sidecar
   */
  public ProgramGuest(Path socket, LongSupplier term, String version) {
    this.link =
        new ProgramLink(socket, term, version, LinkTiming.usual(), random, push -> news.run());
  }

  @Override
  public Watch watch(WatchSettings settings) {
    return new ProgramWatch(link, settings, random);
  }

  @Override
  public Presence presence() {
    return link.presence();
  }

  @Override
  public void onNews(Runnable listener) {
    news = listener;
  }

  @Override
  public void close() {
    link.close();
  }
}
