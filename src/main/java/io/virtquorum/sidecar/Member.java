package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Hello;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member of an HACluster, as its adjudicator sees it: beats, looks at the state and votes when
 * it changed, and obeys one order after another. All work in the guest is done by one thread; beats
 * and messages do not wait for it.
 */
final class Member implements Link.Listener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Member.class);
  private static final Duration AFTER_FAILURE = Duration.ofSeconds(1);
  private final Guest guest;
  private final Orders orders;
  private final Function<Configure, MemberWork> works;
  private final Link link;
  private final Semaphore news = new Semaphore(0);
  private final Thread thread;
  private volatile Configure wanted;
  private volatile boolean ballotDue;
  private volatile boolean closed;

  // Of the working thread alone.
  private Optional<MemberWork> work = Optional.empty();
  private Configure working;
  private BallotContent sent;
  private long ballots;
  private long quickDue = System.nanoTime();
  private long auditDue = System.nanoTime();
  private boolean unreachable;

  /**
   * Begins at once.
   *
   * @param guest stays the caller's to close, after this
   * @param works makes the work of a configuration; an {@link IllegalArgumentException} says in a
   *     sentence what is wrong with it
   * @param dial makes the link from what this member says and hears
   */
  Member(
      Identity identity,
      String cluster,
      String version,
      Guest guest,
      Orders orders,
      Function<Configure, MemberWork> works,
      Dial dial) {
    this.guest = guest;
    this.orders = orders;
    this.works = works;
    this.link =
        dial.dial(
            () ->
                Hello.newBuilder()
                    .setNamespace(identity.namespace())
                    .setCluster(cluster)
                    .setMember(identity.name())
                    .setVmiUid(identity.uid())
                    .setTermSeen(orders.term())
                    .setVersion(version)
                    .build(),
            this::beat,
            this);
    thread = Thread.ofVirtual().name("member").start(this::keep);
  }

  /** Makes a link. */
  interface Dial {
    Link dial(
        java.util.function.Supplier<Hello> hello,
        java.util.function.LongFunction<Beat> beat,
        Link.Listener listener);
  }

  @Override
  public void attached() {
    ballotDue = true;
    news.release();
  }

  @Override
  public void configured(Configure configure) {
    if (!orders.obeys(configure.getTerm())) {
      log.atWarn()
          .addKeyValue("term", configure.getTerm())
          .addKeyValue("newest", orders.term())
          .log("An older leader's configuration is not obeyed");
      return;
    }
    if (configure.getBeatMillis() > 0) {
      link.beatEvery(Duration.ofMillis(configure.getBeatMillis()));
    }
    wanted = configure;
    news.release();
  }

  @Override
  public void ordered(Command command) {
    orders.take(command, System.nanoTime()).ifPresentOrElse(link::send, news::release);
  }

  /** Ends the link and the work, within seconds. */
  @Override
  public void close() {
    closed = true;
    link.close();
    thread.interrupt();
    try {
      thread.join(Duration.ofSeconds(8));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Beat beat(long number) {
    Guest.Presence presence = guest.presence();
    return Beat.newBuilder()
        .setNumber(number)
        .setGuest(
            switch (presence.state()) {
              case STARTING -> GuestState.GUEST_STATE_STARTING;
              case ANSWERING -> GuestState.GUEST_STATE_ANSWERING;
              case SILENT -> GuestState.GUEST_STATE_SILENT;
              case GONE -> GuestState.GUEST_STATE_GONE;
            })
        .setAgentAgeMillis((int) Math.min(presence.age().toMillis(), Integer.MAX_VALUE))
        .build();
  }

  private void keep() {
    try {
      while (!closed) {
        configure();
        Optional<Orders.Order> order = orders.next();
        if (order.isPresent()) {
          obey(order.get());
        } else {
          lookIfDue();
        }
        if (order.isEmpty()) {
          news.tryAcquire(Math.max(0, quickDue - System.nanoTime()), TimeUnit.NANOSECONDS);
          news.drainPermits();
        }
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      work.ifPresent(MemberWork::close);
    }
  }

  private void configure() {
    Configure configure = wanted;
    if (configure == null || configure.toBuilder().clearTerm().build().equals(working)) {
      return;
    }
    work.ifPresent(MemberWork::close);
    work = Optional.empty();
    working = configure.toBuilder().clearTerm().build();
    sent = null;
    try {
      work = Optional.of(works.apply(configure));
      quickDue = System.nanoTime();
      auditDue = quickDue; // what the cache hid while nobody looked
    } catch (IllegalArgumentException e) {
      log.atError().setCause(e).log("This member cannot work as it is configured");
    }
  }

  private void lookIfDue() {
    if (work.isEmpty()) {
      quickDue = System.nanoTime() + AFTER_FAILURE.toNanos();
      return;
    }
    long now = System.nanoTime();
    boolean audit = now - auditDue >= 0;
    if (audit || ballotDue || now - quickDue >= 0) {
      look(audit);
    }
  }

  /** Looks, and votes if there is something new to say. True if it could look. */
  private boolean look(boolean audit) {
    Duration pause = millis(working.getQuickMillis(), Duration.ofSeconds(2));
    try {
      boolean due = ballotDue;
      ballotDue = false; // an attach during the look asks for another one
      BallotContent ballot;
      try {
        ballot = work.orElseThrow().look(audit);
      } catch (GuestException e) {
        ballotDue |= due;
        throw e;
      }
      if (audit) {
        auditDue =
            System.nanoTime() + millis(working.getAuditMillis(), Duration.ofMinutes(10)).toNanos();
      }
      if (audit || due || !ballot.equals(sent)) {
        vote(ballot);
      }
      if (unreachable) {
        unreachable = false;
        log.atInfo().log("The guest answers again");
      }
      return true;
    } catch (GuestException e) {
      pause = pause.compareTo(AFTER_FAILURE) < 0 ? AFTER_FAILURE : pause;
      if (!unreachable && !closed) {
        unreachable = true;
        log.atWarn().addKeyValue("why", e.getMessage()).log("The state cannot be looked at");
      }
      return false;
    } finally {
      quickDue = System.nanoTime() + pause.toNanos();
    }
  }

  private void vote(BallotContent ballot) {
    link.send(WireMapping.write(ballot).toBuilder().setNumber(++ballots).build());
    sent = quiet(ballot);
  }

  /** A quick pass that finds the same as an audit is no news. */
  private static BallotContent quiet(BallotContent ballot) {
    return new BallotContent(
        ballot.number(),
        ballot.bootId(),
        ballot.root(),
        ballot.rows(),
        ballot.memory(),
        ballot.changes(),
        ballot.changesTotal(),
        ballot.sessions(),
        ballot.usersSinceHeld(),
        false,
        ballot.trouble());
  }

  private void obey(Orders.Order order) {
    Command command = order.command();
    String id = command.getId();
    long start = System.nanoTime();
    FromMember answer =
        orders.refusal(order, start).orElseGet(() -> run(command, order.left(start)));
    orders.answered(id, answer);
    link.send(answer);
    var line =
        log.atInfo()
            .addKeyValue("order", id)
            .addKeyValue("what", command.getOrderCase())
            .addKeyValue("term", command.getTerm())
            .addKeyValue("millis", (System.nanoTime() - start) / 1_000_000);
    if (answer.hasProgress()) {
      line.addKeyValue("outcome", answer.getProgress().getOutcome())
          .addKeyValue("reason", answer.getProgress().getReason())
          .log("Order ended: {}", answer.getProgress().getMessage());
    } else {
      line.log("Serving a sample");
    }
    ballotDue = true; // whatever it did, the adjudicator decides on what is there now
  }

  private FromMember run(Command command, Duration left) {
    String id = command.getId();
    if (work.isEmpty()) {
      return Answers.refused(id, "NotConfigured", "This sidecar has no usable configuration");
    }
    try {
      if (command.hasAudit()) {
        return look(true)
            ? Answers.message(Answers.done(id))
            : Answers.failed(id, "GuestUnreachable", "The guest did not answer the audit");
      }
      return work.get().run(command, left);
    } catch (GuestException e) {
      return Answers.failed(id, "GuestUnreachable", e.getMessage());
    } catch (RuntimeException e) {
      log.atError().setCause(e).addKeyValue("order", id).log("An order failed unexpectedly");
      return Answers.failed(id, "SidecarFailed", "The sidecar failed; its log says how: " + e);
    }
  }

  private static Duration millis(int millis, Duration otherwise) {
    return millis > 0 ? Duration.ofMillis(millis) : otherwise;
  }
}
