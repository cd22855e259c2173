package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
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
    Exposure last =
        state.news().exposure().without(name -> assessment.classOf(name) == MemberClass.STEADY);
    Optional<Committed> committed = state.record().committed();
    Optional<String> primary = state.record().primary();
    if (committed.isEmpty() || primary.isEmpty()) {
      return last.none();
    }
    MemberState leading = state.member(primary.get());
    if (!leading.isSeen() || !leading.fresh()) {
      return last.with(last.since(), unknown(last, leading, now));
    }
    MemberClass own = assessment.classOf(primary.get());
    if (own == MemberClass.BEHIND) {
      // What it had that is not committed, it lost; nobody knows what that was.
      return last.with(last.since(), last.unknownSince().or(() -> leading.since().straying()));
    }
    Position known = committed.get().position();
    Exposure before = last.with(follow(last.trail(), leading, known));
    Optional<Target> beyond = assessment.target().filter(t -> t.position().isAfter(known));
    boolean exposed =
        beyond.isPresent()
            || hasAccepted(leading, state.record(), committed.get())
            || hasWritten(leading, own);
    if (!exposed) {
      return isDoubtful(leading, own)
          ? before.with(Optional.empty(), Optional.of(begin(before, known).orElse(now)))
          : before.none();
    }
    Instant since = before.since().or(() -> begin(before, known)).orElse(now);
    // Committed in the future: the clock of this leader is behind that of the one before it, so
    // what that one showed says nothing of how long it is. No bound at all: see Exposure.led.
    boolean undated = before.notBefore().filter(at -> !at.isAfter(now)).isEmpty();
    return before.with(
        Optional.of(since.isAfter(now) ? now : since),
        undated ? before.unknownSince().or(() -> Optional.of(now)) : Optional.empty());
  }

  private static Trail follow(Trail trail, MemberState leading, Position committed) {
    Ballot ballot = leading.ballot().orElseThrow();
    return ballot
        .memory()
        .map(Remembered::position)
        .filter(position -> position.compareTo(committed) >= 0)
        .map(position -> trail.saw(position, leading.since().held(), ballot.unchanged()))
        .orElse(trail);
  }

  /**
   * When what is seen to be exposed may have been written at the earliest: since the newest look
   * that found nothing, or the last commit; and since it was not known. May be in the future.
   */
  private static Optional<Instant> begin(Exposure before, Position committed) {
    return Stream.of(
            before.since(),
            before.unknownSince(),
            before.trail().held(committed).or(before::notBefore))
        .flatMap(Optional::stream)
        .min(Comparator.naturalOrder());
  }

  private static Optional<Instant> unknown(Exposure before, MemberState leading, Instant now) {
    return before
        .unknownSince()
        .or(() -> leading.since().unseen().filter(since -> !since.plus(UNSEEN).isAfter(now)));
  }

  /**
   * What looks like rot and was not seen before a boot may be what somebody wrote: a power cut
   * keeps content and takes the time of the write.
   */
  private static boolean isDoubtful(MemberState leading, MemberClass own) {
    return own == MemberClass.DRIFTED
        && leading.since().held().isEmpty()
        && !leading.ballot().orElseThrow().rot().isEmpty();
  }

  /** Also if rows of it rotted since. */
  private static boolean hasAccepted(
      MemberState leading, ClusterRecord record, Committed committed) {
    return leading
        .ballot()
        .flatMap(Ballot::memory)
        .filter(m -> m.position().isAfter(committed.position()))
        .filter(
            m ->
                m.position().tenure() == record.tenure()
                    || !m.root().equals(committed.root())) // it came from the one before
        .isPresent();
  }

  /** Also what is not elected yet, for instance because another row rotted, is exposed. */
  private static boolean hasWritten(MemberState leading, MemberClass own) {
    return (own == MemberClass.ADVANCED || own == MemberClass.DRIFTED)
        && leading.ballot().orElseThrow().changes().stream()
            .anyMatch(c -> c.kind() == Change.Kind.WRITTEN);
  }
}
