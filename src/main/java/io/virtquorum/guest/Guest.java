package io.virtquorum.guest;

import java.time.Duration;

/** A VM's guest, as the sidecar beside it sees it. Safe for use by many threads. */
public interface Guest extends AutoCloseable {
  /** What is known of the guest without asking it: never blocks. */
  Presence presence();

  /** Ends the way to the guest; the guest itself is left alone. */
  @Override
  void close();

  /** Whether the guest answers. */
  enum State {
    /** Nothing has answered since this object was made. */
    STARTING,
    ANSWERING,
    /** Connected, and nothing answers. */
    SILENT,
    /** The other end closed the socket: QEMU is gone. */
    GONE
  }

  /**
   * Whether a guest answers, and since when it does not.
   *
   * @param state see {@link State}
   * @param age since the last matched answer; {@link Duration#ZERO} at least
   */
  record Presence(State state, Duration age) {}
}
