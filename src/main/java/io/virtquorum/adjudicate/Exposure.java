package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * How long what was written on the primary has existed without being committed (rule 9).
 *
 * @param since since when the primary is known to hold something that is not committed
 * @param nextSince of it, what is newer than what is on its way to be committed
 * @param unknownSince since when it is not known what the primary holds; silence is no proof of
 *     anything
 */
public record Exposure(
    Optional<Instant> since, Optional<Instant> nextSince, Optional<Instant> unknownSince) {
  /** Nothing is known to be exposed. */
  public static final Exposure NONE =
      new Exposure(Optional.empty(), Optional.empty(), Optional.empty());

  /** What a leader knows of it from what the one before showed. */
  public static Exposure shown(Optional<Instant> since, Optional<Instant> unknownSince) {
    return new Exposure(since, Optional.empty(), unknownSince);
  }

  /** The same at other instants, for people. */
  public Exposure shown(UnaryOperator<Instant> clock) {
    return new Exposure(since.map(clock), nextSince.map(clock), unknownSince.map(clock));
  }

  /** True if nothing is exposed and that is known. */
  public boolean isNone() {
    return since.isEmpty() && unknownSince.isEmpty();
  }

  /** What was on its way is committed. */
  Exposure committed() {
    return new Exposure(nextSince, Optional.empty(), unknownSince);
  }

  /** As a sentence about the primary that leaves; empty if nothing is exposed. */
  String words(Instant now) {
    return unknownSince
        .map(at -> "What it wrote in the last %s is not known.".formatted(age(at, now)))
        .or(
            () ->
                since.map(
                    at -> "It had a change that was not committed for %s.".formatted(age(at, now))))
        .orElse("");
  }

  private static String age(Instant from, Instant now) {
    return Math.max(1, Duration.between(from, now).toSeconds()) + " s";
  }
}
