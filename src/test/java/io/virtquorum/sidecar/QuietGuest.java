package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.time.Duration;

/** A guest that answers, and that nobody looks into. */
final class QuietGuest implements Guest {
  @Override
  public Watch watch(WatchSettings settings) {
    throw new IllegalStateException("nobody looks into it");
  }

  @Override
  public Presence presence() {
    return new Presence(State.ANSWERING, Duration.ZERO);
  }

  @Override
  public void close() {}
}
