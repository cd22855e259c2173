package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * How long what was written on the primary has existed without being committed (rule 9).
 *
 * @param since since when the primary is known to hold something that is not committed
 * @param nextSince of it, what is newer than what is on its way to be committed
 * @param unknownSince since when it is not known what the primary holds; silence is no proof of
 *     anything
 * @param committedAt when C was committed: nothing that is not is older; in the future if the clock
 *     of this leader is behind that of the one who wrote it
 */
public record Exposure(
    Optional<Instant> since,
    Optional<Instant> nextSince,
    Optional<Instant> unknownSince,
    Optional<Instant> committedAt) {
  /** Nothing is known to be exposed. */
  public static final Exposure NONE =
      new Exposure(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  /**
   * What a leader knows of it at first.
   *
   * @param shown what the one before showed; it stands until the primary itself says otherwise
   */
  public static Exposure begin(Optional<Instant> shown, Optional<Instant> committedAt) {
    return new Exposure(Optional.empty(), Optional.empty(), shown, committedAt);
  }

  /** The same at other instants, for people. */
  public Exposure shown(UnaryOperator<Instant> clock) {
    return new Exposure(
        since.map(clock), nextSince.map(clock), unknownSince.map(clock), committedAt.map(clock));
  }

  /** True if nothing is exposed and that is known. */
  public boolean isNone() {
    return since.isEmpty() && unknownSince.isEmpty();
  }

  /** What was on its way is committed. */
  Exposure committed(Instant now) {
    return new Exposure(nextSince, Optional.empty(), unknownSince, Optional.of(now));
  }

  /** Another one leads: what it has is another matter, and may be as old. */
  Exposure led() {
    return with(
        Optional.empty(),
        Optional.empty(),
        Stream.concat(since.stream(), unknownSince.stream()).min(Comparator.naturalOrder()));
  }

  Exposure with(
      Optional<Instant> newSince, Optional<Instant> newNext, Optional<Instant> newUnknown) {
    return new Exposure(newSince, newNext, newUnknown, committedAt);
  }

  /** Nothing is exposed. */
  Exposure none() {
    return with(Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * What is so about the primary that leaves, without a full stop; empty if nothing is exposed.
   *
   * @param unseen since when it is not known what it holds; before that it was looked at
   */
  String words(String primary, Instant now, Optional<Instant> unseen) {
    return since
        .map(at -> "%s had a change that was not committed for %s".formatted(primary, age(at, now)))
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
