package io.virtquorum.sidecar;

import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.Watch;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.Peer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * A guest's place on the sync network: keeps its address set, and asks whether the others answer.
 * For one thread.
 */
final class SyncLink {
  private static final Duration SETTING = Duration.ofSeconds(20);
  private static final Duration AGAIN = Duration.ofMinutes(1);

  private final Watch watch;
  private final String mac;
  private final String address;

  /** It is to have an address, and may be given it. */
  private final boolean sets;

  private final LongSupplier nanoTime;
  private final PeerProbe peers;
  private String setIn = "";
  private long due;
  private List<BallotContent.Trouble> ailments = List.of();

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  SyncLink(Configure configure, Watch watch, LongSupplier nanoTime) {
    this.watch = watch;
    this.mac = configure.getSyncMac();
    this.address = configure.getSyncAddress();
    // In Observe nothing in the guest is touched.
    this.sets = !configure.getObserve() && !address.isEmpty();
    this.nanoTime = nanoTime;
    this.peers =
        new PeerProbe(
            watch,
            nanoTime,
            configure.getPeersList().stream()
                .collect(Collectors.toMap(Peer::getMember, Peer::getAddress)));
    this.due = nanoTime.getAsLong();
  }

  /** Sets the address if it may be missing, and asks the others now and then. */
  void look(String bootId) throws GuestException {
    if (!sets) {
      return;
    }
    Optional<BallotContent.Trouble> missing = missing(bootId);
    if (missing.isEmpty()) {
      try {
        peers.askIfDue(host());
      } catch (Trouble trouble) {
        missing =
            Optional.of(new BallotContent.Trouble(trouble.reason().name(), trouble.getMessage()));
      }
    }
    ailments = missing.stream().toList();
  }

  /** What is wrong with it, as of the last look. */
  HealthContent health() {
    return new HealthContent(ailments, peers.silent());
  }

  /** The address alone. */
  String host() {
    return address.substring(0, address.indexOf('/'));
  }

  /** Sets it when it may be missing: after a reboot, and once a minute. Says why it is missing. */
  Optional<BallotContent.Trouble> missing(String bootId) throws GuestException {
    if (!sets) {
      return Optional.of(
          new BallotContent.Trouble(
              "SyncAddressUnknown", "The operator gave this member no sync address"));
    }
    long now = nanoTime.getAsLong();
    if (setIn.equals(bootId) && now - due < 0) {
      return Optional.empty();
    }
    Optional<BallotContent.Trouble> missing =
        switch (watch.address(mac, address, SETTING)) {
          case AddressOutcome.Done _, AddressOutcome.Already _ -> Optional.empty();
          case AddressOutcome.Absent absent ->
              Optional.of(
                  new BallotContent.Trouble(
                      "SyncNicMissing",
                      "The guest has no interface with MAC "
                          + absent.mac()
                          + "; restart the VM so that it gets its sync NIC"));
          case AddressOutcome.Collides collides ->
              Optional.of(
                  new BallotContent.Trouble(
                      "SyncCidrCollides",
                      "The address "
                          + address
                          + " was not set, because "
                          + collides.message()
                          + "; make the HACluster anew with a syncNetwork.cidr that is free in all"
                          + " guests"));
          case AddressOutcome.Failed failed ->
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
