package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real qemu-ga, or its socket, that is late, stopped, killed or absent. */
class AgentFaultsTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir Path directory;
  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable resource : opened.reversed()) {
      resource.close();
    }
  }

  @Test
  void withoutASocketTheGuestIsStartingAndCallsSayThatNothingWasSent() {
    var guest = guest(directory.resolve("absent.sock"));

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(SHORT, "true")))
        .isInstanceOf(GuestException.Unreachable.class)
        .hasMessageContaining("absent.sock")
        .hasMessageContaining("nothing was sent");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.STARTING);
  }

  @Test
  void aCallMadeBeforeTheAgentExistsIsServedWhenItComes() throws Exception {
    var agent = agent();
    var guest = guest(agent.socket());
    var call = CompletableFuture.supplyAsync(() -> echo(guest), Thread::startVirtualThread);
    assertThat(guest.presence().state()).isEqualTo(Guest.State.STARTING);

    agent.start();

    assertThat(call.get()).isEqualTo("on\n");
  }

  @Test
  void aSocketThatAcceptsAndNeverAnswersIsStartingAndCallsKeepTheirDeadline() throws Exception {
    Path path = directory.resolve("mute.sock");
    var server = open(ServerSocketChannel.open(StandardProtocolFamily.UNIX));
    server.bind(UnixDomainSocketAddress.of(path));
    var guest = guest(path);
    open(server.accept());

    assertThatThrownBy(() -> guest.read("/proc/uptime", 100, SHORT))
        .isInstanceOf(GuestException.Unreachable.class);
    assertThat(guest.presence().state()).isEqualTo(Guest.State.STARTING);
  }

  @Test
  void aListenerWithAFullBacklogDoesNotHangTheClient() throws Exception {
    Path path = directory.resolve("full.sock");
    var address = UnixDomainSocketAddress.of(path);
    var server = open(ServerSocketChannel.open(StandardProtocolFamily.UNIX));
    server.bind(address, 1);
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 100; i++) {
                var filler = open(SocketChannel.open(StandardProtocolFamily.UNIX));
                filler.configureBlocking(false);
                filler.connect(address);
              }
            })
        .isInstanceOf(SocketException.class);
    var guest = guest(path);

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(SHORT, "true")))
        .isInstanceOf(GuestException.Unreachable.class);
    assertThat(guest.presence().state()).isEqualTo(Guest.State.STARTING);
  }

  @Test
  void aKilledAgentIsGoneAndAnsweredAgainAfterItsRestart() throws Exception {
    var agent = agent().start();
    var guest = guest(agent.socket());
    assertThat(echo(guest)).isEqualTo("on\n");

    agent.kill();
    Awaitility.await().until(() -> guest.presence().state() == Guest.State.GONE);

    agent.start();
    assertThat(echo(guest)).isEqualTo("on\n");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.ANSWERING);
  }

  @Test
  void aProgramThatRunsWhenTheAgentIsKilledIsUnknownAndNotFailed() throws Exception {
    var agent = agent().start();
    var guest = guest(agent.socket());
    Path started = directory.resolve("started");
    var call =
        CompletableFuture.supplyAsync(
            () -> text(guest, "touch " + started + "; sleep 60"), Thread::startVirtualThread);
    Awaitility.await().until(() -> Files.exists(started));

    agent.kill();
    agent.start();

    assertThatThrownBy(call::join)
        .cause()
        .isInstanceOfAny(GuestException.TimedOut.class, GuestException.Unreachable.class)
        .hasMessageContaining("unknown");
  }

  @Test
  void aStoppedAgentIsSilentCallsTimeOutAndItRecoversWhenContinued() throws Exception {
    var agent = agent().start();
    var guest = guest(agent.socket());
    assertThat(echo(guest)).isEqualTo("on\n");

    signal(agent, "STOP");
    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(SHORT, "true")))
        .isInstanceOfAny(GuestException.TimedOut.class, GuestException.Unreachable.class);
    Awaitility.await().until(() -> guest.presence().state() == Guest.State.SILENT);

    signal(agent, "CONT");
    assertThat(echo(guest)).isEqualTo("on\n");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.ANSWERING);
  }

  @Test
  void aLongSilenceDoesNotCloseOffTheAgentWithManyCallersWaiting() throws Exception {
    var agent = agent().start();
    var guest = guest(agent.socket());
    assertThat(echo(guest)).isEqualTo("on\n");
    signal(agent, "STOP");
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls = new ArrayList<java.util.concurrent.Future<String>>();
      for (int i = 0; i < 200; i++) {
        calls.add(threads.submit(() -> outcome(guest)));
      }
      for (var call : calls) {
        assertThat(call.get()).isIn("TimedOut", "Unreachable");
      }
    }

    signal(agent, "CONT");

    assertThat(echo(guest)).isEqualTo("on\n");
  }

  @Test
  void aCommandThatTheAgentIsToldToRefuseNamesTheOption() throws Exception {
    var agent = open(new QemuGa(directory, "-b", "guest-exec,guest-file-open")).start();
    var guest = guest(agent.socket());

    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "true")))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("guest-exec")
        .extracting(e -> "web-2: %s.".formatted(e.getMessage()))
        .matches(Troubleshooting.of("a guest with a blocked agent")::matches);
    assertThatThrownBy(() -> guest.bootId(DEADLINE))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("guest-file-open");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.ANSWERING);
  }

  @Test
  void closingEndsCallsAtOnceAndLaterOnesAreUnreachable() throws Exception {
    var agent = agent().start();
    var guest = guest(agent.socket());
    Path started = directory.resolve("started");
    var call =
        CompletableFuture.supplyAsync(
            () -> text(guest, "touch " + started + "; sleep 60"), Thread::startVirtualThread);
    Awaitility.await().until(() -> Files.exists(started));

    guest.close();

    assertThatThrownBy(call::join).hasCauseInstanceOf(GuestException.Unreachable.class);
    assertThatThrownBy(() -> guest.bootId(DEADLINE)).isInstanceOf(GuestException.Unreachable.class);
  }

  private QemuGa agent() {
    return open(new QemuGa(directory));
  }

  private QemuGuestAgent guest(Path socket) {
    return open(new QemuGuestAgent(socket));
  }

  private <T extends AutoCloseable> T open(T resource) {
    opened.add(resource);
    return resource;
  }

  private static void signal(QemuGa agent, String signal) throws Exception {
    var kill = new ProcessBuilder("kill", "-" + signal, Long.toString(agent.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  private static String outcome(GuestAgent guest) {
    try {
      return Integer.toString(guest.run(GuestAgent.Exec.of(SHORT, "true")).exit());
    } catch (GuestException e) {
      return e.getClass().getSimpleName();
    }
  }

  private static String echo(GuestAgent guest) {
    return text(guest, "echo on");
  }

  private static String text(GuestAgent guest, String script) {
    try {
      var result = guest.run(GuestAgent.Exec.script(DEADLINE, script, new byte[0]));
      return new String(result.output(), UTF_8);
    } catch (GuestException e) {
      throw new CompletionException(e);
    }
  }
}
