package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class GuestSilenceTest {
  private final GuestSilence silence = new GuestSilence();

  @Test
  void givenAGuestThatBootsThenNothingIsSaidForAMinuteAndAHalf() {
    unreachable(0);
    unreachable(89);
    assertThat(silence.lasts()).isTrue();
    assertThat(silence.ailment()).isEmpty();

    unreachable(90);
    assertThat("web-2: " + silence.ailment().orElseThrow().sentence() + ".")
        .matches(Troubleshooting.of("a guest without the guest program")::matches);
    silence.answered();
    assertThat(silence.lasts()).isFalse();
    assertThat(silence.ailment()).isEmpty();
  }

  @Test
  void givenARefusalOfSecondsThenNothingIsSaidAndOneThatLastsIs() {
    failed(new GuestException.Refused("it is of another term"), 0, Guest.State.ANSWERING);
    failed(new GuestException.Refused("it is of another term"), 9, Guest.State.ANSWERING);
    assertThat(silence.ailment()).isEmpty();

    failed(new GuestException.Refused("it speaks another protocol"), 10, Guest.State.ANSWERING);
    assertThat(silence.ailment().orElseThrow().sentence()).isEqualTo("it speaks another protocol");
  }

  @Test
  void givenAProgramThatAnswersAndFailsEachLookThenItsOwnWordsAreSaid() {
    var lost = new GuestException.Unreachable("The guest program was lost during a look", null);
    failed(lost, 0, Guest.State.ANSWERING);
    failed(lost, 89, Guest.State.ANSWERING);
    assertThat(silence.ailment()).isEmpty();

    failed(lost, 90, Guest.State.ANSWERING);
    assertThat("web-2: " + silence.ailment().orElseThrow().sentence() + ".")
        .contains("The guest program was lost during a look")
        .matches(Troubleshooting.of("a guest program that fails each time")::matches);
  }

  @Test
  void givenALookThatLastsTooLongWhileTheProgramAnswersThenItIsCalledASlowLook() {
    failed(new GuestException.TimedOut("The work took longer"), 60, Guest.State.ANSWERING);

    assertThat("web-2: " + silence.ailment().orElseThrow().sentence() + ".")
        .matches(Troubleshooting.of("a look that takes too long")::matches);
    assertThat(silence.ailment().orElseThrow().reason()).isEqualTo("SlowLook");
    failed(new GuestException.TimedOut("The work took longer"), 600, Guest.State.ANSWERING);
    assertThat(silence.ailment().orElseThrow().reason()).isEqualTo("SlowLook");
    silence.answered();
    assertThat(silence.ailment()).isEmpty();
  }

  @Test
  void givenAProgramThatFallsSilentAfterASlowLookThenItsSilenceIsCountedFromThen() {
    failed(new GuestException.TimedOut("The work took longer"), 60, Guest.State.ANSWERING);
    failed(new GuestException.TimedOut("nobody answers"), 120, Guest.State.SILENT);
    failed(new GuestException.TimedOut("nobody answers"), 209, Guest.State.SILENT);
    assertThat(silence.ailment().orElseThrow().reason()).isEqualTo("SlowLook");

    failed(new GuestException.TimedOut("nobody answers"), 210, Guest.State.SILENT);
    assertThat(silence.ailment().orElseThrow().reason()).isEqualTo("GuestAgentSilent");
  }

  private void unreachable(long seconds) {
    failed(new GuestException.Unreachable("nobody", null), seconds, Guest.State.GONE);
  }

  private void failed(GuestException why, long seconds, Guest.State state) {
    silence.failed(why, 0, TimeUnit.SECONDS.toNanos(seconds), state);
  }
}
