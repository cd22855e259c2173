package io.virtquorum.port;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Cancel;
import io.virtquorum.guest.wire.v1.Credit;
import io.virtquorum.guest.wire.v1.Progress;
import io.virtquorum.guest.wire.v1.Refusal;
import io.virtquorum.guest.wire.v1.ToGuest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A request in flight. It ends by the program's own word, or with its session: closing it cancels
 * it and waits for that. For one thread, but for what the session tells it.
 */
final class PortCall implements Call {
  /** Pieces of an answer that are taken before more are asked for. */
  static final int PIECES = 4;

  /** Pieces of a list that the program takes before it asks for more. */
  private static final int WINDOW = 2;

  private final PortSession session;
  private final long id;
  private final String what;
  private final Iterator<Body.Builder> body;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition news = lock.newCondition();
  private final Queue<Answer> pieces = new ArrayDeque<>();
  private int granted = PIECES;
  private int window = WINDOW;
  private boolean ended;
  private RefusedException refused;
  private String lost = "";
  private Progress progress = Progress.getDefaultInstance();

  /**
   * @param what is asked, for people
   */
  PortCall(PortSession session, long id, String what, Iterator<Body.Builder> body) {
    this.session = session;
    this.id = id;
    this.what = what;
    this.body = body;
  }

  PortCall(PortSession session, long id, String what) {
    this(session, id, what, Collections.emptyIterator());
  }

  @Override
  public Answer next(Limit limit) throws GuestException, RefusedException {
    try {
      while (true) {
        sendBody();
        Answer piece = null;
        lock.lockInterruptibly();
        try {
          while (pieces.isEmpty() && !isOver() && !(window > 0 && body.hasNext())) {
            if (news.awaitNanos(limit.leftNanos()) <= 0 && limit.isOver()) {
              throw new GuestException.TimedOut(late());
            }
          }
          if (!pieces.isEmpty()) {
            piece = pieces.remove();
            granted += piece.getLast() ? 0 : 1;
          } else if (isOver()) {
            throw end();
          }
        } finally {
          lock.unlock();
        }
        if (piece != null) {
          if (!piece.getLast()) {
            session.send(
                ToGuest.newBuilder().setCredit(Credit.newBuilder().setId(id).setPieces(1)));
          }
          return piece;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.Unreachable("The sidecar ends while it waits for " + what, e);
    } catch (GuestException.TimedOut e) {
      close();
      throw e;
    }
  }

  @Override
  public void close() {
    String why = "";
    lock.lock();
    try {
      if (!isOver()) {
        session.trySend(ToGuest.newBuilder().setCancel(Cancel.newBuilder().setId(id)));
        why = isEndedIn(session.patience()) ? "" : what + " did not end when it was cancelled";
      }
    } catch (InterruptedException e) {
      why = "the sidecar ends";
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
      session.forget(id);
    }
    if (!why.isEmpty()) {
      session.abandon(why);
    }
  }

  private boolean isEndedIn(Duration patience) throws InterruptedException {
    Limit limit = Time.MACHINE.in(patience);
    while (!isOver() && !limit.isOver()) {
      news.awaitNanos(limit.leftNanos());
    }
    return isOver();
  }

  /** False: more came than was asked for. By the session. */
  boolean answered(Answer piece) {
    lock.lock();
    try {
      if (ended) {
        return true;
      }
      if (!piece.getLast() && granted-- == 0) {
        return false;
      }
      pieces.add(piece);
      ended = piece.getLast();
      news.signalAll();
      return true;
    } finally {
      lock.unlock();
    }
  }

  void refused(Refusal refusal) {
    lock.lock();
    try {
      if (!ended) {
        refused = new RefusedException(refusal);
        ended = true;
        news.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  void credited(int more) {
    lock.lock();
    try {
      window = (int) Math.min(window + (more & 0xffff_ffffL), 1 << 20);
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void progress(Progress newest) {
    lock.lock();
    try {
      progress = newest;
    } finally {
      lock.unlock();
    }
  }

  void lost(String why) {
    lock.lock();
    try {
      if (!ended) {
        lost = why;
        news.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean isOver() {
    lock.lock();
    try {
      return ended || !lost.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  private GuestException end() throws RefusedException {
    if (refused != null) {
      throw refused;
    }
    String why = lost.isEmpty() ? "it had ended before" : lost;
    return new GuestException.Unreachable(
        "The guest program was lost before " + what + " ended: " + why, null);
  }

  private String late() {
    String at = progress.getWhat().isEmpty() ? "" : "; it was " + progress.getWhat();
    return "The guest program did not end " + what + " in time" + at;
  }

  private void sendBody() throws InterruptedException {
    while (takeWindow()) {
      Body.Builder piece = body.next();
      piece.setId(id).setLast(!body.hasNext());
      session.send(ToGuest.newBuilder().setBody(piece));
    }
  }

  private boolean takeWindow() {
    lock.lock();
    try {
      if (isOver() || window == 0 || !body.hasNext()) {
        return false;
      }
      window--;
      return true;
    } finally {
      lock.unlock();
    }
  }
}
