package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a real qemu-ga cannot be made to do on demand. */
class AgentProtocolEdgesTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final AgentTiming QUICK =
      new AgentTiming(
          Duration.ofMillis(100),
          Duration.ofMillis(400),
          Duration.ofMillis(600),
          Duration.ofMillis(50),
          Duration.ofMillis(200));
  private static final String ENDED = "{\"exited\": true, \"exitcode\": 0, \"out-data\": \"b24K\"}";

  @TempDir Path directory;
  private ScriptedAgent agent;
  private QemuGuestAgent guest;

  @BeforeEach
  void startPeer() throws Exception {
    agent = new ScriptedAgent(directory.resolve("agent.sock"));
    guest = new QemuGuestAgent(directory.resolve("agent.sock"), QUICK);
  }

  @AfterEach
  void stopPeer() throws Exception {
    guest.close();
    agent.close();
  }

  @Test
  void everythingBeforeTheSentinelIsDropped() throws Exception {
    agent.beforeSync =
        "half an answer\"}}\n{\"return\": {}, \"id\": 1}\n\u00ff{\"return\": 4711}\n\u00ff{\"ret";

    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-1");
  }

  @Test
  void theLateAnswerToAnOlderRequestIsNotTakenForTheNextOne() throws Exception {
    var firstId = new AtomicLong();
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) -> {
              if (firstId.compareAndSet(0, id)) {
                return null;
              }
              return ScriptedAgent.value("{\"pid\": 1}", firstId.get())
                  + ScriptedAgent.value("{\"pid\": 2}", id);
            },
            "guest-exec-status",
            (command, id) -> ScriptedAgent.value(ENDED, id)));
    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "first")))
        .isInstanceOf(GuestException.TimedOut.class)
        .hasMessageContaining("unknown");

    assertThat(new String(guest.run(GuestAgent.Exec.of(DEADLINE, "second")).output(), UTF_8))
        .isEqualTo("on\n");
  }

  @Test
  void aLostStatusAnswerIsAskedForAgainWithinTheDeadline() throws Exception {
    var polls = new AtomicInteger();
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) -> ScriptedAgent.value("{\"pid\": 5}", id),
            "guest-exec-status",
            (command, id) -> polls.incrementAndGet() == 1 ? null : ScriptedAgent.value(ENDED, id)));

    assertThat(guest.run(GuestAgent.Exec.of(DEADLINE, "program")).ok()).isTrue();
    assertThat(polls).hasValue(2);
  }

  @Test
  void linesThatAreNotAnswersAreSkipped() throws Exception {
    guest.bootId(DEADLINE);
    agent.behave(
        Map.of(
            "guest-file-open",
            (command, id) ->
                "garbage\n[]\n\n{\"event\": 1}\n{\"return\": {\"buf-b64\": \"%%\"}}\n"
                    + agent.usual(command, id)));

    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-1");
  }

  @Test
  void anAnswerInSmallPiecesIsPutTogether() throws Exception {
    agent.behave(
        Map.of(
            "guest-file-open",
            (command, id) -> {
              for (char piece : agent.usual(command, id).toCharArray()) {
                agent.send(String.valueOf(piece));
              }
              return null;
            }));

    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-1");
  }

  @Test
  void anAgentThatFallsSilentIsSeenAsSilentAndComesBack() throws Exception {
    guest.bootId(DEADLINE);
    agent.behaviour = (command, id) -> null;
    Awaitility.await().until(() -> guest.presence().state() == Guest.State.SILENT);
    assertThat(guest.presence().age()).isGreaterThan(QUICK.silentAfter());

    agent.behave(Map.of());

    Awaitility.await().until(() -> guest.presence().state() == Guest.State.ANSWERING);
    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-1");
  }

  @Test
  void aProgramThatRanWhenTheGuestRebootedIsReportedSo() throws Exception {
    var polled = new CountDownLatch(1);
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) -> ScriptedAgent.value("{\"pid\": 5}", id),
            "guest-exec-status",
            (command, id) -> {
              polled.countDown();
              return ScriptedAgent.value("{\"exited\": false}", id);
            }));
    var call = CompletableFuture.supplyAsync(() -> runs("program"), Thread::startVirtualThread);
    polled.await();

    agent.behaviour = (command, id) -> null;
    Awaitility.await().until(() -> guest.presence().state() == Guest.State.SILENT);
    agent.bootId = "boot-2";
    agent.behave(Map.of());

    assertThatThrownBy(call::join).hasRootCauseInstanceOf(GuestException.Rebooted.class);
    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-2");
  }

  @Test
  void aRebootIsNoticedEvenIfTheNewAgentAnswersTheOldQuestion() throws Exception {
    var release = new CountDownLatch(1);
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) -> ScriptedAgent.value("{\"pid\": 5}", id),
            "guest-exec-status",
            (command, id) -> {
              agent.bootId = "boot-2";
              Awaitility.await()
                  .until(() -> guest.presence().age().compareTo(QUICK.silentAfter()) > 0);
              release.countDown();
              return ScriptedAgent.value(ENDED, id);
            }));

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "program")))
        .isInstanceOf(GuestException.Rebooted.class);
    assertThat(release.getCount()).isZero();
  }

  @Test
  void anEndedConnectionFailsTheRequestIsGoneAndIsMadeAgain() throws Exception {
    guest.bootId(DEADLINE);
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) -> {
              agent.behave(Map.of());
              agent.hangUp();
              return null;
            }));

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "program")))
        .isInstanceOf(GuestException.Unreachable.class)
        .hasMessageContaining("unknown");

    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-1");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.ANSWERING);
  }

  @Test
  void aRequestIsNotSentAfterItsCallerGaveUp() throws Exception {
    guest.bootId(DEADLINE);
    agent.behaviour = (command, id) -> null;
    Awaitility.await().until(() -> guest.presence().state() == Guest.State.SILENT);

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(Duration.ofMillis(50), "program")))
        .isInstanceOf(GuestException.Unreachable.class)
        .hasMessageContaining("nothing was sent");

    agent.behave(Map.of());
    guest.bootId(DEADLINE);
    assertThat(agent.received).doesNotContain("guest-exec");
  }

  @Test
  void aFrozenOrRestrictedOrOldAgentIsRefusedWithWhatToDo() {
    refuse("CommandNotFound", "Command guest-exec has been disabled: the agent is in frozen state");
    assertRefused("thaw");
    refuse("CommandNotFound", "Command guest-exec has been disabled: the command is not allowed");
    assertRefused("block-rpcs");
    refuse("CommandNotFound", "The command guest-exec has not been found");
    assertRefused("newer qemu-guest-agent");
  }

  private void refuse(String kind, String words) {
    agent.behave(
        Map.of(
            "guest-exec",
            (command, id) ->
                "{\"id\": "
                    + id
                    + ", \"error\": {\"class\": \""
                    + kind
                    + "\", \"desc\": \""
                    + words
                    + "\"}}\n"));
  }

  private void assertRefused(String advice) {
    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "program")))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining(advice);
  }

  private GuestAgent.Result runs(String program) {
    try {
      return guest.run(GuestAgent.Exec.of(DEADLINE, program));
    } catch (GuestException e) {
      throw new CompletionException(e);
    }
  }
}
