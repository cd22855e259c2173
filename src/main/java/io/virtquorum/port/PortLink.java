package io.virtquorum.port;

import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.Guest.State;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Credit;
import io.virtquorum.guest.wire.v1.FromGuest;
import io.virtquorum.guest.wire.v1.Hello;
import io.virtquorum.guest.wire.v1.Ping;
import io.virtquorum.guest.wire.v1.Push;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.ToGuest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to the guest program: keeps a connection to the port's socket and a session in it, again
 * and again, until it is closed. Safe for use by many threads.
 */
public final class PortLink implements Sessions {
  private static final Logger log = LoggerFactory.getLogger(PortLink.class);
  private static final int PUSHES = 4;
  private static final int PROTOCOL = 1;

  private final Path socket;
  private final LinkTiming timing;
  private final LongSupplier term;
  private final String version;
  private final RandomGenerator random;
  private final Consumer<Push> pushes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition news = lock.newCondition();
  private final Thread keeper;

  private PortSession session; // may not be welcomed yet
  private Connection connection;
  private boolean closed;
  private String why = "nothing is connected yet";
  private boolean refused; // the newest Hello was, and why says so
  private long refusedTerm;
  private volatile boolean connected;
  private volatile boolean heardEver;
  private volatile boolean connectedEver;
  private volatile boolean gone; // QEMU ended the connection, or listens no more
  private volatile long heard;
  private long refusedUntil;
  private long pings;

  /**
   * Begins at once, with the usual times.
   *
   * @param socket of the port, that QEMU listens on
   * @param term of the adjudicator that the sidecar obeys; asked for each session
   * @param version of the sidecar
   * @param random draws the sessions' numbers
   * @param pushes hears what the program sees by itself, each the whole of its kind, in the thread
   *     that reads the port: must not wait
   */
  public PortLink(
      Path socket,
      LongSupplier term,
      String version,
      RandomGenerator random,
      Consumer<Push> pushes) {
    this(socket, term, version, LinkTiming.usual(), random, pushes);
  }

  /**
   * Begins at once.
   *
   * @param socket of the port, that QEMU listens on
   * @param term of the adjudicator that the sidecar obeys; asked for each session
   * @param version of the sidecar
   * @param random draws the sessions' numbers
   * @param pushes hears what the program sees by itself, each the whole of its kind, in the thread
   *     that reads the port: must not wait
   */
  public PortLink(
      Path socket,
      LongSupplier term,
      String version,
      LinkTiming timing,
      RandomGenerator random,
      Consumer<Push> pushes) {
    this.socket = socket;
    this.term = term;
    this.version = version;
    this.timing = timing;
    this.random = random;
    this.pushes = pushes;
    this.heard = System.nanoTime();
    this.refusedUntil = heard;
    this.keeper = Thread.ofVirtual().name("guest-link").start(this::keep);
  }

  @Override
  public PortSession session(Limit limit) throws GuestException {
    try {
      lock.lockInterruptibly();
      try {
        if (session != null && session.isOpen() && session.term() < term.getAsLong()) {
          session.abandon("a newer term needs a session of its own");
        }
        while (session == null || !session.isOpen()) {
          if (closed) {
            throw new GuestException.Unreachable("The way to the guest is closed", null);
          }
          if (refused && refusedTerm == term.getAsLong()) {
            throw new GuestException.Refused("The guest program refuses this sidecar: " + why);
          }
          if (news.awaitNanos(limit.leftNanos()) <= 0 && limit.isOver()) {
            throw new GuestException.Unreachable(
                "The guest program does not answer: " + whyNone(), null);
          }
        }
        return session;
      } finally {
        lock.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.Unreachable("The sidecar ends", e);
    }
  }

  @Override
  public Presence presence() {
    Duration age = Duration.ofNanos(Math.max(0, System.nanoTime() - heard));
    State state;
    if (gone) {
      state = State.GONE;
    } else if (!heardEver) {
      state = State.STARTING;
    } else {
      state = age.compareTo(timing.silent()) < 0 ? State.ANSWERING : State.SILENT;
    }
    return new Presence(state, age);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      if (connection != null) {
        connection.end("closed by this side");
      }
      news.signalAll();
    } finally {
      lock.unlock();
    }
    keeper.interrupt();
    try {
      keeper.join(timing.patience().multipliedBy(3));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void keep() {
    Duration pause = timing.pause();
    try {
      while (!isClosed()) {
        boolean talked = false;
        try (Connection now = Connection.open(socket, timing, this::received, this::signal)) {
          talked = talk(now);
          gone = now.isCut(); // one that this side ended says nothing of QEMU
        } catch (IOException e) {
          gone = connectedEver && !(e instanceof Connection.BusyException);
          because("its socket cannot be connected to: " + e.getMessage());
        } finally {
          connected = false;
        }
        pause = talked ? timing.pause() : pause.multipliedBy(2);
        pause = pause.compareTo(timing.longestPause()) > 0 ? timing.longestPause() : pause;
        Thread.sleep(pause);
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** Until the connection is over; true if something was heard. */
  private boolean talk(Connection now) throws InterruptedException {
    long began = System.nanoTime();
    long before = heard;
    connected = true;
    connectedEver = true;
    gone = false;
    lock.lock();
    try {
      connection = now;
      now.start();
      while (now.over().isEmpty() && !closed) {
        Duration rest = say(now, began);
        news.awaitNanos(rest.toNanos());
      }
      if (session != null) {
        session.lose(now.over());
        session = null;
      }
      connection = null;
      why = now.over();
      refused = false;
    } finally {
      lock.unlock();
    }
    if (now.dropped() > 0) {
      log.atInfo().addKeyValue("bytes", now.dropped()).log("Bytes from the guest were no frames");
    }
    return heard != before;
  }

  /** What is to be said now: a Hello or a sign of life. The lock is held. Returns when to again. */
  private Duration say(Connection now, long began) throws InterruptedException {
    long quiet = System.nanoTime() - (heard - began > 0 ? heard : began);
    if (now.isStuck()) {
      now.end("the guest's side of the port reads nothing");
      return Duration.ZERO;
    }
    if (session != null && session.isOpen()) {
      if (quiet > timing.over().toNanos()) {
        now.end("nothing was heard from the guest program for " + timing.over());
        return Duration.ZERO;
      }
      session.trySend(ToGuest.newBuilder().setPing(Ping.newBuilder().setNumber(++pings)));
      return timing.ping();
    }
    long wait = refusedUntil - System.nanoTime();
    if (wait > 0) {
      return Duration.ofNanos(wait);
    }
    long obeyed = term.getAsLong();
    if (session == null || !session.lost().isEmpty() || session.term() != obeyed) {
      session =
          new PortSession(random.nextLong(1, Long.MAX_VALUE), obeyed, now, timing, this::signal);
    }
    session.trySend(
        ToGuest.newBuilder()
            .setHello(
                Hello.newBuilder()
                    .setTerm(obeyed)
                    .setProtocol(PROTOCOL)
                    .setLeaseMillis((int) timing.lease().toMillis())
                    .setPushCredit(PUSHES)
                    .setSidecarVersion(version)));
    return timing.hello();
  }

  /** By the thread that reads. */
  private void received(FromGuest message) {
    PortSession now;
    lock.lock();
    try {
      now = session;
      if (now == null || message.getSession() != now.id() || !now.lost().isEmpty()) {
        return;
      }
      heard = System.nanoTime();
      heardEver = true;
      switch (message.getMessageCase()) {
        case WELCOME -> {
          now.welcomed(message.getWelcome());
          refused = false;
          news.signalAll();
        }
        case REFUSAL -> {
          if (message.getRefusal().getId() == 0 && !now.isOpen()) {
            why = message.getRefusal().getSentence();
            refused = true;
            refusedTerm = now.term();
            refusedUntil = heard + timing.longestPause().toNanos();
            now.lose(why);
            news.signalAll();
          }
        }
        case BUSY -> {
          why = "it still ends what was begun before: " + message.getBusy().getOperationsList();
          refused = false;
        }
        default -> {}
      }
    } finally {
      lock.unlock();
    }
    if (message.hasPush()) {
      now.trySend(ToGuest.newBuilder().setCredit(Credit.newBuilder().setId(0).setPieces(1)));
      pushes.accept(message.getPush());
      return;
    }
    now.received(message);
    if (message.getRefusal().getReason() == Reason.REASON_NOT_IN_SESSION) {
      now.abandon(message.getRefusal().getSentence()); // its lease ran out
    }
  }

  private String whyNone() {
    return connected && !heardEver ? "its port is open and nothing comes" : why;
  }

  private void because(String reason) {
    lock.lock();
    try {
      why = reason;
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private void signal() {
    lock.lock();
    try {
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
