package io.virtquorum.sidecar;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.shaded.io.netty.channel.EventLoop;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.Recall;
import io.virtquorum.wire.v1.Standing;
import io.virtquorum.wire.v1.ToMember;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one stream to the adjudicator, kept for as long as the sidecar lives: whatever ends it, it is
 * opened again after 0.1 to 2 s. Beats are made when they are sent and never queue. Sending is safe
 * from any thread and does not block.
 */
final class Link implements Uplink {
  private static final Logger log = LoggerFactory.getLogger(Link.class);
  private static final Duration BACK_OFF_MIN = Duration.ofMillis(100);
  private static final Duration BACK_OFF_MAX = Duration.ofSeconds(2);
  private final Dialer dialer;
  private final Supplier<Hello> hello;
  private final LongFunction<Beat> beat;
  private final Listener listener;
  private final Outbox outbox = new Outbox(this::wake);
  private final Thread thread;
  private volatile Duration every = Duration.ofMillis(100);
  private volatile boolean closed;
  private volatile Stream current;
  private long beats; // of the connections' thread
  private Duration backOff = BACK_OFF_MIN;
  private boolean told;
  private boolean failing;

  /** What comes from the adjudicator; called on the stream's own thread, so it must not block. */
  interface Listener {
    /** A stream was opened: Hello is sent before anything else, and nothing was heard yet. */
    void attached();

    /** The adjudicator says how to work. */
    void configured(Configure configure);

    /** The adjudicator orders something. */
    void ordered(Command command);

    /** The adjudicator does not wait for an order any more. */
    void recalled(Recall recall);

    /** The adjudicator says what the record says of this member. */
    void stands(Standing standing);
  }

  /**
   * Begins to dial at once.
   *
   * @param beat makes the beat of a number; must not block
   */
  Link(Dialer dialer, Supplier<Hello> hello, LongFunction<Beat> beat, Listener listener) {
    this.dialer = dialer;
    this.hello = hello;
    this.beat = beat;
    this.listener = listener;
    thread = Thread.ofVirtual().name("link").start(this::keep);
  }

  @Override
  public void beatEvery(Duration interval) {
    every = interval.compareTo(Duration.ofMillis(10)) < 0 ? Duration.ofMillis(10) : interval;
  }

  @Override
  public void send(Ballot ballot) {
    outbox.ballot(ballot);
  }

  @Override
  public void withdrawBallot() {
    outbox.withdrawBallot();
  }

  @Override
  public void send(Health health) {
    outbox.health(health);
  }

  @Override
  public void send(FromMember result) {
    outbox.result(result);
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(Duration.ofSeconds(1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void wake() {
    Stream stream = current;
    if (stream != null) {
      stream.wake();
    }
  }

  private void keep() {
    try {
      while (!closed) {
        String target = dialer.target();
        try {
          Optional<ManagedChannel> channel = dialer.dial();
          if (channel.isPresent()) {
            serve(channel.get(), target);
          } else {
            unreachable(target);
          }
        } catch (RuntimeException e) {
          failed(target, e); // an address that is none, say: the next may be one
        }
        long millis = backOff.toMillis();
        Thread.sleep(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2));
        backOff = Duration.ofMillis(Math.min(2 * millis, BACK_OFF_MAX.toMillis()));
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** One line when it goes and one when it comes back, not one for every attempt. */
  private void unreachable(String target) {
    if (!told) {
      told = true;
      log.atWarn()
          .addKeyValue("adjudicator", target)
          .log("The adjudicator does not answer; dialling on");
    }
  }

  private void failed(String target, RuntimeException e) {
    if (!failing && !closed) {
      failing = true;
      log.atError()
          .setCause(e)
          .addKeyValue("adjudicator", target)
          .log("Dialling failed unexpectedly; dialling on");
    }
  }

  private void serve(ManagedChannel channel, String target) throws InterruptedException {
    Stream stream = new Stream(target, dialer.loop());
    current = stream;
    try {
      AdjudicatorGrpc.newStub(channel).attach(stream);
      stream.greet();
      stream.ended.await();
    } finally {
      stream.end();
      channel.shutdownNow();
    }
    if (stream.failure != null) {
      throw stream.failure;
    }
    if (stream.heard) {
      backOff = BACK_OFF_MIN;
      told = false;
      failing = false;
    } else {
      dialer.skip();
    }
    if (!closed && !told) {
      told = true;
      log.atWarn()
          .addKeyValue("adjudicator", target)
          .addKeyValue("status", stream.status)
          .log("The stream to the adjudicator ended; dialling on");
    }
  }

  private void receive(ToMember message) {
    switch (message.getMessageCase()) {
      case CONFIGURE -> listener.configured(message.getConfigure());
      case COMMAND -> listener.ordered(message.getCommand());
      case RECALL -> listener.recalled(message.getRecall());
      case STANDING -> listener.stands(message.getStanding());
      case MESSAGE_NOT_SET ->
          log.atDebug().log("A newer adjudicator said what this one cannot read");
    }
  }

  /** Everything is sent by the thread of the connection, which so is the only one to wake up. */
  private final class Stream implements ClientResponseObserver<FromMember, ToMember> {
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicBoolean woken = new AtomicBoolean(true); // by greet
    private final String target;
    private final EventLoop loop;
    private ClientCallStreamObserver<FromMember> requests;
    private volatile boolean heard;
    private volatile Status status = Status.OK;
    private volatile RuntimeException failure;

    Stream(String target, EventLoop loop) {
      this.target = target;
      this.loop = loop;
    }

    /** Hello goes first; then beats, and whatever there is to say. */
    void greet() {
      run(
          () -> {
            listener.attached(); // before anything can be heard
            requests.onNext(FromMember.newBuilder().setHello(hello.get()).build());
            woken.set(false);
            beat();
          });
    }

    /** There is something to say. Any thread. */
    void wake() {
      if (!woken.getAndSet(true)) {
        run(
            () -> {
              woken.set(false);
              say(Optional.empty());
            });
      }
    }

    private void beat() {
      loop.schedule(() -> guarded(this::beat), every.toNanos(), TimeUnit.NANOSECONDS);
      // Made before what goes first: it must not tell of a look whose ballot comes after it.
      say(requests.isReady() ? Optional.of(beat.apply(++beats)) : Optional.empty());
    }

    private void say(Optional<Beat> last) {
      while (requests.isReady()) {
        Optional<FromMember> message = outbox.poll();
        if (message.isEmpty()) {
          break;
        }
        requests.onNext(message.get());
      }
      last.ifPresent(b -> requests.onNext(FromMember.newBuilder().setBeat(b).build()));
    }

    private void run(Runnable what) {
      try {
        loop.execute(() -> guarded(what));
      } catch (RejectedExecutionException e) {
        end(); // the sidecar ends
      }
    }

    private void guarded(Runnable what) {
      if (ended.getCount() == 0) {
        return;
      }
      try {
        what.run();
      } catch (IllegalStateException e) {
        // The stream ended a moment ago: its observer hears the reason.
        loop.schedule(this::end, 1, TimeUnit.SECONDS);
      } catch (RuntimeException e) {
        failure = e;
        end();
      }
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<FromMember> stream) {
      requests = stream;
      stream.setOnReadyHandler(this::wake);
    }

    @Override
    public void onNext(ToMember message) {
      if (!heard) {
        heard = true;
        log.atInfo().addKeyValue("adjudicator", target).log("Attached to the adjudicator");
      }
      receive(message);
    }

    @Override
    public void onError(Throwable error) {
      status = Status.fromThrowable(error);
      end();
    }

    @Override
    public void onCompleted() {
      end();
    }

    private void end() {
      ended.countDown();
    }
  }
}
