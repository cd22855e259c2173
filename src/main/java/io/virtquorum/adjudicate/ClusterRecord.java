package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.util.Collections;
import java.util.Comparator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The record of a cluster (design, section 4): the only state that decisions may rest on across
 * adjudicators. It is changed by compare-and-swap only, by the leader of the highest term.
 *
 * @param term of the leader that wrote it
 * @param tenure counts primaries; 0 before the first
 * @param primary whom users are led to; empty before the first epoch is prepared
 * @param members base weights by name, in order
 * @param committed C; empty before the first epoch
 * @param mandate what a promoted primary held when a person promoted it: the state to be, whatever
 *     its class. Empty again with the next commit or primary
 * @param departed primaries that lost their tenure and did not come back to the state yet, by name;
 *     also those that the spec dropped since
 * @param ended the newest committed sequence of tenures before that of C, the latest ones: what
 *     somebody accepted beyond it was a primary's and was never committed
 * @param led the newest tenure that each former primary led in, by name, also where it is back
 */
public record ClusterRecord(
    long term,
    long tenure,
    Optional<String> primary,
    Map<String, Integer> members,
    Optional<Committed> committed,
    Optional<Digest> mandate,
    Map<String, Departure> departed,
    NavigableMap<Long, Long> ended,
    Map<String, Long> led) {
  /** So many former primaries are kept, the latest ones: most of the VMs never return. */
  private static final int MOST_DEPARTED = 100;

  /** So many tenures are kept; a member that was away for more is taken for an older one. */
  private static final int MOST_ENDED = 16;

  public ClusterRecord {
    members = Collections.unmodifiableMap(new TreeMap<>(members));
    departed = Collections.unmodifiableMap(new TreeMap<>(departed));
    ended = Collections.unmodifiableNavigableMap(new TreeMap<>(ended));
    led = Collections.unmodifiableMap(new TreeMap<>(led));
  }

  /** A record without a mandate, former primaries and ended tenures. */
  public ClusterRecord(
      long term,
      long tenure,
      Optional<String> primary,
      Map<String, Integer> members,
      Optional<Committed> committed) {
    this(
        term,
        tenure,
        primary,
        members,
        committed,
        Optional.empty(),
        Map.of(),
        new TreeMap<>(),
        Map.of());
  }

  /** The record of a cluster that nobody has led yet. */
  public static ClusterRecord none() {
    return new ClusterRecord(0, 0, Optional.empty(), Map.of(), Optional.empty());
  }

  /** The smallest number of members that is a strict majority by count. */
  public int majority() {
    return members.size() / 2 + 1;
  }

  /** True if this member is the primary. */
  public boolean isPrimary(String member) {
    return primary.isPresent() && primary.get().equals(member);
  }

  /** The position after the latest one, in the present tenure. */
  Position next(Position latest) {
    return latest.tenure() == tenure ? latest.next() : new Position(tenure, 1);
  }

  ClusterRecord withTerm(long newTerm) {
    return new ClusterRecord(
        newTerm, tenure, primary, members, committed, mandate, departed, ended, led);
  }

  ClusterRecord withMembers(Map<String, Integer> newMembers) {
    return new ClusterRecord(
        term, tenure, primary, newMembers, committed, mandate, departed, ended, led);
  }

  /**
   * Its primary lost its tenure: what it wrote is attributed for good, also where it is no member
   * any more and returns as one.
   */
  ClusterRecord withDeparted(String name, Departure departure) {
    Map<String, Departure> more = new TreeMap<>(departed);
    more.put(name, departure);
    while (more.size() > MOST_DEPARTED) {
      more.remove(
          Collections.min(more.entrySet(), Comparator.comparing(e -> e.getValue().tenure()))
              .getKey());
    }
    return new ClusterRecord(term, tenure, primary, members, committed, mandate, more, ended, led);
  }

  /** A departed primary holds what everybody is to hold. */
  ClusterRecord withReturned(String name) {
    Map<String, Departure> fewer = new TreeMap<>(departed);
    fewer.remove(name);
    return new ClusterRecord(term, tenure, primary, members, committed, mandate, fewer, ended, led);
  }

  /**
   * A new tenure, also where it is the same member's.
   *
   * @param above a tenure that somebody remembers: the new one is later than that, too
   */
  ClusterRecord withPrimary(String newPrimary, Optional<Digest> newMandate, long above) {
    Map<String, Departure> others = new TreeMap<>(departed);
    others.remove(newPrimary);
    Map<String, Long> before = new TreeMap<>(led);
    primary.ifPresent(last -> before.put(last, tenure));
    while (before.size() > MOST_DEPARTED) {
      before.remove(Collections.min(before.entrySet(), Map.Entry.comparingByValue()).getKey());
    }
    return new ClusterRecord(
        term,
        Math.max(tenure, above) + 1,
        Optional.of(newPrimary),
        members,
        committed,
        newMandate,
        others,
        ended,
        before);
  }

  ClusterRecord withCommitted(Committed newCommitted) {
    long newTenure = newCommitted.position().tenure();
    NavigableMap<Long, Long> more = new TreeMap<>(ended);
    committed
        .map(Committed::position)
        .filter(last -> last.tenure() < newTenure)
        .ifPresent(last -> more.put(last.tenure(), last.sequence()));
    while (more.size() > MOST_ENDED) {
      more.pollFirstEntry();
    }
    return new ClusterRecord(
        term,
        tenure,
        primary,
        members,
        Optional.of(newCommitted),
        Optional.empty(),
        departed,
        more,
        led);
  }

  /** True if a member led, and does no more, in the tenure of what it remembers or after that. */
  boolean hasLedSince(String member, Position remembered) {
    return led.getOrDefault(member, 0L) >= remembered.tenure();
  }

  /** True if this is not known to have been committed in its tenure, which is over. */
  boolean isOutlived(Position remembered) {
    if (committed.isEmpty() || remembered.tenure() >= tenure) {
      return false;
    }
    if (remembered.tenure() >= committed.get().position().tenure()) {
      return remembered.isAfter(committed.get().position());
    }
    return !ended.isEmpty()
        && remembered.tenure() >= ended.firstKey()
        && remembered.sequence() > ended.getOrDefault(remembered.tenure(), 0L);
  }
}
