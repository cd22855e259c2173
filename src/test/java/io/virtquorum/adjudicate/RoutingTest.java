package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whom a new leader leads users to, and when: the record that it found may be an old one. */
final class RoutingTest {
  private static final Duration SETTLE = Duration.ofSeconds(6);
  private static final Duration MOMENT = Duration.ofMillis(100);
  private static final Position LATER = new Position(2, 1);

  private static Optional<String> led(Decider decider) {
    return decider.state.route().flatMap(Route::member);
  }

  @Test
  void givenANewLeaderThatHeardOnlyThePrimaryThenUsersStayUntilTheOthersHadTheirSay() {
    Decider decider = Decider.three().holds(0).later(MOMENT);
    assertThat(decider.ordered(Command.RouteUsers.class)).isEmpty();
    decider.holds(1);
    assertThat(decider.ordered(Command.RouteUsers.class)).isEmpty();
    decider.holds(2);
    assertThat(led(decider)).contains("web-0");
  }

  @Test
  void givenARecordThatCameBackOlderThenNoUserIsLedToItsPrimaryWhoeverReportsFirst() {
    Decider decider = Decider.three().holds(0).later(MOMENT).holds(1).later(MOMENT);
    decider.remembers(2, LATER, OTHER);
    assertThat(decider.held("RecordOlder")).isPresent();
    assertThat(decider.ordered(Command.RouteUsers.class))
        .allMatch(command -> command.route().member().isEmpty());
  }

  @Test
  void givenWhoRemembersMoreThanTheRecordFallsSilentThenUsersAreStillNotLedToItsPrimary() {
    Decider decider = Decider.three().holds(0).remembers(2, LATER, OTHER);
    decider.on(new Event.Detached("web-2")).later(SETTLE);
    assertThat(decider.held("RecordOlder")).isPresent();
    assertThat(led(decider)).isEmpty();
    assertThat(decider.ordered(Command.RouteUsers.class))
        .allMatch(command -> command.route().member().isEmpty());
  }

  @Test
  void givenARecordOlderThanItsPrimarysMemoryThenNobodyIsLedThereWhoeverLedInThatTenure() {
    Decider decider = Decider.three();
    for (int i = 0; i < 3; i++) {
      decider.remembers(i, LATER, OTHER);
    }
    assertThat(decider.held("RecordOlder")).isPresent();
    assertThat(decider.later(SETTLE).ordered(Command.RouteUsers.class)).isEmpty();
  }

  @Test
  void givenMembersThatStaySilentThenUsersAreLedToThePrimaryAfterTheSettleTime() {
    Decider decider = Decider.three().holds(0).later(SETTLE.minus(MOMENT));
    assertThat(led(decider)).isEmpty();
    decider.later(MOMENT);
    assertThat(led(decider)).contains("web-0");
  }

  @Test
  void givenMembersThatAreDeadOrAilThenNobodyWaitsForThem() {
    Decider decider = Decider.three().died(1).ails(2, new Trouble("Unreadable", "It cannot be."));
    decider.holds(0);
    assertThat(led(decider)).contains("web-0");
  }

  @Test
  void givenUsersWhoAreLedWhenAMemberFallsSilentAndThePrimaryRestartsThenTheyAreLedAtOnce() {
    Decider decider = Decider.steady();
    assertThat(led(decider)).contains("web-0");
    decider.on(new Event.Detached("web-2")).died(0).forget();
    assertThat(decider.later(SETTLE).state.record().primary()).contains("web-1");
    assertThat(led(decider)).contains("web-1");
  }

  @Test
  void givenANewLeaderThatFailsOverThenUsersFollowWithTheRecord() {
    Decider decider = Decider.three().holds(1).died(0);
    assertThat(led(decider)).isEmpty();
    decider.holds(2);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(led(decider)).contains("web-1");
  }

  @Test
  void givenAPersonsWordToANewLeaderThenUsersAreLedThereAtOnce() {
    Decider decider = Decider.three().holds(0).holds(1);
    decider.configure(decider.config().withPromote(Optional.of("web-1")));
    assertThat(led(decider)).contains("web-1");
  }
}
