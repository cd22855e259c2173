package io.virtquorum.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Busy;
import io.virtquorum.guest.wire.v1.Configure;
import io.virtquorum.guest.wire.v1.Credit;
import io.virtquorum.guest.wire.v1.Fact;
import io.virtquorum.guest.wire.v1.FactList;
import io.virtquorum.guest.wire.v1.Facts;
import io.virtquorum.guest.wire.v1.FromGuest;
import io.virtquorum.guest.wire.v1.Health;
import io.virtquorum.guest.wire.v1.Memory;
import io.virtquorum.guest.wire.v1.Output;
import io.virtquorum.guest.wire.v1.Position;
import io.virtquorum.guest.wire.v1.Push;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.RowList;
import io.virtquorum.guest.wire.v1.Seen;
import io.virtquorum.guest.wire.v1.ToGuest;
import io.virtquorum.guest.wire.v1.TreeState;
import io.virtquorum.guest.wire.v1.Watcher;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.LinkTiming;
import io.virtquorum.port.PortLink;
import io.virtquorum.port.ScriptedProgram;
import io.virtquorum.port.Session;
import io.virtquorum.port.Time;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class ProgramTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final LinkTiming QUICK =
      new LinkTiming(
          Duration.ofMillis(50),
          Duration.ofMillis(50),
          Duration.ofMillis(400),
          Duration.ofSeconds(2),
          Duration.ofMillis(300),
          Duration.ofMillis(10),
          Duration.ofMillis(50),
          Duration.ofSeconds(5));

  private static final int PIECES = 4; // that are taken before more are asked for

  @TempDir Path directory;
  private final AtomicLong term = new AtomicLong(5);
  private final ConcurrentLinkedQueue<Push> pushes = new ConcurrentLinkedQueue<>();
  private ScriptedProgram peer;
  private PortLink link;
  private Program program;

  @BeforeEach
  void begin() throws IOException {
    peer = new ScriptedProgram(directory.resolve("port"));
    connect("port");
  }

  private void connect(String port) {
    link =
        new PortLink(directory.resolve(port), term::get, "test", QUICK, new Random(1), pushes::add);
    program = new Program(link, Time.MACHINE, Configure.getDefaultInstance());
  }

  @AfterEach
  void end() throws IOException {
    link.close();
    peer.close();
  }

  private Answer ask(Duration limit) throws GuestException, Trouble {
    return program.demand(
        Request.newBuilder().setFacts(Facts.getDefaultInstance()),
        "the facts",
        Time.MACHINE.in(limit));
  }

  private static boolean asks(ToGuest message) {
    return message.hasRequest() && message.getRequest().hasFacts();
  }

  private static Answer.Builder fact(String name) {
    return Answer.newBuilder()
        .setFacts(FactList.newBuilder().addFacts(Fact.newBuilder().setName(name)));
  }

  private static void await(BooleanSupplier what) throws InterruptedException {
    Limit limit = Time.MACHINE.in(LIMIT);
    while (!what.getAsBoolean()) {
      assertThat(limit.isOver()).as("in time").isFalse();
      Thread.sleep(5);
    }
  }

  @Test
  void givenHellosThatAreLostThenTheyAreSaidAgainUntilThereIsAWelcome() throws Exception {
    AtomicInteger hellos = new AtomicInteger();
    end();
    peer = new ScriptedProgram(directory.resolve("another")); // who heard nothing yet
    peer.behaviour = message -> message.hasHello() && hellos.incrementAndGet() < 4;
    connect("another");
    Session session = link.session(Time.MACHINE.in(LIMIT));
    long drawn = peer.received.peek().getSession();
    assertThat(session.welcome().getBootId()).isEqualTo("boot-1");
    assertThat(peer.count(m -> m.hasHello() && m.getSession() == drawn)).isGreaterThan(3);
    assertThat(peer.received.peek().getHello().getTerm()).isEqualTo(5);
  }

  @Test
  void givenAFreshDiskBelowOneTreeThenWhatAnotherRemembersIsNoMemoryAndItsTenureIsSaid()
      throws Exception {
    Memory memory =
        Memory.newBuilder()
            .setPosition(Position.newBuilder().setTenure(7).setSequence(2))
            .setRoot(ByteString.copyFrom(new byte[32]))
            .build();
    looksSee(
        () ->
            Answer.newBuilder()
                .setLook(
                    Seen.newBuilder()
                        .setNumber(1)
                        .addTrees(TreeState.newBuilder().setName("logs"))
                        .addTrees(TreeState.newBuilder().setName("site").setMemory(memory))));
    Snapshot seen =
        new Looks(program, new Paths(List.of())).look(Time.MACHINE.in(LIMIT)).snapshot();
    assertThat(seen.memory()).isEmpty();
    assertThat(seen.newestTenure()).isEqualTo(7);
  }

  /** From now on each look is answered with this, and has no rows. */
  private void looksSee(Supplier<Answer.Builder> seen) {
    peer.behaviour =
        message -> {
          if (message.hasRequest() && message.getRequest().hasLook()) {
            peer.last(message, seen.get());
          } else if (message.hasRequest() && message.getRequest().hasRows()) {
            peer.last(
                message, Answer.newBuilder().setRows(RowList.newBuilder().setLook(1).setAll(true)));
          } else {
            return false;
          }
          return true;
        };
  }

  /** A tree with events, whose newest walk is so old and rests for so long. */
  private static Answer.Builder seen(Duration age, Duration rest, Watcher watcher) {
    return Answer.newBuilder()
        .setLook(
            Seen.newBuilder()
                .setNumber(1)
                .setWalkAgeMillis(age.toMillis())
                .setWalkRestMillis(rest.toMillis())
                .addTrees(TreeState.newBuilder().setName("site").setWatcher(watcher)));
  }

  @ParameterizedTest
  @CsvSource({
    "PT29S, PT0S, WATCHER_FANOTIFY, false",
    "PT31S, PT0S, WATCHER_FANOTIFY, true",
    "PT31S, PT2S, WATCHER_INOTIFY, false", // it is due, and the program makes it by itself
    "PT33S, PT2S, WATCHER_INOTIFY, true",
    "PT6M, PT403S, WATCHER_FANOTIFY, false", // 400 times the second that it took
    "PT434S, PT403S, WATCHER_FANOTIFY, true",
    "PT1S, PT403S, WATCHER_WALK, true" // no events tell what changed
  })
  void givenHowOldAWalkIsThenAnotherIsAskedForOnlyWhereTheProgramShouldHaveMadeItByItself(
      Duration age, Duration rest, Watcher watcher, boolean asked) throws Exception {
    looksSee(() -> seen(age, rest, watcher));
    Looks looks = new Looks(program, new Paths(List.of()));
    looks.look(Time.MACHINE.in(LIMIT));
    looks.look(Time.MACHINE.in(LIMIT));
    assertThat(
            peer.received.stream()
                .filter(message -> message.hasRequest() && message.getRequest().hasLook())
                .map(message -> message.getRequest().getLook().getWalk()))
        .containsExactly(true, asked); // the first of a session always walks
  }

  @Test
  void givenGarbageBeforeAndBetweenAnswersThenTheyAreFoundAllTheSame() throws Exception {
    link.close();
    peer.behaviour =
        message -> {
          byte[] garbage = new byte[700_000];
          new Random(2).nextBytes(garbage);
          peer.raw(ByteBuffer.wrap(garbage, 0, message.hasHello() ? garbage.length : 999));
          peer.frame("no message \uffff".getBytes(java.nio.charset.StandardCharsets.UTF_8));
          if (asks(message)) {
            peer.last(message, fact("os"));
          }
          return asks(message);
        };
    connect("port");
    assertThat(ask(LIMIT).getFacts().getFacts(0).getName()).isEqualTo("os");
  }

  @Test
  void givenWorkOfTheSessionBeforeThenItIsWaitedForAndNamed() throws Exception {
    link.close();
    peer.behaviour =
        message -> {
          if (message.hasHello()) {
            peer.say(
                message, FromGuest.newBuilder().setBusy(Busy.newBuilder().addOperations("apply")));
          }
          return message.hasHello();
        };
    connect("port");
    await(() -> peer.count(ToGuest::hasHello) > 3);
    assertThatThrownBy(() -> ask(Duration.ofMillis(200)))
        .isInstanceOf(GuestException.Unreachable.class)
        .hasMessageContaining("apply");
    peer.behaviour = message -> asks(message) && said(message, "os");
    assertThat(ask(LIMIT).getFacts().getFactsCount()).isOne();
  }

  private boolean said(ToGuest message, String name) throws IOException {
    peer.last(message, fact(name));
    return true;
  }

  @Test
  void givenAnOlderTermThenItsSentenceIsTheReasonUntilTheSidecarObeysANewerOne() throws Exception {
    link.close();
    peer.received.clear();
    peer.behaviour =
        message -> {
          if (message.hasHello() && message.getHello().getTerm() < 7) {
            peer.refuse(message, 0, Reason.REASON_OLDER_TERM);
            return true;
          }
          return asks(message) && said(message, "os");
        };
    connect("port");
    assertThatThrownBy(() -> ask(Duration.ofMillis(300)))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("because REASON_OLDER_TERM");
    term.set(7);
    assertThat(ask(LIMIT).getFacts().getFactsCount()).isOne();
    term.set(8);
    ask(LIMIT);
    assertThat(peer.received.stream().filter(ProgramTest::asks).toList())
        .extracting(m -> m.getRequest().getTerm())
        .containsExactly(7L, 8L);
  }

  @Test
  void givenTheConnectionEndsAtAnyMessageThenThatCallIsUnknownAndTheNextOneIsAnswered()
      throws Exception {
    for (int step = 1; step <= 4; step++) {
      AtomicInteger left = new AtomicInteger(step);
      peer.behaviour =
          message -> {
            if (!message.hasPing() && left.decrementAndGet() == 0) {
              peer.hangUp();
              return true;
            }
            return asks(message) && said(message, "os");
          };
      program = new Program(link, Time.MACHINE, Configure.getDefaultInstance());
      Answer answer = null;
      for (int tries = 0; answer == null && tries < 3; tries++) {
        try {
          answer = ask(LIMIT);
        } catch (GuestException.Unreachable e) {
          assertThat(e).hasMessageContaining("was lost before");
        }
      }
      assertThat(answer).as("step %s", step).isNotNull();
    }
  }

  @Test
  void givenAnAnswerThatComesTooLateThenTheRequestIsCancelledAndTheNextOneGetsItsOwn()
      throws Exception {
    java.util.Deque<ToGuest> held = new java.util.concurrent.ConcurrentLinkedDeque<>();
    peer.behaviour = message -> asks(message) && held.add(message);
    assertThatThrownBy(() -> ask(Duration.ofMillis(100)))
        .isInstanceOf(GuestException.TimedOut.class);
    assertThat(peer.count(ToGuest::hasCancel)).isOne();
    peer.behaviour =
        message -> {
          if (asks(message)) {
            peer.last(held.getFirst(), fact("late"));
            peer.last(message, fact("own"));
          }
          return asks(message);
        };
    assertThat(ask(LIMIT).getFacts().getFacts(0).getName()).isEqualTo("own");
    assertThat(peer.received.stream().filter(ProgramTest::asks).map(ToGuest::getSession))
        .as("all in one session")
        .hasSize(2)
        .containsOnly(held.getFirst().getSession());
  }

  @Test
  void givenARequestThatDoesNotEndWhenCancelledThenAnotherSessionBegins() throws Exception {
    peer.behaviour = message -> asks(message) && said(message, "os");
    ask(LIMIT); // in a session that is there the next request goes out at once
    peer.behaviour = message -> asks(message) || message.hasCancel();
    assertThatThrownBy(() -> ask(Duration.ofMillis(500)))
        .isInstanceOf(GuestException.TimedOut.class);
    peer.behaviour = message -> asks(message) && said(message, "os");
    assertThat(ask(LIMIT).getFacts().getFactsCount()).isOne();
    List<Long> sessions =
        peer.received.stream().filter(ProgramTest::asks).map(ToGuest::getSession).toList();
    assertThat(sessions).hasSize(3);
    assertThat(sessions.getLast()).isNotEqualTo(sessions.getFirst()).isNotEqualTo(sessions.get(1));
    assertThat(peer.requests(Request.OperationCase.CONFIGURE)).isEqualTo(2);
  }

  @Test
  void givenTheProgramForgotTheSessionThenWhatItDidNotDoIsAskedOnceMoreInTheNext()
      throws Exception {
    AtomicInteger asked = new AtomicInteger();
    peer.behaviour =
        message -> {
          if (asks(message) && asked.incrementAndGet() == 1) {
            peer.refuse(message, message.getRequest().getId(), Reason.REASON_NOT_IN_SESSION);
            return true;
          }
          return asks(message) && said(message, "os");
        };
    assertThat(ask(LIMIT).getFacts().getFactsCount()).isOne();
    assertThat(peer.requests(Request.OperationCase.CONFIGURE)).isEqualTo(2);
    assertThat(asked).hasValue(2);
  }

  @Test
  void givenALongAnswerThenItComesWholeAndMoreThanIsAskedForEndsTheConnection() throws Exception {
    java.util.concurrent.atomic.AtomicReference<ToGuest> request =
        new java.util.concurrent.atomic.AtomicReference<>();
    AtomicInteger said = new AtomicInteger();
    peer.behaviour =
        message -> {
          if (asks(message)) {
            request.set(message);
            while (said.get() < PIECES) {
              peer.piece(message, output(said.getAndIncrement()));
            }
          } else if (message.hasCredit() && said.get() < 50) {
            peer.piece(request.get(), output(said.getAndIncrement()));
          }
          return asks(message);
        };
    try (Call call =
        program.begin(
            Request.newBuilder().setFacts(Facts.getDefaultInstance()), "it", List.of(), in())) {
      for (int i = 0; i < 50; i++) {
        assertThat(call.next(in()).getOutput().getOut().byteAt(0)).isEqualTo((byte) i);
      }
      Session session = link.session(in());
      for (int i = 0; i < PIECES + 1; i++) {
        peer.piece(request.get(), output(0));
      }
      await(() -> !session.isOpen());
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < PIECES + 1; i++) {
                  call.next(in());
                }
              })
          .isInstanceOf(GuestException.Unreachable.class)
          .hasMessageContaining("more of an answer than was asked for");
    }
  }

  private static Limit in() {
    return Time.MACHINE.in(LIMIT);
  }

  private static Answer.Builder output(int i) {
    return Answer.newBuilder()
        .setOutput(Output.newBuilder().setOut(ByteString.copyFrom(new byte[] {(byte) i})));
  }

  @Test
  void givenALongListThenNoMoreOfItIsSentThanTheProgramTakes() throws Exception {
    AtomicInteger came = new AtomicInteger();
    AtomicInteger granted = new AtomicInteger(2);
    AtomicInteger tooFast = new AtomicInteger();
    java.util.concurrent.atomic.AtomicReference<ToGuest> request =
        new java.util.concurrent.atomic.AtomicReference<>();
    peer.behaviour =
        message -> {
          if (asks(message)) {
            request.set(message);
          } else if (message.hasBody()) {
            if (came.incrementAndGet() > granted.get()) {
              tooFast.incrementAndGet();
            }
            if (message.getBody().getLast()) {
              peer.last(request.get(), fact("os"));
            } else if (came.get() == granted.get()) {
              granted.addAndGet(3);
              peer.say(
                  request.get(),
                  FromGuest.newBuilder()
                      .setCredit(
                          Credit.newBuilder()
                              .setId(request.get().getRequest().getId())
                              .setPieces(3)));
            }
          }
          return asks(message);
        };
    List<Body.Builder> body =
        IntStream.range(0, 20)
            .mapToObj(i -> Body.newBuilder().setContent(ByteString.copyFrom(new byte[1000])))
            .toList();
    Answer answer =
        program.ask(Request.newBuilder().setFacts(Facts.getDefaultInstance()), "it", body, in());
    assertThat(answer.getFacts().getFactsCount()).isOne();
    assertThat(came).hasValue(20);
    assertThat(tooFast).hasValue(0);
  }

  @Test
  void givenRequestsInFlightThenEachGetsItsOwnAnswerInWhateverOrder() throws Exception {
    java.util.Deque<ToGuest> held = new java.util.concurrent.ConcurrentLinkedDeque<>();
    peer.behaviour =
        message -> {
          if (asks(message)) {
            held.push(message);
            if (held.size() == 3) {
              for (ToGuest one : held) {
                peer.last(one, fact("" + one.getRequest().getId()));
              }
            }
          }
          return asks(message);
        };
    Session session = program.session(in());
    Request.Builder request = Request.newBuilder().setFacts(Facts.getDefaultInstance());
    try (Call a = session.ask(request, "a", List.of(), in());
        Call b = session.ask(request, "b", List.of(), in());
        Call c = session.ask(request, "c", List.of(), in())) {
      assertThat(List.of(a.only(in()), b.only(in()), c.only(in())))
          .allSatisfy(
              answer ->
                  assertThat(answer.getFacts().getFacts(0).getName())
                      .isEqualTo("" + answer.getId()));
    }
    assertThat(held).hasSize(3);
  }

  @Test
  void givenPushesThenEachIsHeardAndTheProgramMaySendAnother() throws Exception {
    ToGuest hello = awaitHello();
    for (int i = 0; i < 10; i++) {
      peer.say(
          hello,
          FromGuest.newBuilder()
              .setPush(Push.newBuilder().setHealth(Health.newBuilder().setCpuMillis(i))));
    }
    await(() -> pushes.size() == 10);
    await(() -> peer.count(m -> m.hasCredit() && m.getCredit().getId() == 0) == 10);
    peer.say(
        hello.toBuilder().setSession(hello.getSession() + 1).build(),
        FromGuest.newBuilder().setPush(Push.getDefaultInstance()));
    Session session = link.session(in());
    assertThat(session.isOpen()).isTrue();
    assertThat(pushes).as("those of no session are nobody's").hasSize(10);
  }

  private ToGuest awaitHello() throws GuestException {
    link.session(in());
    return peer.received.stream()
        .filter(ToGuest::hasHello)
        .reduce((earlier, later) -> later)
        .orElseThrow();
  }

  @Test
  void givenAProgramThatSaysNothingAnyMoreThenItIsSilentAndItsConnectionEnds() throws Exception {
    assertThat(link.presence().state()).isIn(Guest.State.STARTING, Guest.State.ANSWERING);
    link.session(in());
    assertThat(link.presence().state()).isEqualTo(Guest.State.ANSWERING);
    peer.behaviour = message -> true;
    await(() -> link.presence().state() == Guest.State.SILENT);
    Session session = link.session(in());
    await(
        () -> {
          assertThat(link.presence().state()).as("QEMU lives").isEqualTo(Guest.State.SILENT);
          return !session.isOpen();
        });
    assertThat(session.lost()).contains("nothing was heard");
    long hellos = peer.count(ToGuest::hasHello);
    await(
        () -> {
          assertThat(link.presence().state()).as("QEMU lives").isEqualTo(Guest.State.SILENT);
          return peer.count(ToGuest::hasHello) > hellos; // connected again
        });
    peer.close();
    await(() -> link.presence().state() == Guest.State.GONE);
    assertThat(link.presence().age()).isPositive();
  }

  @Test
  void givenAnotherBootThenTheNextSessionKnowsIt() throws Exception {
    assertThat(program.bootId(in())).isEqualTo("boot-1");
    peer.bootId = "boot-2";
    peer.hangUp();
    await(() -> bootIs("boot-2"));
  }

  @Test
  void givenAGuestThatBootedWhileItWasAskedThenTheNextSignOfLifeEndsTheSession() throws Exception {
    peer.behaviour =
        message -> {
          if (message.hasPing()) {
            peer.refuse(message, 0, Reason.REASON_NOT_IN_SESSION);
          }
          return message.hasPing() || asks(message);
        };
    assertThatThrownBy(() -> ask(LIMIT))
        .isInstanceOf(GuestException.Unreachable.class)
        .hasMessageContaining("because REASON_NOT_IN_SESSION");
  }

  private boolean bootIs(String wanted) {
    try {
      return program.bootId(in()).equals(wanted);
    } catch (GuestException e) {
      return false;
    }
  }
}
