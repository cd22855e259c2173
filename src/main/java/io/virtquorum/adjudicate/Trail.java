package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Position;
import java.time.Instant;
import java.util.Collections;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the primary is known to have held, from the newest committed state on.
 *
 * @param held when it held at the latest what it remembers there; what it has beyond that was
 *     written later
 * @param end where it is, if it holds exactly what it remembers
 */
public record Trail(NavigableMap<Position, Instant> held, Optional<Position> end) {
  /** Nothing is known. */
  public static final Trail NONE = new Trail(new TreeMap<>(), Optional.empty());

  /** A primary may go on for days while too few members live for a commit. */
  private static final int LONGEST = 16;

  public Trail {
    held = Collections.unmodifiableNavigableMap(new TreeMap<>(held));
  }

  /**
   * The primary remembers this.
   *
   * @param at when it is known to have held it, or what it remembered before: that led to this
   * @param unchanged it holds just that now
   */
  Trail saw(Position position, Optional<Instant> at, boolean unchanged) {
    Optional<Position> now = unchanged ? Optional.of(position) : Optional.empty();
    Instant known = held.getOrDefault(position, Instant.MIN);
    boolean news = at.filter(known::isBefore).isPresent();
    if (!news && now.equals(end)) {
      return this; // most steps
    }
    return new Trail(news ? with(position, at.get()) : held, now);
  }

  /** The primary proved that it holds this. */
  Trail proved(Position position, Instant at) {
    return new Trail(with(position, at), end);
  }

  private NavigableMap<Position, Instant> with(Position position, Instant at) {
    NavigableMap<Position, Instant> longer = new TreeMap<>(held);
    longer.merge(position, at, (one, other) -> one.isAfter(other) ? one : other);
    if (longer.size() > LONGEST) {
      longer.remove(longer.higherKey(longer.firstKey())); // the one before it stands for it
    }
    return longer;
  }

  /** A state is committed: what was before it does not matter any more. */
  Trail from(Position position) {
    NavigableMap<Position, Instant> rest = new TreeMap<>(held.tailMap(position, true));
    held(position).ifPresent(at -> rest.put(position, at));
    return new Trail(rest, end);
  }

  /** When it is known to have held nothing that is not in this state, at the latest. */
  Optional<Instant> held(Position position) {
    return Optional.ofNullable(held.floorEntry(position)).map(NavigableMap.Entry::getValue);
  }

  /** True if it held exactly this when it was last heard of. */
  boolean endsAt(Position position) {
    return end.filter(position::equals).isPresent();
  }
}
