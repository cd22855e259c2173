package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the adjudicator knows of one member.
 *
 * @param presence whether its sidecar is attached and its guest lives
 * @param ballot its newest ballot since its sidecar attached
 * @param standing what the last order that ended left its ballot worth
 * @param unheardSince since when it does not report, though nothing says that it is dead
 * @param strayingSince since when it differs from what it should hold
 * @param tries how its repairs went lately
 * @param outputTries the same of the outputs of commands, by feature: a command that cannot mend
 *     its output must not hold up the files
 * @param stillUntil its writers are kept still until then at most; empty: they are not
 * @param unableSince since when its own word is that it cannot serve
 */
record MemberState(
    Presence presence,
    Optional<Ballot> ballot,
    Standing standing,
    Optional<Instant> unheardSince,
    Optional<Instant> strayingSince,
    Tries tries,
    Map<String, Tries> outputTries,
    Optional<Instant> stillUntil,
    Optional<Instant> unableSince) {

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
     * The last order replaces what the member holds and may go on, though nobody waits any more: a
     * guest agent executes what it was asked for late. A sidecar reports when that is over.
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

  /** Nothing was heard of it. */
  static final MemberState ABSENT =
      new MemberState(
          Presence.ABSENT,
          Optional.empty(),
          Standing.STALE,
          Optional.empty(),
          Optional.empty(),
          Tries.NONE,
          Map.of(),
          Optional.empty(),
          Optional.empty());

  /** Attached, with a healthy ballot. */
  boolean usable() {
    return presence == Presence.ATTACHED && ballot.isPresent() && ballot.get().healthy();
  }

  /** True if it has differed from what it should hold for at least this long. */
  boolean strayedFor(Duration time, Instant now) {
    return strayingSince.filter(since -> !since.plus(time).isAfter(now)).isPresent();
  }

  /** What was known of it is from before this. */
  MemberState with(Presence newPresence) {
    return new MemberState(
        newPresence,
        Optional.empty(),
        Standing.STALE,
        unheardSince,
        strayingSince,
        tries,
        outputTries,
        stillUntil,
        unableSince);
  }

  MemberState with(Ballot newBallot) {
    return new MemberState(
        presence,
        Optional.of(newBallot),
        Standing.FRESH,
        unheardSince,
        strayingSince,
        tries,
        outputTries,
        stillUntil,
        unableSince);
  }

  MemberState unheard(Optional<Instant> since) {
    return new MemberState(
        presence,
        ballot,
        standing,
        since,
        strayingSince,
        tries,
        outputTries,
        stillUntil,
        unableSince);
  }

  MemberState straying(Optional<Instant> since) {
    return new MemberState(
        presence,
        ballot,
        standing,
        unheardSince,
        since,
        tries,
        outputTries,
        stillUntil,
        unableSince);
  }

  MemberState with(Tries newTries) {
    return new MemberState(
        presence,
        ballot,
        standing,
        unheardSince,
        strayingSince,
        newTries,
        outputTries,
        stillUntil,
        unableSince);
  }

  /** How repairs of this feature's output went lately. */
  Tries triesOf(String feature) {
    return outputTries.getOrDefault(feature, Tries.NONE);
  }

  MemberState with(String feature, Tries newTries) {
    Map<String, Tries> changed = new HashMap<>(outputTries);
    changed.put(feature, newTries);
    return new MemberState(
        presence,
        ballot,
        standing,
        unheardSince,
        strayingSince,
        tries,
        changed,
        stillUntil,
        unableSince);
  }

  /** True if it has said for this long that it cannot serve. */
  boolean isUnableFor(Duration time, Instant now) {
    return unableSince.filter(since -> !since.plus(time).isAfter(now)).isPresent();
  }

  MemberState unable(Optional<Instant> since) {
    return new MemberState(
        presence,
        ballot,
        standing,
        unheardSince,
        strayingSince,
        tries,
        outputTries,
        stillUntil,
        since);
  }

  MemberState still(Optional<Instant> until) {
    return new MemberState(
        presence,
        ballot,
        standing,
        unheardSince,
        strayingSince,
        tries,
        outputTries,
        until,
        unableSince);
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
        presence,
        ballot,
        newStanding,
        unheardSince,
        strayingSince,
        tries,
        outputTries,
        stillUntil,
        unableSince);
  }

  boolean isUnclear() {
    return standing == Standing.UNCLEAR;
  }

  boolean fresh() {
    return standing == Standing.FRESH;
  }

  MemberState succeeded() {
    return stale().with(Tries.NONE);
  }
}
