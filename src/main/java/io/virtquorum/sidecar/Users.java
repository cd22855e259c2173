package io.virtquorum.sidecar;

import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Watch;
import java.time.Duration;

/**
 * Whether somebody used the guest since the member last held what it remembers. Kept across lives
 * of the sidecar; what happened between two lives is only seen if it still shows. For one thread.
 */
final class Users {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private final Watch watch;
  private final Kept state;
  private Evidence held;
  private Evidence newest;
  private boolean since;

  /** What is kept for the sidecar's next life. */
  interface Kept {
    /** Whether somebody used the guest since the member last held what it remembers. */
    boolean usersSinceHeld();

    /** Keeps whether somebody did. */
    void usersSinceHeld(boolean used);
  }

  Users(Watch watch, Kept state) {
    this.watch = watch;
    this.state = state;
    this.since = state.usersSinceHeld();
  }

  /** Looks who is there. */
  void look() throws GuestException {
    saw(watch.users(LIMIT));
  }

  /** Looks, unless this life did already. */
  void lookOnce() throws GuestException {
    if (newest == null) {
      look();
    }
  }

  /** Somebody looked. */
  void saw(Evidence now) {
    newest = now;
    Evidence earlier = held == null ? new Evidence(0, 0, 0, Long.MAX_VALUE, newest.who()) : held;
    if (held == null) {
      held = newest; // what this life counts from
    }
    since(since || newest.usedSince(earlier));
  }

  /** The member held what it remembers at a moment after the newest look. */
  void held() {
    held = newest;
    since(false);
  }

  /** Somebody did use it since then: an earlier life of this sidecar, in another pod, saw it. */
  void were() {
    since(true);
  }

  /** Somebody used the guest since the member held what it remembers. */
  boolean sinceHeld() {
    return since;
  }

  /** People logged in or connected at the newest look. */
  int sessions() {
    return newest.sessions() + newest.connections();
  }

  private void since(boolean value) {
    if (value != since) {
      since = value;
      state.usersSinceHeld(value);
    }
  }
}
