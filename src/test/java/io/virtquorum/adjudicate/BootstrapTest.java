package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.C;
import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rule 14: whose state the first epoch is, by exactly who reported what. */
final class BootstrapTest {
  private static final Digest NEW = new Digest(0x5555L << 48, 0, 0, 5);
  private static final Duration SETTLED = Config.Timing.standard().settle();

  @Test
  void givenAVoteThatWasAskedForThenTheMajoritysStateIsFirstAndOneOfThemLeads() {
    Decider decider = vote();
    decider.votes(0, OTHER, Optional.empty(), 0, false);
    decider.votes(1, C, Optional.empty(), 0, false);
    assertThat(decider.state.record().primary()).isEmpty();
    decider.votes(2, C, Optional.empty(), 0, false);
    assertThat(decider.state.record().primary()).contains("web-1");
    assertThat(decider.target().root()).isEqualTo(C);
  }

  @Test
  void givenAVoteWithoutAMajorityThenThePersonReadsWhoHoldsWhatAndDecides() {
    Decider decider = vote();
    Digest[] roots = {OTHER, C, NEW};
    for (int i = 0; i < 3; i++) {
      decider.votes(i, roots[i], Optional.empty(), 0, false);
    }
    Hold hold = decider.held("BootstrapTied").orElseThrow();
    assertThat(hold.message())
        .startsWith("The members differ and no state has a majority: web-0 holds ");
    assertThat(hold.until())
        .isEqualTo("Set spec.bootstrap.from to the member whose state is right.");
    assertThat(decider.state.record().primary()).isEmpty();
  }

  @Test
  void givenAPersonWhoNamesAStrangerOrOneWhoIsAwayThenThePersonReadsSo() {
    Decider decider = Decider.young();
    decider.votes(0, C, Optional.empty(), 0, false);
    from(decider, "db-0");
    assertThat(decider.held("BootstrapUnknown").orElseThrow().message())
        .isEqualTo("spec.bootstrap.from names db-0, which is not a member.");
    assertThat(decider.held("BootstrapUnknown").orElseThrow().until())
        .isEqualTo("Name one of web-0, web-1, web-2.");
    from(decider, "web-1");
    assertThat(decider.held("WaitingForMembers").orElseThrow().message())
        .isEqualTo("Waiting for web-1 (its sidecar is not connected).");
  }

  @Test
  void givenANamedMemberThatReportsBeforeOneThatRemembersAFormerLifeThenNobodyIsOverwritten() {
    Decider decider = Decider.young();
    from(decider, "web-0");
    decider.votes(0, C, Optional.empty(), 0, false);
    decider.votes(1, C, Optional.empty(), 0, false);
    Hold hold = decider.held("WaitingForMembers").orElseThrow();
    assertThat(hold.message()).isEqualTo("Waiting for web-2 (its sidecar is not connected).");
    assertThat(hold.until()).isEqualTo("It ends when they report, or did not for the settle time.");
    decider.remembers(2, new Position(1, 2), NEW).later(SETTLED);
    assertThat(decider.held("RecordOlder")).isPresent();
    assertThat(decider.state.record().primary()).isEmpty();
  }

  @Test
  void givenANamedMemberAndOthersThatDoNotComeThenItLeadsAfterTheSettleTime() {
    Decider decider = Decider.young();
    from(decider, "web-0");
    decider.votes(0, C, Optional.empty(), 0, false).later(SETTLED);
    assertThat(decider.state.record().primary()).contains("web-0");
  }

  @Test
  void givenAChosenMemberThatWritesBeforeTheFirstCommitThenItsSequenceGoesOn() {
    Decider decider = Decider.young();
    from(decider, "web-0");
    decider.votes(0, C, Optional.empty(), 0, false).later(SETTLED);
    assertThat(decider.target().position()).isEqualTo(new Position(1, 1));
    decider.remembers(0, new Position(1, 1), C);
    assertThat(decider.target().position()).isEqualTo(new Position(1, 1));
    decider.votes(
        0,
        NEW,
        Optional.of(new Remembered(new Position(1, 1), C)),
        0,
        false,
        written(PAGE, PAGE_1, NEW));
    assertThat(decider.target().position()).isEqualTo(new Position(1, 2));
  }

  @Test
  void givenEqualMembersThatRememberAnotherLifeThenTheTenureIsLaterThanAnyOfIt() {
    Decider decider = Decider.young();
    for (int i = 0; i < 3; i++) {
      decider.remembers(i, new Position(7, 7), C);
    }
    assertThat(decider.held("RecordOlder")).isEmpty();
    assertThat(decider.target().position()).isEqualTo(new Position(8, 1));
  }

  @Test
  void givenEqualMembersThatAreOnlyObservedThenNobodyIsMadeToLead() {
    Decider decider = Decider.young();
    decider.configure(decider.config().withObserve(true)).forget();
    for (int i = 0; i < 3; i++) {
      decider.votes(i, C, Optional.empty(), 0, false);
    }
    assertThat(decider.state.record().primary()).isEmpty();
    assertThat(decider.commands)
        .allMatch(command -> command instanceof Command.Tell || command instanceof Command.Stand);
  }

  private static Decider vote() {
    Decider decider = Decider.young();
    return decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.empty(), true)));
  }

  private static void from(Decider decider, String member) {
    decider.configure(
        decider.config().withBootstrap(new Config.Bootstrap(Optional.of(member), false)));
  }
}
