package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What the adjudicator knows of one member.
 *
 * @param presence whether its sidecar is attached and its guest lives
 * @param ballot its newest ballot since its sidecar attached
 * @param fresh the ballot is younger than the last order that ended
 * @param strayingSince since when it differs from what it should hold
 * @param attempts repairs that failed in a row
 * @param voids repairs in a row that a moving sample voided
 * @param notBefore no repair before this
 */
record MemberState(
    Presence presence,
    Optional<Ballot> ballot,
    boolean fresh,
    Optional<Instant> strayingSince,
    int attempts,
    int voids,
    Instant notBefore) {

  enum Presence {
    ABSENT,
    ATTACHED,
    DEAD
  }

  static MemberState absent() {
    return new MemberState(
        Presence.ABSENT, Optional.empty(), false, Optional.empty(), 0, 0, Instant.MIN);
  }

  /** Attached, with a healthy ballot. */
  boolean usable() {
    return presence == Presence.ATTACHED && ballot.isPresent() && ballot.get().healthy();
  }

  MemberState with(Presence newPresence) {
    return new MemberState(
        newPresence, Optional.empty(), false, strayingSince, attempts, voids, notBefore);
  }

  MemberState with(Ballot newBallot) {
    Presence now = presence == Presence.ABSENT ? Presence.ATTACHED : presence;
    return new MemberState(
        now, Optional.of(newBallot), true, strayingSince, attempts, voids, notBefore);
  }

  MemberState straying(Optional<Instant> since) {
    return new MemberState(presence, ballot, fresh, since, attempts, voids, notBefore);
  }

  /** True if it has differed from what it should hold for at least this long. */
  boolean strayedFor(Duration time, Instant now) {
    return strayingSince.filter(since -> !since.plus(time).isAfter(now)).isPresent();
  }

  MemberState refreshed() {
    return new MemberState(
        presence, ballot, ballot.isPresent(), strayingSince, attempts, voids, notBefore);
  }

  /** Need not wait to be tried again. */
  MemberState impatient() {
    return new MemberState(presence, ballot, fresh, strayingSince, attempts, voids, Instant.MIN);
  }

  MemberState stale() {
    return new MemberState(presence, ballot, false, strayingSince, attempts, voids, notBefore);
  }

  MemberState succeeded() {
    return new MemberState(presence, ballot, false, strayingSince, 0, 0, Instant.MIN);
  }

  MemberState failed(Instant retry) {
    return new MemberState(presence, ballot, fresh, strayingSince, attempts + 1, voids, retry);
  }

  MemberState voided(Instant retry) {
    return new MemberState(presence, ballot, fresh, strayingSince, attempts, voids + 1, retry);
  }
}
