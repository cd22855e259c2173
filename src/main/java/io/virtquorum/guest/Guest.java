package io.virtquorum.guest;

import java.time.Duration;

/**
 * A VM's guest: the seam between the sidecar, which decides, and what looks, copies and reports in
 * the guest. Whatever is asked of a guest is asked in a {@link Watch}. Safe for use by many
 * threads.
 */
public interface Guest extends AutoCloseable {
  /**
   * Begins to watch the state of a member. Asks nothing of the guest yet.
   *
   * @return to be closed before another watch of this guest begins
   * @throws IllegalArgumentException with a sentence, if the settings cannot be worked with
   */
  Watch watch(WatchSettings settings);

  /** What is known of the guest without asking it: never blocks. */
  Presence presence();

  /**
   * Says whom to tell, on any thread, that another look may find something else. A guest that
   * cannot tell is looked at every now and then in any case.
   */
  default void onNews(Runnable listener) {}

  /** Ends the way to the guest, after its watch; the guest itself is left alone. */
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
