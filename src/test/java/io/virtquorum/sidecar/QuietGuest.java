package io.virtquorum.sidecar;

import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.wire.BallotContent;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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

  /** What a look at an empty state says. */
  static BallotContent ballot(boolean audit) {
    return new BallotContent(
        0,
        "boot-1",
        Matrix.of(List.of()).root(),
        0,
        Optional.empty(),
        0,
        List.of(),
        0,
        0,
        false,
        audit,
        Optional.empty(),
        Map.of(),
        List.of(),
        0);
  }
}
