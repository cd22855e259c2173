package io.virtquorum.simulate;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;

/**
 * A pod of a VM: what its sidecar keeps for its next life, and its way to the guest. In a live
 * migration there are two, and the guest is first in the one and then in the other. For one thread.
 */
final class Pod implements GuestAgent {
  private final SimulatedGuest guest;
  private Guest.State without = Guest.State.STARTING;
  private boolean hasGuest;

  /** Kept for the sidecar's next life, as long as the pod is the same. */
  long term;

  boolean usersSinceHeld;

  Pod(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** The guest runs here from now on. */
  void arrived() {
    hasGuest = true;
    greet();
  }

  /** The guest runs elsewhere from now on; nobody answers what was asked from here. */
  void left() {
    hasGuest = false;
    without = Guest.State.GONE;
    guest.agent.fail(() -> new GuestException.Unreachable("QEMU is gone", null));
  }

  /** A sidecar begins to know the guest. */
  void greet() {
    if (hasGuest) {
      guest.agent.unmet();
    }
  }

  private void reach() throws GuestException {
    if (!hasGuest) {
      guest.timeline.sleep(5 * Timeline.MILLISECOND);
      throw new GuestException.Unreachable("No guest runs in this pod", null);
    }
  }

  @Override
  public Result run(Exec exec) throws GuestException {
    reach();
    return guest.run(exec);
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    reach();
    return guest.bootId(deadline);
  }

  @Override
  public Guest.Presence presence() {
    return hasGuest ? guest.presence() : new Guest.Presence(without, Duration.ZERO);
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) {
    return guest.read(path, limit, deadline);
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) {
    guest.write(path, content, deadline);
  }

  @Override
  public void close() {
    guest.close();
  }
}
