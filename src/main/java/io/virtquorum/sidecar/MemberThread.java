package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.wire.v1.Configure;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread that drives a {@link Member}: a round when something is due or there is news. */
final class MemberThread implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MemberThread.class);
  private final Semaphore news = new Semaphore(0);
  private final Member member;
  private final Thread thread;
  private volatile Thread worker;
  private volatile boolean closed;

  /**
   * Begins at once.
   *
   * @param guest stays the caller's to close, after this
   * @param works makes the work of a configuration; an {@link IllegalArgumentException} says in a
   *     sentence what is wrong with it
   * @param dial makes the link from what this member says and hears
   */
  MemberThread(
      Identity identity,
      String cluster,
      String version,
      Guest guest,
      Orders orders,
      Function<Configure, MemberWork> works,
      Member.Dial dial) {
    member =
        new Member(
            identity, cluster, version, guest, orders, works, dial, System::nanoTime, new Rounds());
    thread = Thread.ofVirtual().name("member").start(this::keep);
  }

  /** Ends the link and the work, within seconds. */
  @Override
  public void close() {
    closed = true;
    member.endLink();
    thread.interrupt();
    try {
      thread.join(Duration.ofSeconds(8));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Rounds implements Member.Driver {
    @Override
    public void news() {
      news.release();
    }

    @Override
    public void interrupt() {
      worker.interrupt(); // there is one: only what it does is ever interrupted
    }

    @Override
    public void goOn() {
      if (!closed) {
        Thread.interrupted();
      }
    }
  }

  private void keep() {
    worker = Thread.currentThread();
    try {
      while (!closed) {
        long pause = round();
        if (pause > 0) {
          news.tryAcquire(pause, TimeUnit.NANOSECONDS);
          news.drainPermits();
        }
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      member.close();
    }
  }

  /** A round. One that fails must not be the last: the beats would go on, and nobody notice. */
  private long round() {
    boolean failed = member.fails();
    try {
      long pause = member.round();
      if (failed && !member.fails()) {
        log.atInfo().log("The member works again");
      }
      return pause;
    } catch (RuntimeException e) {
      if (!failed && !closed) {
        log.atError().setCause(e).log("A member's round failed unexpectedly; trying again");
      }
      return Member.AFTER_FAILURE.toNanos();
    }
  }
}
