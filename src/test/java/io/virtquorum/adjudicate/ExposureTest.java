package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C_AT;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.rot;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 9: how long what the primary has was not committed is never shown as less than it is. */
final class ExposureTest {
  private static final Digest NEW = new Digest(21, 0, 0, 0);
  private static final Digest NEWER = new Digest(22, 0, 0, 0);
  private static final Position SECOND = C_AT.next();
  private static final Remembered HAS_NEW = new Remembered(SECOND, NEW);

  @Test
  void givenAnExposedPrimaryThatFallsSilentThenItStaysExposed() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, true, written(PAGE, PAGE_1, NEW));
    var since = decider.state.news().exposedSince();
    decider.on(new Event.Detached("web-0")).later(Duration.ofMinutes(2));
    assertThat(decider.state.news().exposure().since()).isEqualTo(since).isPresent();
    assertThat(decider.state.news().exposure().unknownSince()).isPresent();
  }

  @Test
  void givenAPrimaryThatNobodyLooksAtThenItsExposureIsUnknownSinceTheLastLook() {
    Decider decider = Decider.steady();
    var last = decider.now;
    decider.later(Duration.ofSeconds(30)).on(new Event.Blind("web-0", last));
    assertThat(decider.state.news().exposure().unknownSince()).contains(last);
    decider.on(new Event.Sees("web-0"));
    assertThat(decider.state.news().exposure().isNone()).isTrue();
  }

  @Test
  void givenALeaderWhoseClockIsBehindThenHowLongSomethingIsExposedIsUnknownUntilACommit() {
    Decider decider = Decider.three();
    var later = Optional.of(decider.now.plus(Duration.ofMinutes(36)));
    decider.state =
        State.begin(3, decider.state.record(), Exposure.begin(Optional.of(decider.now), later));
    decider.configure(decider.config()).holds(1).holds(2);
    decider.votes(0, NEW, Optional.of(Decider.HOLDS_C), 0, true, written(PAGE, PAGE_1, NEW));
    assertThat(decider.state.news().exposure().unknownSince()).contains(decider.now);
    assertThat(decider.state.news().exposedSince()).contains(decider.now);
    Position second = C_AT.next();
    decider.remembers(0, second, NEW).remembers(1, second, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposure().isNone()).isTrue();
  }

  @Test
  void givenACommitBeforeThePrimarySaidAnythingThenWhatItHasBeyondMayBeOlderThanTheCommit() {
    Instant begun = Instant.EPOCH.plusSeconds(600);
    Instant before = begun.minusSeconds(300);
    Exposure leader = Exposure.begin(Optional.empty(), Optional.of(before));
    Exposure silent = leader.with(Optional.empty(), Optional.of(begun));
    assertThat(silent.committed(SECOND, begun.plusSeconds(27)).notBefore()).contains(before);
    assertThat(leader.committed(SECOND, begun.plusSeconds(1)).notBefore()).contains(before);
  }

  @Test
  void givenAWriteWhileTheOneBeforeIsCommittedThenItIsExposedSinceTheLookBeforeIt() {
    Decider decider = Decider.steady();
    decider.remembers(0, SECOND, NEW).later(Duration.ofSeconds(3));
    var last = decider.now;
    decider.later(Duration.ofSeconds(2)).lookedAt(Optional.of(last));
    decider.votes(0, NEWER, Optional.of(HAS_NEW), 0, true, written(PAGE, NEW, NEWER));
    decider.later(Duration.ofSeconds(5)).remembers(1, SECOND, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposedSince()).contains(last);
  }

  @Test
  void givenAWriteAfterAProofAndNoLookSinceThenItIsExposedSinceTheProofWasAskedFor() {
    Decider decider = Decider.steady();
    decider.changed(0, NEW, true, written(PAGE, PAGE_1, NEW)).later(Duration.ofSeconds(1));
    var asked = decider.now.minus(Duration.ofSeconds(1));
    decider.ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
    decider.later(Duration.ofMinutes(1));
    decider.votes(0, NEWER, Optional.of(HAS_NEW), 0, true, written(PAGE, NEW, NEWER));
    decider.remembers(1, SECOND, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposedSince()).contains(asked);
  }

  @Test
  void givenAPrimaryThatIsBackWithALaterWriteThenTheCommitOfTheOneBeforeKeepsSinceWhen() {
    Decider decider = Decider.steady();
    var last = decider.now;
    decider.lookedAt(Optional.of(last)).remembers(0, SECOND, NEW);
    decider.on(new Event.Detached("web-0")).later(Duration.ofMinutes(1));
    // In a new sidecar, which has not seen it hold anything.
    decider.lookedAt(Optional.empty());
    decider.votes(0, NEWER, Optional.of(HAS_NEW), 0, true, written(PAGE, NEW, NEWER));
    decider.remembers(1, SECOND, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposedSince()).contains(last);
    decider.remembers(0, SECOND.next(), NEWER).remembers(1, SECOND.next(), NEWER);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEWER);
    assertThat(decider.state.news().exposure().isNone()).isTrue();
  }

  @Test
  void givenAPrimaryThatIsAwayWhenAllThatItShowedIsCommittedThenOnlyTheSilenceIsExposed() {
    Decider decider = Decider.steady();
    decider.remembers(0, SECOND, NEW).on(new Event.Detached("web-0"));
    var silent = decider.now;
    decider.later(Duration.ofSeconds(2)).remembers(1, SECOND, NEW);
    assertThat(decider.state.record().committed()).isNotEmpty();
    decider.remembers(2, SECOND, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposure().isNone()).isTrue();
    decider.later(Duration.ofSeconds(20));
    assertThat(decider.state.news().exposure().unknownSince()).contains(silent);
  }

  @Test
  void givenAPrimaryThatMovesOnForLongWithoutACommitThenWhatAnOldOneLacksIsAsOldAsTheOneBefore() {
    Decider decider = Decider.steady();
    var began = decider.now;
    Position position = SECOND;
    for (int i = 0; i < 40; i++, position = position.next()) {
      decider.lookedAt(Optional.of(decider.now));
      decider.remembers(0, position, new Digest(100 + i, 0, 0, 0)).later(Duration.ofSeconds(10));
    }
    assertThat(decider.state.news().exposure().trail().held().size()).isLessThan(20);
    for (int i : new int[] {1, 2}) {
      decider.remembers(i, SECOND.next(), new Digest(101, 0, 0, 0));
    }
    assertThat(decider.state.record().committed().orElseThrow().position())
        .isEqualTo(SECOND.next());
    assertThat(decider.state.news().exposedSince().orElseThrow())
        .isBetween(began, began.plus(Duration.ofSeconds(20)));
  }

  @Test
  void givenARebootAndWhatLooksLikeRotThenAWriteMayBeExposedUntilTheRowIsBack() {
    Decider decider = Decider.steady();
    var last = decider.now.minus(Duration.ofSeconds(2));
    decider.lookedAt(Optional.of(last)).holds(0);
    decider.on(new Event.Detached("web-0")).later(Duration.ofSeconds(5));
    decider.lookedAt(Optional.empty());
    decider.changed(0, NEW, false, rot(PAGE, PAGE_1));
    assertThat(decider.state.news().exposure().unknownSince()).contains(last);
    decider.later(Duration.ofSeconds(5)).holds(0);
    assertThat(decider.state.news().exposure().isNone()).isTrue();
  }

  @Test
  void givenASilenceAndWhatLooksLikeRotAfterItThenWhatIsNotKnownStaysUnknown() {
    Decider decider = Decider.steady();
    var silent = decider.now;
    for (int i = 1; i < 3; i++) {
      decider.on(new Event.Detached("web-" + i)); // nobody else may lead
    }
    decider.died(0).later(Duration.ofSeconds(30));
    assertThat(decider.state.news().exposure().unknownSince()).contains(silent);
    decider.changed(0, NEW, false, rot(PAGE, PAGE_1));
    assertThat(decider.state.news().exposure().unknownSince()).contains(silent);
  }

  @Test
  void givenRotOnAPrimaryThatHeldItsStateInThisLifeThenNothingIsExposed() {
    Decider decider = Decider.steady();
    decider.lookedAt(Optional.of(decider.now)).later(Duration.ofMinutes(1));
    decider.changed(0, NEW, false, rot(PAGE, PAGE_1));
    assertThat(decider.state.news().exposure().isNone()).isTrue();
  }

  @Test
  void givenALookThatFailsAfterOneThatDidNotEndThenWhatIsUnknownBeginsWithTheLastGoodOne() {
    Decider decider = Decider.steady();
    var last = decider.now;
    decider.later(Duration.ofSeconds(19));
    decider.ails(0, new Trouble("FileSystemReadOnly", "/srv/www is read-only."));
    decider.later(Duration.ofSeconds(1)).on(new Event.Blind("web-0", last));
    assertThat(decider.state.news().exposure().unknownSince()).contains(last);
  }

  @Test
  void givenAWriteThatNobodySawWhileTheOneBeforeIsCommittedThenItIsExposedSinceTheLastLook() {
    Decider decider = Decider.steady();
    Position second = C_AT.next();
    decider.remembers(0, second, NEW);
    var last = decider.now;
    decider.later(Duration.ofSeconds(30)).on(new Event.Blind("web-0", last));
    decider.votes(
        0, NEWER, Optional.of(new Remembered(second, NEW)), 0, true, written(PAGE, NEW, NEWER));
    decider.on(new Event.Sees("web-0"));
    decider.later(Duration.ofSeconds(5)).remembers(1, second, NEW);
    assertThat(decider.state.record().committed().orElseThrow().root()).isEqualTo(NEW);
    assertThat(decider.state.news().exposedSince()).contains(last);
  }

  @Test
  void givenUsersAtAMemberThatWroteLongAgoWhenTheyAreFollowedThenHowOldThatIsIsUnknown() {
    Decider decider = Decider.steady();
    decider.lookedAt(Optional.empty()); // a new sidecar, which never saw it hold anything
    decider.votes(2, NEW, Optional.of(Decider.HOLDS_C), 1, true, written(PAGE, PAGE_1, NEW));
    decider.later(Duration.ofSeconds(6)).proves();
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.state.news().exposedSince()).isPresent();
    assertThat(decider.state.news().exposure().unknownSince()).isPresent();
  }

  @Test
  void givenWhatIsOfAnyAgeThenItIsAlsoWhereARepairBroughtItAndWhenItsPrimaryIsBack() {
    Instant seen = Instant.parse("2026-01-01T00:00:00Z");
    Instant held = seen.plusSeconds(20);
    Exposure undated =
        new Exposure(Optional.of(seen), Optional.of(seen), Optional.empty(), Trail.NONE, Map.of());
    assertThat(undated.words("web-0", held, Optional.empty()))
        .isEqualTo("web-0 had a change that was not committed for at least 20 s");
    Exposure next = undated.led(Optional.of("web-0"), "web-1", Optional.of(held));
    assertThat(next.notBefore()).isEmpty();
    Exposure back =
        next.none().led(Optional.of("web-1"), "web-0", Optional.of(held)); // it held that, rebooted
    assertThat(back.notBefore()).isEmpty();
    Exposure dated =
        new Exposure(Optional.of(seen), Optional.empty(), Optional.of(seen), Trail.NONE, Map.of());
    assertThat(dated.led(Optional.of("web-0"), "web-1", Optional.of(held)).notBefore())
        .contains(seen);
  }

  @Test
  void givenASuccessorThatAcceptedWhatIsNotCommittedAndRotsThenThatStaysExposed() {
    Decider decider = Decider.steady();
    Position beyond = new Position(1, 2);
    decider.votes(0, NEW, Optional.of(Decider.HOLDS_C), 1, true, written(PAGE, PAGE_1, NEW));
    decider.remembers(1, beyond, NEW).died(0).later(Duration.ofSeconds(6));
    assertThat(decider.state.record().primary()).contains("web-1");
    decider.votes(
        1,
        Decider.OTHER,
        Optional.of(new Remembered(beyond, NEW)),
        0,
        false,
        rot(Decider.DATA, Decider.DATA_1));
    assertThat(decider.state.record().committed().orElseThrow().position()).isEqualTo(C_AT);
    assertThat(decider.state.news().exposedSince()).isPresent();
  }

  @Test
  void givenUsersAtAMemberThatHeldTheStateAMomentAgoThenWhatItHasIsYoungerThanThat() {
    Decider decider = Decider.steady();
    var last = decider.later(Duration.ofMinutes(1)).now;
    decider.lookedAt(Optional.of(last)).later(Duration.ofSeconds(2));
    decider.votes(2, NEW, Optional.of(Decider.HOLDS_C), 1, true, written(PAGE, PAGE_1, NEW));
    decider.later(Duration.ofSeconds(6)).proves();
    assertThat(decider.state.record().primary()).contains("web-2");
    assertThat(decider.state.news().exposedSince()).contains(last);
    assertThat(decider.state.news().exposure().unknownSince()).isEmpty();
  }
}
