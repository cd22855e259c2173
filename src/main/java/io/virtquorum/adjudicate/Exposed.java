package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Finds out what is exposed (rule 9). Silence of the primary ends nothing. */
public final class Exposed {
  /**
   * Three looks of an emulated guest, the slowest that was measured; within this time a write may
   * go unseen, and after it that is said.
   */
  public static final Duration UNSEEN = Duration.ofSeconds(20);

  private Exposed() {}

  static Exposure of(State state, Assessment assessment, Instant now) {
    Exposure before = state.news().exposure();
    Optional<Committed> committed = state.record().committed();
    Optional<String> primary = state.record().primary();
    if (committed.isEmpty() || primary.isEmpty()) {
      return before.none();
    }
    MemberState leading = state.member(primary.get());
    if (!leading.isSeen()) {
      return before.with(before.since(), before.nextSince(), unknown(before, leading, now));
    }
    if (assessment.classOf(primary.get()) == MemberClass.BEHIND) {
      // What it had that is not committed, it lost; nobody knows what that was.
      return before.with(
          before.since(),
          before.nextSince(),
          before.unknownSince().or(() -> leading.since().straying()));
    }
    Optional<Target> beyond =
        assessment.target().filter(t -> t.position().isAfter(committed.get().position()));
    boolean exposed =
        beyond.isPresent()
            || hasAccepted(leading, state.record(), committed.get())
            || hasWritten(leading, assessment.classOf(primary.get()));
    if (!exposed) {
      return before.none();
    }
    Digest held = leading.ballot().orElseThrow().root();
    boolean movedOn = beyond.filter(t -> !t.root().equals(held)).isPresent();
    Instant since = before.since().or(() -> begin(before, leading, committed.get())).orElse(now);
    // Committed in the future: the clock of this leader is behind that of the one before it, so
    // what that one showed says nothing of how long it is.
    boolean undated = before.committedAt().filter(at -> at.isAfter(now)).isPresent();
    return before.with(
        Optional.of(since.isAfter(now) ? now : since),
        movedOn
            ? before
                .nextSince()
                .or(() -> beginNext(before, leading, beyond.get()))
                .or(() -> Optional.of(now))
            : Optional.empty(),
        undated ? before.unknownSince().or(() -> Optional.of(now)) : Optional.empty());
  }

  /**
   * When what is seen to be exposed may have been written at the earliest: since the newest look
   * that found nothing, or the last commit; and since it was not known. May be in the future.
   */
  private static Optional<Instant> begin(
      Exposure before, MemberState leading, Committed committed) {
    return earliest(
        heldAs(leading, committed.remembered()::equals).or(before::committedAt), before);
  }

  /**
   * The same of what is newer than what is on its way to be committed: an agent that answered late
   * may have kept it from being seen for minutes.
   */
  private static Optional<Instant> beginNext(Exposure before, MemberState leading, Target beyond) {
    return earliest(heldAs(leading, m -> m.position().equals(beyond.position())), before);
  }

  /** The newest look that found a member as it remembers, if that is what is meant. */
  private static Optional<Instant> heldAs(MemberState leading, Predicate<Remembered> memory) {
    return leading
        .since()
        .held()
        .filter(_ -> leading.ballot().flatMap(Ballot::memory).filter(memory).isPresent());
  }

  private static Optional<Instant> earliest(Optional<Instant> clean, Exposure before) {
    return Stream.concat(clean.stream(), before.unknownSince().stream())
        .min(Comparator.naturalOrder());
  }

  private static Optional<Instant> unknown(Exposure before, MemberState leading, Instant now) {
    return before
        .unknownSince()
        .or(() -> leading.since().unseen().filter(since -> !since.plus(UNSEEN).isAfter(now)));
  }

  /** Also if rows of it rotted since. */
  private static boolean hasAccepted(
      MemberState leading, ClusterRecord record, Committed committed) {
    return leading
        .ballot()
        .flatMap(Ballot::memory)
        .filter(m -> m.position().tenure() == record.tenure())
        .filter(m -> m.position().isAfter(committed.position()))
        .isPresent();
  }

  /** Also what is not elected yet, for instance because another row rotted, is exposed. */
  private static boolean hasWritten(MemberState leading, MemberClass own) {
    return (own == MemberClass.ADVANCED || own == MemberClass.DRIFTED)
        && leading.ballot().orElseThrow().changes().stream()
            .anyMatch(c -> c.kind() == Change.Kind.WRITTEN);
  }
}
