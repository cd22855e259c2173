package io.virtquorum.simulate;

import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The network between the guests, on which samples serve. For one thread. */
final class SyncNetwork {
  /**
   * What a guest serves to one other.
   *
   * @param pin of the donor, that who fetches must know
   * @param seed that who fetches must have
   * @param trees paths of the trees
   * @param frozen what is served as it was once
   * @param call it ends when all was fetched
   */
  record Serving(
      SimulatedGuest guest,
      ByteString pin,
      ByteString seed,
      List<String> trees,
      Optional<Frozen> frozen,
      SimulatedCall call) {}

  private record Way(String from, String to) {}

  private final Map<String, SimulatedGuest> guests = new HashMap<>();
  private final Set<Way> cut = new HashSet<>();
  private final Map<String, Long> stalls = new HashMap<>();

  /** A guest has an address, until it loses it. */
  void join(String address, SimulatedGuest guest) {
    guests.put(address, guest);
  }

  /** Nothing passes from one to the other any more, or again. */
  void cut(String from, String to, boolean isCut) {
    if (isCut) {
      cut.add(new Way(from, to));
    } else {
      cut.remove(new Way(from, to));
    }
  }

  /** Each packet of this guest takes that much longer. */
  void slow(String address, long nanos) {
    stalls.put(address, nanos);
  }

  long delay(String from, String to) {
    return stalls.getOrDefault(from, 0L) + stalls.getOrDefault(to, 0L);
  }

  /** True if packets pass both ways and somebody is there who is awake. */
  boolean passes(String one, String other) {
    SimulatedGuest guest = guests.get(other);
    return guest != null
        && guest.isAwake()
        && guest.hasAddress()
        && !cut.contains(new Way(one, other))
        && !cut.contains(new Way(other, one));
  }

  SimulatedGuest guest(String address) {
    return guests.get(address);
  }

  /** Everything is well again. */
  void heal() {
    cut.clear();
    stalls.clear();
  }
}
