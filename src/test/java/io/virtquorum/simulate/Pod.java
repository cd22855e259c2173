package io.virtquorum.simulate;

import io.virtquorum.guest.Guest;

/**
 * A pod of a VM: what its sidecar keeps for its next life, and its way to the guest. In a live
 * migration there are two, and the guest is first in the one and then in the other. For one thread.
 */
final class Pod {
  private final SimulatedGuest guest;
  private Guest.State without = Guest.State.STARTING;
  private boolean hasGuest;
  private SimulatedPort port;

  /** Kept for the sidecar's next life, as long as the pod is the same. */
  long term;

  boolean usersSinceHeld;

  Pod(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** The guest runs here from now on. */
  void arrived() {
    hasGuest = true;
  }

  /** The guest runs elsewhere from now on; nobody answers what was asked from here. */
  void left() {
    hasGuest = false;
    without = Guest.State.GONE;
    hangUp();
  }

  /** The port's socket closes. */
  void hangUp() {
    if (port != null) {
      port.hangUp("QEMU is gone");
    }
  }

  boolean hasGuest() {
    return hasGuest;
  }

  /** What a sidecar here sees of a guest that is not here. */
  Guest.State without() {
    return guest.exists() ? without : Guest.State.GONE;
  }

  /** A sidecar begins here. */
  SimulatedPort port() {
    port = new SimulatedPort(this, guest, () -> term);
    return port;
  }
}
