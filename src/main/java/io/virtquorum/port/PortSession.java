package io.virtquorum.port;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.FromGuest;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.ToGuest;
import io.virtquorum.guest.wire.v1.Welcome;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What one Hello began: it belongs to a boot of the guest and to a term. Safe for use by many
 * threads.
 */
final class PortSession implements Session {
  /** Never more in flight, whatever the program says. */
  private static final int MOST_REQUESTS = 64;

  private final long id;
  private final long term;
  private final Connection connection;
  private final LinkTiming timing;
  private final Runnable over;
  private final ReentrantLock order = new ReentrantLock(); // of the ids on the wire
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, PortCall> calls = new HashMap<>();
  private final Semaphore room = new Semaphore(0);
  private volatile Welcome welcome;
  private volatile String lost = "";
  private long lastRequest;

  /**
   * @param id drawn at random, not 0
   * @param over is told when it is lost
   */
  PortSession(long id, long term, Connection connection, LinkTiming timing, Runnable over) {
    this.id = id;
    this.term = term;
    this.connection = connection;
    this.timing = timing;
    this.over = over;
  }

  long id() {
    return id;
  }

  long term() {
    return term;
  }

  @Override
  public boolean isOpen() {
    return welcome != null && lost.isEmpty() && connection.over().isEmpty();
  }

  @Override
  public String lost() {
    return lost.isEmpty() ? connection.over() : lost;
  }

  @Override
  public Welcome welcome() {
    return welcome;
  }

  Duration patience() {
    return timing.patience();
  }

  void welcomed(Welcome said) {
    if (welcome == null) {
      welcome = said;
      room.release(Math.clamp(said.getRequests(), 1, MOST_REQUESTS));
    }
  }

  @Override
  public Call ask(Request.Builder request, String what, List<Body.Builder> body, Limit limit)
      throws GuestException {
    try {
      if (!room.tryAcquire(limit.leftNanos(), TimeUnit.NANOSECONDS)) {
        throw new GuestException.TimedOut("Too much is asked of the guest program at a time");
      }
      order.lockInterruptibly(); // the program takes them in the order of their ids
      try {
        Iterator<Body.Builder> pieces = body.iterator();
        PortCall call = new PortCall(this, ++lastRequest, what, pieces);
        request
            .setId(lastRequest)
            .setTerm(term)
            .setCredit(PortCall.PIECES)
            .setBodyFollows(pieces.hasNext())
            .setDeadlineMillis((int) Math.clamp(limit.left().toMillis(), 1, 86_400_000));
        keep(lastRequest, call);
        if (!lost.isEmpty() || !send(ToGuest.newBuilder().setRequest(request))) {
          call.lost(lost.isEmpty() ? connection.over() : lost);
        }
        return call;
      } finally {
        order.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.Unreachable("The sidecar ends before " + what, e);
    }
  }

  boolean send(ToGuest.Builder message) throws InterruptedException {
    return connection.send(message.setSession(id).build());
  }

  void trySend(ToGuest.Builder message) {
    connection.trySend(message.setSession(id).build());
  }

  /** Takes a message of this session that is about a request. */
  void received(FromGuest message) {
    switch (message.getMessageCase()) {
      case ANSWER -> {
        PortCall call = call(message.getAnswer().getId());
        if (call != null && !call.answered(message.getAnswer())) {
          connection.end("the guest program sent more of an answer than was asked for");
        }
      }
      case REFUSAL -> {
        PortCall call = call(message.getRefusal().getId());
        if (call != null) {
          call.refused(message.getRefusal());
        }
      }
      case PROGRESS -> {
        PortCall call = call(message.getProgress().getId());
        if (call != null) {
          call.progress(message.getProgress());
        }
      }
      case CREDIT -> {
        PortCall call = call(message.getCredit().getId());
        if (call != null) {
          call.credited(message.getCredit().getPieces());
        }
      }
      case WELCOME, PONG, PUSH, BUSY, MESSAGE_NOT_SET -> {}
    }
  }

  /** The request is over for this side; an answer that still comes is of nobody. */
  void forget(long request) {
    lock.lock();
    try {
      if (calls.remove(request) != null) {
        room.release();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void abandon(String why) {
    lose(why);
    over.run();
  }

  /** Tells all that wait in it that it is lost. */
  void lose(String why) {
    List<PortCall> left;
    lock.lock();
    try {
      if (lost.isEmpty()) {
        lost = why;
      }
      left = List.copyOf(calls.values());
    } finally {
      lock.unlock();
    }
    left.forEach(call -> call.lost(why));
  }

  private void keep(long request, PortCall call) {
    lock.lock();
    try {
      calls.put(request, call);
    } finally {
      lock.unlock();
    }
  }

  private PortCall call(long request) {
    lock.lock();
    try {
      return calls.get(request);
    } finally {
      lock.unlock();
    }
  }
}
