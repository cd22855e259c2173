package io.virtquorum.simulate;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/** A request to the program of a simulated guest, on both of its sides. For one thread. */
final class SimulatedCall implements Call {
  private static final long PATIENCE = 5 * Timeline.SECOND;
  private static final long LISTENING = 30 * Timeline.SECOND;

  final Request request;
  final List<Body.Builder> body;
  final long asked;
  final SimulatedPort.One session;
  private final SimulatedGuest guest;
  private final Timeline timeline;
  private final String what;
  private final Queue<Answer> pieces = new ArrayDeque<>();
  private Timeline.Task waiter;
  private Limit waitsFor;
  private RefusedException refused;
  private String lost = "";
  private boolean ended;
  private boolean late;

  // As the program has it.
  private long deadline = Long.MAX_VALUE;
  private Reason stopped;
  private Runnable onStop;

  SimulatedCall(
      SimulatedGuest guest,
      SimulatedPort.One session,
      Request request,
      String what,
      List<Body.Builder> body) {
    this.guest = guest;
    this.timeline = guest.timeline;
    this.session = session;
    this.request = request;
    this.what = what;
    this.body = List.copyOf(body);
    this.asked = timeline.now();
  }

  // The sidecar's side.

  void send(Limit limit) {
    long takes = limit.leftNanos();
    guest.program.arrive(
        guest.travel(),
        this::mayBeLate,
        () -> {
          deadline = timeline.now() + takes;
          guest.program.take(this);
        });
  }

  @Override
  public Answer next(Limit limit) throws GuestException, RefusedException {
    while (true) {
      if (!pieces.isEmpty()) {
        return pieces.remove();
      }
      if (refused != null) {
        throw refused;
      }
      if (!lost.isEmpty()) {
        throw new GuestException.Unreachable(
            "The guest program was lost before " + what + " ended: " + lost, null);
      }
      if (limit.isOver()) {
        close();
        throw new GuestException.TimedOut("The guest program did not end " + what + " in time");
      }
      waitsFor = limit;
      await();
      waitsFor = null;
      session.listenOn();
    }
  }

  private void await() {
    waiter = timeline.current();
    if (late) {
      wakeLater(Math.min(waitsFor.leftNanos(), LISTENING));
    }
    waiter.await(Long.MAX_VALUE);
    waiter = null;
  }

  private void wakeLater(long nanos) {
    timeline.after(Math.max(nanos, 0), this::wake);
  }

  private void wake() {
    if (waiter != null) {
      waiter.wake();
    }
  }

  /** Almost every answer comes: only where it may not, timers are set. */
  void mayBeLate() {
    if (!late) {
      late = true;
      if (waiter != null && waitsFor != null) {
        wakeLater(Math.min(waitsFor.leftNanos(), LISTENING));
      }
    }
  }

  @Override
  public void close() {
    if (!isOver()) {
      guest.program.arrive(guest.travel(), () -> guest.program.stop(this, Reason.REASON_CANCELLED));
      long until = timeline.now() + PATIENCE;
      timeline.at(until, this::wake);
      while (!isOver() && timeline.now() < until) {
        waiter = timeline.current();
        waiter.await(Long.MAX_VALUE);
        waiter = null;
      }
    }
    session.over(this);
    if (!isOver()) {
      session.abandon(what + " did not end when it was cancelled");
    }
  }

  @Override
  public boolean isOver() {
    return ended || !lost.isEmpty();
  }

  void lost(String why) {
    if (!isOver()) {
      lost = why;
      wake();
    }
  }

  // The program's side.

  /** A piece of the answer that is not the last one. */
  void piece(Answer.Builder answer) {
    pieces.add(answer.build());
    wake();
  }

  /** What it ends with comes to who asked. */
  void ends(Answer last, RefusedException refusal) {
    if (!isOver()) {
      ended = true;
      refused = refusal;
      if (last != null) {
        pieces.add(last);
      }
      if (refusal != null && refusal.reason() == Reason.REASON_NOT_IN_SESSION) {
        session.abandon(refusal.getMessage()); // its lease ran out
      }
      wake();
    }
  }

  /** It is to end; what goes on by itself ends at once. */
  void stop(Reason reason) {
    if (stopped == null) {
      stopped = reason;
      if (onStop != null) {
        onStop.run();
      }
    }
  }

  /** It goes on by itself until it is stopped, or its time is over. */
  void goesOn(Runnable end) {
    onStop = end;
    timeline.at(deadline, () -> guest.program.stop(this, Reason.REASON_EXPIRED));
  }

  /** Why it is to end. */
  RefusedException end() {
    return new RefusedException(
        stopped == null ? Reason.REASON_EXPIRED : stopped, "", "it was ended");
  }

  /** Between two steps: ends what is to end. */
  void checkOn() throws RefusedException {
    if (stopped != null || timeline.now() >= deadline) {
      throw end();
    }
  }
}
