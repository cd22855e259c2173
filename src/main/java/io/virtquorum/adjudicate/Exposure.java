package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * How long what was written on the primary has existed without being committed (rule 9).
 *
 * @param since since when the primary is known to hold something that is not committed
 * @param unknownSince since when it is not known what the primary holds; silence is no proof of
 *     anything
 * @param notBefore nothing that the primary has beyond C is older: when C was committed, or when it
 *     held what it remembered before it led. Empty: not known. In the future if the clock of this
 *     leader is behind that of the one who wrote it
 * @param trail what the primary is known to have held: by it what is newer than a state has its
 *     beginning once that is committed
 * @param left since when members that led before may have what is not committed; {@link
 *     Instant#MIN}: of any age
 */
public record Exposure(
    Optional<Instant> since,
    Optional<Instant> unknownSince,
    Optional<Instant> notBefore,
    Trail trail,
    Map<String, Instant> left) {
  public Exposure {
    left = Map.copyOf(left);
  }

  /** Nothing is known to be exposed. */
  public static final Exposure NONE =
      new Exposure(Optional.empty(), Optional.empty(), Optional.empty(), Trail.NONE, Map.of());

  /**
   * What a leader knows of it at first.
   *
   * @param shown what the one before showed; it stands until the primary itself says otherwise
   */
  public static Exposure begin(Optional<Instant> shown, Optional<Instant> committedAt) {
    return new Exposure(Optional.empty(), shown, committedAt, Trail.NONE, Map.of());
  }

  /** The same at other instants, for people. */
  public Exposure shown(UnaryOperator<Instant> clock) {
    return new Exposure(
        since.map(clock), unknownSince.map(clock), notBefore.map(clock), Trail.NONE, Map.of());
  }

  /** True if nothing is exposed and that is known. */
  public boolean isNone() {
    return since.isEmpty() && unknownSince.isEmpty();
  }

  /**
   * This is committed. What the primary has beyond it is as old as what it last showed, or as all
   * that it had if it never showed this, or as it may have been before if it showed nothing yet.
   */
  Exposure committed(Position position, Instant now) {
    Optional<Instant> newer =
        trail.endsAt(position)
            ? Optional.empty()
            : since.map(at -> trail.held(position).orElse(at));
    // A new leader may find it on others before the primary has said anything.
    boolean unheard = since.isEmpty() && trail.held(position).isEmpty() && trail.end().isEmpty();
    Optional<Instant> bound = unheard ? notBefore : Optional.of(now);
    return new Exposure(newer, unknownSince, bound, trail.from(position), left);
  }

  /**
   * Another one leads: what it has is another matter, and may be as old. What it had when it led
   * before, and nobody knows to be committed or gone, is as old as it was then.
   *
   * @param held when it held at the latest what it remembers: a commit proves nothing of what it
   *     wrote itself. Empty: what it has is of any age; as it is where that of the one before was,
   *     because a repair may have brought it here
   */
  Exposure led(Optional<String> from, String to, Optional<Instant> held) {
    Optional<Instant> oldest = oldest(since, unknownSince);
    Optional<Instant> age = oldest.map(at -> notBefore.isEmpty() ? Instant.MIN : at);
    Map<String, Instant> others = new HashMap<>(left);
    Optional<Instant> before = oldest(age, Optional.ofNullable(others.remove(to)));
    from.ifPresent(name -> age.ifPresent(at -> others.put(name, at)));
    Optional<Instant> bound =
        held.flatMap(at -> oldest(oldest(notBefore, before), held))
            .filter(at -> !at.equals(Instant.MIN));
    return new Exposure(Optional.empty(), oldest, bound, Trail.NONE, others);
  }

  private static Optional<Instant> oldest(Optional<Instant> one, Optional<Instant> other) {
    return Stream.concat(one.stream(), other.stream()).min(Comparator.naturalOrder());
  }

  /** These have nothing any more that is not committed. */
  Exposure without(Predicate<String> members) {
    if (left.keySet().stream().noneMatch(members)) {
      return this;
    }
    Map<String, Instant> others = new HashMap<>(left);
    others.keySet().removeIf(members);
    return new Exposure(since, unknownSince, notBefore, trail, others);
  }

  Exposure with(Optional<Instant> newSince, Optional<Instant> newUnknown) {
    return new Exposure(newSince, newUnknown, notBefore, trail, left);
  }

  Exposure with(Trail newTrail) {
    return new Exposure(since, unknownSince, notBefore, newTrail, left);
  }

  /** Nothing is exposed. */
  Exposure none() {
    return with(Optional.empty(), Optional.empty());
  }

  /**
   * What is so about the primary that leaves, without a full stop; empty if nothing is exposed.
   *
   * @param unseen since when it is not known what it holds; before that it was looked at
   */
  String words(String primary, Instant now, Optional<Instant> unseen) {
    return since
        .map(
            at ->
                "%s had a change that was not committed for %s%s"
                    .formatted(primary, notBefore.isEmpty() ? "at least " : "", age(at, now)))
        .or(() -> unknownSince.map(at -> unknown(primary, at, now)))
        .or(() -> unseen.map(at -> unknown(primary, at.minus(Exposed.UNSEEN), now)))
        .orElse("");
  }

  private static String unknown(String primary, Instant from, Instant now) {
    return "what %s wrote in its last %s may be missing here".formatted(primary, age(from, now));
  }

  private static String age(Instant from, Instant now) {
    return Math.max(1, Duration.between(from, now).toSeconds()) + " s";
  }
}
