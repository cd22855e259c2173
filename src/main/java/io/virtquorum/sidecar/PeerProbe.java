package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.Watch;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Whether the other members answer over the sync network, asked from within the guest: only that
 * notices a bridge without an uplink, whose carrier is fine. For one thread.
 */
final class PeerProbe {
  private static final Duration BETWEEN = Duration.ofSeconds(30);
  private static final Duration LIMIT = Duration.ofSeconds(15);

  private final Watch watch;
  private final LongSupplier nanoTime;
  private final Map<String, String> addresses;
  private Set<String> missed = Set.of();
  private Set<String> silent = Set.of();
  private long due;

  /**
   * @param nanoTime as {@link System#nanoTime}
   * @param addresses of the other members by name, without prefix length
   */
  PeerProbe(Watch watch, LongSupplier nanoTime, Map<String, String> addresses) {
    this.watch = watch;
    this.nanoTime = nanoTime;
    this.addresses = new TreeMap<>(addresses);
    this.due = nanoTime.getAsLong();
  }

  /**
   * Asks all of them, if that is due: twice a minute. Takes up to 2 s if one is silent.
   *
   * @param own this member's address, without prefix length
   */
  void askIfDue(String own) throws GuestException, Trouble {
    if (addresses.isEmpty() || nanoTime.getAsLong() - due < 0) {
      return;
    }
    Set<String> now = watch.silent(own, addresses.values(), LIMIT);
    silent = now.stream().filter(missed::contains).collect(Collectors.toSet());
    missed = now;
    due = nanoTime.getAsLong() + BETWEEN.toNanos();
  }

  /** Members that did not answer twice in succession, in order. */
  List<String> silent() {
    return addresses.entrySet().stream()
        .filter(e -> silent.contains(e.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }
}
