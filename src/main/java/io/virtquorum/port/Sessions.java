package io.virtquorum.port;

import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.GuestException;

/**
 * The way to the program in a guest. Below it is the port, or a simulation of it. Safe for use by
 * many threads.
 */
public interface Sessions extends AutoCloseable {
  /**
   * The session, once there is one. A session of an older term than that of today is given up.
   *
   * @throws GuestException if there is none in time
   */
  Session session(Limit limit) throws GuestException;

  /** Whether the program is there and answers. */
  Presence presence();

  @Override
  void close();
}
