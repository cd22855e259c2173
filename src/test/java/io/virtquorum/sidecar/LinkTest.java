package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.stub.StreamObserver;
import io.virtquorum.testing.LogLines;
import io.virtquorum.wire.WireServer;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.ToMember;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The link against a real gRPC server on loopback. */
@Timeout(90)
final class LinkTest {
  private final EpollEventLoopGroup loop = new EpollEventLoopGroup(1);
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final Heard heard = new Heard();
  private final Adjudicator adjudicator = new Adjudicator();
  @TempDir Path directory;

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void givenAnAdjudicatorWhenAttachedThenHelloComesFirstAndBeatsFollow() throws Exception {
    Server server = serve(0, Optional.empty());
    try (var link = link(List.of("127.0.0.1:" + server.getPort()), Optional.empty())) {
      link.beatEvery(Duration.ofMillis(10));
      until(() -> adjudicator.beats() >= 3);
      assertThat(adjudicator.got.getFirst().getHello().getMember()).isEqualTo("web-0");
      assertThat(adjudicator.got.stream().filter(FromMember::hasBeat))
          .extracting(message -> message.getBeat().getNumber())
          .startsWith(1L, 2L, 3L);
      assertThat(heard.attached).hasSize(1);
    } finally {
      stop(server);
    }
  }

  @Test
  void givenABallotThatIsCastWhileABeatIsMadeThenTheBeatWhichMayKnowLessComesAfterIt()
      throws Exception {
    Server server = serve(0, Optional.empty());
    var voting = new AtomicReference<Link>();
    try (var link =
        new Link(
            new Dialer(List.of("127.0.0.1:" + server.getPort()), Optional.empty(), loop, executor),
            () -> Hello.newBuilder().setMember("web-0").build(),
            number -> {
              if (number == 2) {
                voting.get().send(Ballot.newBuilder().setNumber(1).build());
              }
              return Beat.newBuilder().setNumber(number).build();
            },
            heard)) {
      voting.set(link);
      link.beatEvery(Duration.ofMillis(10));
      until(() -> adjudicator.beats() >= 3);
      assertThat(List.copyOf(adjudicator.got).subList(0, 4))
          .extracting(message -> message.getMessageCase().toString())
          .containsExactly("HELLO", "BEAT", "BALLOT", "BEAT");
    } finally {
      stop(server);
    }
  }

  @Test
  void givenANameThatDoesNotResolveThenTheAddressIsTaken() throws Exception {
    Server server = serve(0, Optional.empty());
    try (var link =
        link(
            List.of("virtquorum.invalid:7600", "127.0.0.1:" + server.getPort()),
            Optional.empty())) {
      until(() -> adjudicator.beats() >= 1);
    } finally {
      stop(server);
    }
  }

  @Test
  void givenAnAddressThatIsNoneThenTheOtherOneIsTaken() throws Exception {
    Server server = serve(0, Optional.empty());
    try (var link =
        link(List.of("fd00::1:7600", "127.0.0.1:" + server.getPort()), Optional.empty())) {
      until(() -> adjudicator.beats() >= 1);
    } finally {
      stop(server);
    }
  }

  @Test
  void givenAnAdjudicatorThatRestartsThenWhatWaitedIsSentAfterANewHello() throws Exception {
    Server first = serve(0, Optional.empty());
    int port = first.getPort();
    try (var link = link(List.of("127.0.0.1:" + port), Optional.empty())) {
      leave(first);
      link.send(Ballot.newBuilder().setNumber(1).setAudited(true).build());
      link.send(Ballot.newBuilder().setNumber(2).build());
      link.send(
          FromMember.newBuilder().setProgress(Progress.newBuilder().setCommandId("c")).build());
      Server second = serve(port, Optional.empty());
      try {
        until(() -> adjudicator.got.stream().anyMatch(FromMember::hasBallot));
        List<FromMember> said =
            adjudicator.got.stream().filter(message -> !message.hasBeat()).toList();
        assertThat(said.get(0).hasHello()).isTrue();
        assertThat(said.get(1).getProgress().getCommandId()).isEqualTo("c");
        assertThat(said.get(2).getBallot().getNumber()).isEqualTo(2);
        assertThat(said.get(2).getBallot().getAudited())
            .as("the newer ballot says what the superseded one found out")
            .isTrue();
        assertThat(said).hasSize(3);
      } finally {
        stop(second);
      }
    }
  }

  @Test
  void givenABallotThatWaitsAndAnOrderThatMakesItUntrueThenOnlyTheNextOneIsSent() throws Exception {
    Server first = serve(0, Optional.empty());
    int port = first.getPort();
    try (var link = link(List.of("127.0.0.1:" + port), Optional.empty())) {
      leave(first);
      link.send(Ballot.newBuilder().setNumber(1).setAudited(true).build());
      link.withdrawBallot();
      Server second = serve(port, Optional.empty());
      try {
        until(() -> adjudicator.beats() >= 2);
        assertThat(adjudicator.got).noneMatch(FromMember::hasBallot);
        link.send(Ballot.newBuilder().setNumber(2).build());
        until(() -> adjudicator.got.stream().anyMatch(FromMember::hasBallot));
        Ballot said =
            adjudicator.got.stream().filter(FromMember::hasBallot).findFirst().get().getBallot();
        assertThat(said.getNumber()).isEqualTo(2);
        assertThat(said.getAudited()).as("what the withdrawn one found out").isTrue();
      } finally {
        stop(second);
      }
    }
  }

  @Test
  void givenAServerThatRefusesThenTheOtherAddressIsTried() throws Exception {
    var refusing =
        WireServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.empty(),
            executor,
            new AdjudicatorGrpc.AdjudicatorImplBase() {
              @Override
              public StreamObserver<FromMember> attach(StreamObserver<ToMember> response) {
                response.onError(Status.UNAVAILABLE.asRuntimeException());
                return new Adjudicator.Ignoring();
              }
            });
    Server server = serve(0, Optional.empty());
    try (var link =
        link(
            List.of("127.0.0.1:" + refusing.getPort(), "127.0.0.1:" + server.getPort()),
            Optional.empty())) {
      until(() -> adjudicator.beats() >= 1);
    } finally {
      stop(server);
      stop(refusing);
    }
  }

  @Test
  void givenWhatTheAdjudicatorSaysThenTheListenerHearsIt() throws Exception {
    Server server = serve(0, Optional.empty());
    try (var link = link(List.of("127.0.0.1:" + server.getPort()), Optional.empty())) {
      until(() -> adjudicator.beats() >= 1);
      adjudicator.say(ToMember.newBuilder().setCommand(Command.newBuilder().setId("x")).build());
      adjudicator.say(
          ToMember.newBuilder()
              .setStanding(io.virtquorum.wire.v1.Standing.newBuilder().setTenure(3))
              .build());
      until(() -> heard.ordered.size() == 1 && heard.standings.size() == 1);
      assertThat(heard.standings.getFirst().getTenure()).isEqualTo(3);
      assertThat(heard.configured).hasSize(1);
      assertThat(heard.ordered.getFirst().getId()).isEqualTo("x");
    } finally {
      stop(server);
    }
  }

  @Test
  void givenTheOperatorsCaThenTheNameInTheCertificateCountsAndNotTheAddress() throws Exception {
    IssuedCertificate certificate = IssuedCertificate.issue(directory, "virtquorum");
    Server server = serve(0, Optional.of(certificate.tls()));
    try (var link = link(List.of("127.0.0.1:" + server.getPort()), Optional.of(certificate.ca()))) {
      until(() -> adjudicator.beats() >= 1);
    } finally {
      stop(server);
    }
  }

  @Test
  void givenAServerOfAnotherCaThenNothingIsSaidToIt() throws Exception {
    IssuedCertificate right = IssuedCertificate.issue(directory, "virtquorum");
    IssuedCertificate wrong = IssuedCertificate.issue(directory, "virtquorum");
    Server impostor = serve(0, Optional.of(wrong.tls()));
    Server server =
        WireServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.of(right.tls()),
            executor,
            adjudicatorOf(heard));
    try (var link =
        link(
            List.of("127.0.0.1:" + impostor.getPort(), "127.0.0.1:" + server.getPort()),
            Optional.of(right.ca()))) {
      until(() -> heard.hellos.size() >= 1);
      assertThat(adjudicator.got).isEmpty();
    } finally {
      stop(impostor);
      stop(server);
    }
  }

  @Test
  void givenACaThatIsNoneThenTheSentenceSaysSo() {
    assertThatThrownBy(
            () ->
                new Dialer(
                    List.of("x:1"),
                    Optional.of("none".getBytes(StandardCharsets.UTF_8)),
                    loop,
                    executor))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("CA");
  }

  @Test
  void givenNobodyThereWhenClosedThenItEndsAtOnce() throws Exception {
    int nobody;
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      nobody = socket.getLocalPort();
    }
    var link = link(List.of("127.0.0.1:" + nobody), Optional.empty());
    link.close();
    assertThat(heard.attached).isEmpty();
  }

  private static void until(java.util.concurrent.Callable<Boolean> condition) {
    await().atMost(Duration.ofSeconds(30)).pollInterval(Duration.ofMillis(10)).until(condition);
  }

  private Link link(List<String> targets, Optional<byte[]> ca) {
    return new Link(
        new Dialer(targets, ca, loop, executor),
        () -> Hello.newBuilder().setMember("web-0").build(),
        number -> Beat.newBuilder().setNumber(number).build(),
        heard);
  }

  private Server serve(int port, Optional<WireServer.Tls> tls) throws IOException {
    return WireServer.start(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port), tls, executor, adjudicator);
  }

  /**
   * The adjudicator goes away once the link is attached, and what it got is forgotten; what is sent
   * then waits for the next one.
   */
  private void leave(Server server) throws InterruptedException {
    until(() -> adjudicator.beats() >= 1);
    try (var log = new LogLines()) {
      stop(server);
      until(() -> log.lines().stream().anyMatch(line -> line.contains("ended")));
    }
    adjudicator.got.clear();
  }

  private static void stop(Server server) throws InterruptedException {
    server.shutdownNow();
    assertThat(server.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
  }

  private static AdjudicatorGrpc.AdjudicatorImplBase adjudicatorOf(Heard heard) {
    return new AdjudicatorGrpc.AdjudicatorImplBase() {
      @Override
      public StreamObserver<FromMember> attach(StreamObserver<ToMember> response) {
        return new Adjudicator.Ignoring() {
          @Override
          public void onNext(FromMember message) {
            if (message.hasHello()) {
              heard.hellos.add(message.getHello());
            }
          }
        };
      }
    };
  }

  private static final class Heard implements Link.Listener {
    final List<Boolean> attached = new CopyOnWriteArrayList<>();
    final List<Configure> configured = new CopyOnWriteArrayList<>();
    final List<Command> ordered = new CopyOnWriteArrayList<>();
    final List<String> recalled = new CopyOnWriteArrayList<>();
    final List<io.virtquorum.wire.v1.Standing> standings = new CopyOnWriteArrayList<>();
    final List<Hello> hellos = new CopyOnWriteArrayList<>();

    @Override
    public void attached() {
      attached.add(true);
    }

    @Override
    public void configured(Configure configure) {
      configured.add(configure);
    }

    @Override
    public void ordered(Command command) {
      ordered.add(command);
    }

    @Override
    public void recalled(io.virtquorum.wire.v1.Recall recall) {
      recalled.add(recall.getId());
    }

    @Override
    public void stands(io.virtquorum.wire.v1.Standing standing) {
      standings.add(standing);
    }
  }

  /** Records what it gets and greets with a Configure. */
  private static final class Adjudicator extends AdjudicatorGrpc.AdjudicatorImplBase {
    final List<FromMember> got = new CopyOnWriteArrayList<>();
    private volatile StreamObserver<ToMember> response;

    long beats() {
      return got.stream().filter(FromMember::hasBeat).count();
    }

    void say(ToMember message) {
      response.onNext(message);
    }

    @Override
    public StreamObserver<FromMember> attach(StreamObserver<ToMember> stream) {
      response = stream;
      stream.onNext(ToMember.newBuilder().setConfigure(Configure.getDefaultInstance()).build());
      return new Ignoring() {
        @Override
        public void onNext(FromMember message) {
          got.add(message);
        }
      };
    }

    static class Ignoring implements StreamObserver<FromMember> {
      @Override
      public void onNext(FromMember message) {}

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {}
    }
  }
}
