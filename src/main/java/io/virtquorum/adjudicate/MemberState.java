package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.StaleProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the adjudicator knows of one member.
 *
 * @param presence whether its sidecar is attached and its guest lives
 * @param ballot its newest ballot since its sidecar attached
 * @param standing what the last order that ended left its ballot worth
 * @param since since when it is as it is
 * @param tries how its repairs went lately
 * @param outputTries the same of the outputs of commands, by feature: a command that cannot mend
 *     its output must not hold up the files
 * @param stillUntil its writers are kept still until then at most; empty: they are not
 * @param told how it stands, on its present stream; empty: nothing yet
 */
record MemberState(
    Presence presence,
    Optional<Ballot> ballot,
    Standing standing,
    Since since,
    Tries tries,
    Map<String, Tries> outputTries,
    Optional<Instant> stillUntil,
    Optional<RecordedStanding> told) {

  MemberState {
    outputTries = Map.copyOf(outputTries);
  }

  /** Whether it is there. */
  enum Presence {
    ABSENT,
    ATTACHED,
    DEAD
  }

  /** What a ballot is worth. */
  enum Standing {
    /** It is younger than the last order that ended. */
    FRESH,
    /** The last order ended after it. */
    STALE,
    /**
     * The last order replaces what the member holds and may go on until its safe point, though
     * nobody waits any more. A sidecar reports when that is over.
     */
    UNCLEAR
  }

  /**
   * Repairs of a member that did not end well.
   *
   * @param failed in a row
   * @param voided in a row, because the sample moved
   * @param moved what moved in the last voided one, as a sentence
   * @param failure why the last one failed
   * @param notBefore no repair before this
   */
  record Tries(int failed, int voided, String moved, Optional<Trouble> failure, Instant notBefore) {
    static final Tries NONE = new Tries(0, 0, "", Optional.empty(), Instant.MIN);

    Tries failedUntil(Instant retry, Trouble why) {
      return new Tries(failed + 1, voided, moved, Optional.of(why), retry);
    }

    Tries voidedUntil(Instant retry, String what) {
      return new Tries(failed, voided + 1, what, failure, retry);
    }

    /** Need not wait to be tried again. */
    Tries impatient() {
      return new Tries(failed, voided, moved, failure, Instant.MIN);
    }
  }

  /**
   * Since when a member is as it is; empty: it is not.
   *
   * @param unheard it does not report, though nothing says that it is dead
   * @param straying it differs from what it should hold
   * @param unable its own word is that it cannot serve, or was when it last spoke in this life
   * @param blind nobody looked at its files though it reports: a look lasts, or fails
   * @param unseen it is not known what it holds, for whatever reason
   * @param held by its own word it held what it remembers at that moment
   */
  record Since(
      Optional<Instant> unheard,
      Optional<Instant> straying,
      Optional<Instant> unable,
      Optional<Instant> blind,
      Optional<Instant> unseen,
      Optional<Instant> held) {
    static final Since NEVER =
        new Since(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    /** With what is so now: what was so before keeps its beginning. */
    Since at(
        Instant now, boolean isUnheard, boolean isStraying, boolean isUnable, boolean isUnseen) {
      return new Since(
          from(unheard, isUnheard, now),
          from(straying, isStraying, now),
          from(unable, isUnable, now),
          blind,
          // also if it was heard only later that nobody had looked for long
          from(unseen, isUnseen, now).map(at -> blind.filter(at::isAfter).orElse(at)),
          held);
    }

    private static Optional<Instant> from(Optional<Instant> before, boolean is, Instant now) {
      return is ? before.or(() -> Optional.of(now)) : Optional.empty();
    }

    Since blind(Optional<Instant> from) {
      return new Since(unheard, straying, unable, from, unseen, held);
    }

    Since held(Optional<Instant> at) {
      return new Since(unheard, straying, unable, blind, unseen, at);
    }
  }

  /** Nothing was heard of it. */
  static final MemberState ABSENT =
      new MemberState(
          Presence.ABSENT,
          Optional.empty(),
          Standing.STALE,
          Since.NEVER,
          Tries.NONE,
          Map.of(),
          Optional.empty(),
          Optional.empty());

  /** Attached, with a healthy ballot. */
  boolean usable() {
    return presence == Presence.ATTACHED && ballot.isPresent() && ballot.get().healthy();
  }

  /** True if it is known what it holds, as far as a look can tell. */
  boolean isSeen() {
    return usable() && since.blind().isEmpty();
  }

  /** See {@link Since}. */
  Optional<Instant> unheardSince() {
    return since.unheard();
  }

  /** See {@link Since}. */
  Optional<Instant> strayingSince() {
    return since.straying();
  }

  /** True if it has differed from what it should hold for at least this long. */
  boolean strayedFor(Duration time, Instant now) {
    return lasts(since.straying(), time, now);
  }

  /** True if it has said for this long that it cannot serve. */
  boolean isUnableFor(Duration time, Instant now) {
    return ballot.filter(Ballot::isUnable).isPresent() && lasts(since.unable(), time, now);
  }

  private static boolean lasts(Optional<Instant> from, Duration time, Instant now) {
    return from.filter(at -> !at.plus(time).isAfter(now)).isPresent();
  }

  /** What was known of it is from before this. */
  MemberState with(Presence newPresence) {
    return new MemberState(
        newPresence,
        Optional.empty(),
        Standing.STALE,
        since.blind(Optional.empty()),
        tries,
        outputTries,
        stillUntil,
        Optional.empty());
  }

  /** It was told how it stands. */
  MemberState told(RecordedStanding now) {
    return new MemberState(
        presence, ballot, standing, since, tries, outputTries, stillUntil, Optional.of(now));
  }

  MemberState with(Ballot newBallot) {
    return new MemberState(
        presence,
        Optional.of(newBallot),
        Standing.FRESH,
        since,
        tries,
        outputTries,
        stillUntil,
        told);
  }

  MemberState with(Since newSince) {
    return new MemberState(
        presence, ballot, standing, newSince, tries, outputTries, stillUntil, told);
  }

  MemberState with(Tries newTries) {
    return new MemberState(
        presence, ballot, standing, since, newTries, outputTries, stillUntil, told);
  }

  /** How repairs of this feature's output went lately. */
  Tries triesOf(String feature) {
    return outputTries.getOrDefault(feature, Tries.NONE);
  }

  MemberState with(String feature, Tries newTries) {
    Map<String, Tries> changed = new HashMap<>(outputTries);
    changed.put(feature, newTries);
    return new MemberState(presence, ballot, standing, since, tries, changed, stillUntil, told);
  }

  MemberState still(Optional<Instant> until) {
    return new MemberState(presence, ballot, standing, since, tries, outputTries, until, told);
  }

  /** Its ballot may be relied on, although no newer one came after an order. */
  MemberState refreshed() {
    return with(ballot.isPresent() ? Standing.FRESH : Standing.STALE);
  }

  /** Its ballot is older than what was done to it. */
  MemberState stale() {
    return with(Standing.STALE);
  }

  /** Whether an order under which its state is replaced ended is not known. */
  MemberState unclear() {
    return with(Standing.UNCLEAR);
  }

  private MemberState with(Standing newStanding) {
    return new MemberState(
        presence, ballot, newStanding, since, tries, outputTries, stillUntil, told);
  }

  boolean isUnclear() {
    return standing == Standing.UNCLEAR;
  }

  boolean fresh() {
    return standing == Standing.FRESH;
  }

  /** A repair left these, which still write into what it replaced. */
  MemberState with(List<StaleProcess> writers) {
    return ballot.map(b -> with(Optional.of(b.with(writers)), standing)).orElse(this);
  }

  private MemberState with(Optional<Ballot> changed, Standing of) {
    return new MemberState(presence, changed, of, since, tries, outputTries, stillUntil, told);
  }

  MemberState succeeded() {
    return stale().with(Tries.NONE);
  }

  /**
   * It proved that it holds this and remembers it, which is as good as a ballot.
   *
   * @param at when it held it at the latest
   */
  MemberState proved(Position position, Digest root, Instant at) {
    return ballot
        .map(b -> with(b.proved(position, root)).with(since.held(Optional.of(at))).with(Tries.NONE))
        .orElseGet(this::succeeded);
  }
}
