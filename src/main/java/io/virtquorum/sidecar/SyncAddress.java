package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.SyncInterface;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.v1.Configure;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Keeps a guest's address on the sync network set. For one thread. */
final class SyncAddress {
  private static final Duration SETTING = Duration.ofSeconds(20);
  private static final Duration AGAIN = Duration.ofMinutes(1);

  private final Optional<SyncInterface> nic;
  private final String address;
  private final LongSupplier nanoTime;
  private String setIn = "";
  private long due;

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  SyncAddress(Configure configure, Guest guest, LongSupplier nanoTime) {
    this.address = configure.getSyncAddress();
    this.nanoTime = nanoTime;
    this.due = nanoTime.getAsLong();
    // In Observe nothing in the guest is touched.
    this.nic =
        configure.getObserve() || address.isEmpty()
            ? Optional.empty()
            : Optional.of(new SyncInterface(guest, configure.getSyncMac()));
  }

  /** False if this member is to have none. */
  boolean isWanted() {
    return nic.isPresent();
  }

  /** The address alone. */
  String host() {
    return address.substring(0, address.indexOf('/'));
  }

  /** Sets it when it may be missing: after a reboot, and once a minute. Says why it is missing. */
  Optional<BallotContent.Trouble> missing(String bootId) throws GuestException {
    if (nic.isEmpty()) {
      return Optional.of(
          new BallotContent.Trouble(
              "SyncAddressUnknown", "The operator gave this member no sync address"));
    }
    long now = nanoTime.getAsLong();
    if (setIn.equals(bootId) && now - due < 0) {
      return Optional.empty();
    }
    Optional<BallotContent.Trouble> missing =
        switch (nic.get().set(address, SETTING)) {
          case SyncInterface.Outcome.Done _, SyncInterface.Outcome.Already _ -> Optional.empty();
          case SyncInterface.Outcome.Absent absent ->
              Optional.of(
                  new BallotContent.Trouble(
                      "SyncNicMissing", "The guest has no interface with MAC " + absent.mac()));
          case SyncInterface.Outcome.NoTool _ ->
              Optional.of(
                  new BallotContent.Trouble(
                      "ToolMissing", "The guest has no ip; install its package iproute2"));
          case SyncInterface.Outcome.Failed failed ->
              Optional.of(
                  new BallotContent.Trouble(
                      "SyncAddressNotSet", "Setting " + address + ": " + failed.message()));
        };
    if (missing.isEmpty()) {
      setIn = bootId;
      due = now + AGAIN.toNanos();
    }
    return missing;
  }
}
