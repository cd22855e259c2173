package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who is taken for dead; time is the test's, sockets are real. */
class DetectorTest {
  private static final String LOOPBACK = "127.0.0.1";

  private final List<GuestProbe.Answer> answers = new ArrayList<>();
  private long nanos = 1;
  private Detector detector;

  /** Asks at once, on this thread; the answer is heard as in the cluster's thread. */
  private Detector detector() {
    detector =
        new Detector(
            new GuestProbe(), Runnable::run, (member, answer) -> answers.add(answer), () -> nanos);
    return detector;
  }

  private boolean look(Optional<MemberStream> stream, ClusterSettings.Vm vm, Integer... ports) {
    boolean dead = detector.dead("web-0", stream, Optional.of(vm), List.of(ports));
    answers.forEach(answer -> detector.heard("web-0", answer));
    answers.clear();
    return dead;
  }

  private void pass(Duration time) {
    nanos += time.toNanos();
  }

  @Test
  void givenQemuClosedItsEndThenItIsDeadAtOnce() {
    detector();
    assertThat(look(Optional.of(stream(GuestState.GUEST_STATE_GONE, 0)), vm(true), 1)).isTrue();
  }

  @Test
  void givenAnAgentThatAnswersThenItLives() {
    detector();
    assertThat(look(Optional.of(stream(GuestState.GUEST_STATE_ANSWERING, 0)), vm(true), 1))
        .isFalse();
  }

  @Test
  void givenNoStreamAndNoRunningInstanceThenKubernetesSaysThatItIsDead() {
    detector();
    assertThat(look(Optional.empty(), vm(false))).isTrue();
  }

  @Test
  void givenASidecarThatNeverAttachedThenSilentProbesCountOnlyAfterFirstContactTime()
      throws IOException {
    detector();
    try (Backlogged silent = new Backlogged()) {
      for (int i = 0; i < 3; i++) {
        assertThat(look(Optional.empty(), vm(true), silent.port())).isFalse();
        pass(Duration.ofSeconds(1));
      }
      pass(Duration.ofSeconds(8));
      assertThat(look(Optional.empty(), vm(true), silent.port())).isTrue();
    }
  }

  @Test
  void givenASidecarThatWasThereThenTwoSilentProbesAreEnough() throws IOException {
    detector();
    look(Optional.of(stream(GuestState.GUEST_STATE_ANSWERING, 0)), vm(true), 1);
    try (Backlogged silent = new Backlogged()) {
      assertThat(look(Optional.empty(), vm(true), silent.port())).isFalse();
      assertThat(look(Optional.empty(), vm(true), silent.port())).isFalse();
      assertThat(look(Optional.empty(), vm(true), silent.port())).isTrue();
    }
  }

  @Test
  void givenAGuestThatRefusesThenItLivesHoweverLongItsSidecarIsAway() throws IOException {
    detector();
    int closed = closedPort();
    for (int i = 0; i < 50; i++) {
      assertThat(look(Optional.empty(), vm(true), closed)).isFalse();
      pass(Duration.ofSeconds(5));
    }
  }

  @Test
  void givenAnAgentThatIsSilentOnAnOpenSocketThenTheGuestIsAsked() throws IOException {
    detector();
    MemberStream stuck = stream(GuestState.GUEST_STATE_SILENT, 6_000);
    int closed = closedPort();
    for (int i = 0; i < 3; i++) {
      assertThat(look(Optional.of(stuck), vm(true), closed)).isFalse();
    }
    try (Backlogged silent = new Backlogged()) {
      look(Optional.of(stuck), vm(true), silent.port());
      pass(Duration.ofSeconds(6));
      look(Optional.of(stuck), vm(true), silent.port());
      assertThat(look(Optional.of(stuck), vm(true), silent.port())).isTrue();
    }
  }

  @Test
  void givenASilentAgentInAGuestThatStallsForSomeSecondsThenItLives() throws IOException {
    detector();
    MemberStream stuck = stream(GuestState.GUEST_STATE_SILENT, 6_000);
    try (Backlogged silent = new Backlogged()) {
      for (int i = 0; i < 4; i++) {
        assertThat(look(Optional.of(stuck), vm(true), silent.port())).isFalse();
        pass(Duration.ofSeconds(1));
      }
    }
    int closed = closedPort();
    look(Optional.of(stuck), vm(true), closed);
    pass(Duration.ofSeconds(60));
    try (Backlogged silent = new Backlogged()) {
      for (int i = 0; i < 4; i++) {
        assertThat(look(Optional.of(stuck), vm(true), silent.port())).isFalse();
        pass(Duration.ofSeconds(1));
      }
    }
  }

  @Test
  void givenNothingToAskThenOnlyALongSilenceCounts() {
    detector();
    assertThat(look(Optional.empty(), vm(true))).isFalse();
    pass(Duration.ofSeconds(29));
    assertThat(look(Optional.empty(), vm(true))).isFalse();
    pass(Duration.ofSeconds(2));
    assertThat(look(Optional.empty(), vm(true))).isTrue();
  }

  @Test
  void givenAProbeWhoseAnswerGotLostThenAnotherIsMade() {
    List<Runnable> asked = new ArrayList<>();
    detector = new Detector(new GuestProbe(), asked::add, (member, answer) -> {}, () -> nanos);
    look(Optional.empty(), vm(true), 9);
    look(Optional.empty(), vm(true), 9);
    assertThat(asked).hasSize(1);
    pass(Duration.ofSeconds(31));
    look(Optional.empty(), vm(true), 9);
    assertThat(asked).hasSize(2);
  }

  @Test
  void aStreamMayBeSilentForLongerIfBeatsAreFarApart() {
    assertThat(Detector.silence(Duration.ofMillis(100))).isEqualTo(Duration.ofSeconds(2));
    assertThat(Detector.silence(Duration.ofSeconds(10))).isEqualTo(Duration.ofSeconds(40));
  }

  @Test
  void aProbeTellsAliveRefusedAndSilentApart() throws IOException {
    GuestProbe probe = new GuestProbe();
    try (ServerSocket open = new ServerSocket(0, 5, InetAddress.getByName(LOOPBACK));
        Backlogged silent = new Backlogged()) {
      assertThat(probe.ask(LOOPBACK, List.of(open.getLocalPort())))
          .isEqualTo(GuestProbe.Answer.ALIVE);
      assertThat(probe.ask(LOOPBACK, List.of(closedPort()))).isEqualTo(GuestProbe.Answer.ALIVE);
      assertThat(probe.ask(LOOPBACK, List.of(silent.port()))).isEqualTo(GuestProbe.Answer.SILENT);
      assertThat(probe.ask(LOOPBACK, List.of(silent.port(), open.getLocalPort())))
          .isEqualTo(GuestProbe.Answer.ALIVE);
      assertThat(probe.ask(LOOPBACK, List.of())).isEqualTo(GuestProbe.Answer.UNKNOWN);
    }
  }

  /** A port that answers nobody: its queue of connections is full and nobody accepts. */
  private static final class Backlogged implements AutoCloseable {
    private final ServerSocket server;
    private final List<Socket> queue = new ArrayList<>();

    Backlogged() throws IOException {
      server = new ServerSocket(0, 1, InetAddress.getByName(LOOPBACK));
      for (int i = 0; i < 10; i++) {
        Socket socket = new Socket();
        queue.add(socket);
        try {
          socket.connect(server.getLocalSocketAddress(), 200);
        } catch (IOException e) {
          return; // full
        }
      }
      throw new IOException("the queue of a listening socket does not fill up here");
    }

    int port() {
      return server.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      for (Socket socket : queue) {
        socket.close();
      }
      server.close();
    }
  }

  private static int closedPort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(LOOPBACK))) {
      return socket.getLocalPort();
    }
  }

  private static ClusterSettings.Vm vm(boolean running) {
    return new ClusterSettings.Vm(
        Optional.of("uid"),
        running,
        Optional.of("node"),
        running ? Optional.of(LOOPBACK) : Optional.empty(),
        "0e:76:00:00:00:01",
        "172.31.77.9/24");
  }

  private static MemberStream stream(GuestState guest, int agentAge) {
    MemberStream stream =
        new MemberStream(Hello.getDefaultInstance(), new Nobody(), System::nanoTime);
    stream.beat(Beat.newBuilder().setGuest(guest).setAgentAgeMillis(agentAge).build());
    return stream;
  }

  private static final class Nobody implements StreamObserver<ToMember> {
    @Override
    public void onNext(ToMember message) {}

    @Override
    public void onError(Throwable t) {}

    @Override
    public void onCompleted() {}
  }
}
