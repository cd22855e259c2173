package io.virtquorum.simulate;

import io.virtquorum.agent.GuestAgent.Result;
import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.Guest.State;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The guest agent of a simulated guest, and the way to it: what is asked of it is executed though
 * nobody waits any more, late, or never. For one thread; asking takes simulated time.
 */
final class SimulatedAgent {
  /** The agent is called silent after this long without an answer, as AgentTiming says. */
  private static final long SILENT_AFTER = 5 * Timeline.SECOND;

  private final SimulatedGuest guest;
  private final Timeline timeline;
  private final List<Call> calls = new ArrayList<>();
  private long deafUntil;
  private long answersLateUntil;
  private long answersLateBy;
  private boolean answered;
  private long lastAnswer;

  /** Something that was asked of it. */
  static final class Call {
    private final Timeline.Task waiter;
    private final long end;
    private boolean timed;
    private boolean over;
    private Result result;
    private GuestException fault;

    private Call(Timeline.Task waiter, long end) {
      this.waiter = waiter;
      this.end = end;
    }
  }

  /** What is done in the guest; ends with an answer, now or later. */
  interface Action {
    void execute(Call call);
  }

  SimulatedAgent(SimulatedGuest guest) {
    this.guest = guest;
    this.timeline = guest.timeline;
  }

  // What happens to it.

  /** Takes in nothing for a while; what is asked then is executed late. */
  void deafen(long nanos) {
    presence();
    deafUntil = Math.max(deafUntil, timeline.now() + nanos);
  }

  /** Its answers are late for a while. */
  void answerLate(long by, long nanos) {
    answersLateBy = by;
    answersLateUntil = timeline.now() + nanos;
  }

  /** It hears again. */
  void hear() {
    deafUntil = 0;
  }

  void heal() {
    deafUntil = 0;
    answersLateUntil = 0;
  }

  /** True if it hears, and answers at once. */
  boolean isWell() {
    return timeline.now() >= deafUntil && timeline.now() >= answersLateUntil;
  }

  /** Somebody new begins to know it. */
  void unmet() {
    answered = false;
    lastAnswer = timeline.now();
  }

  /** Nobody will answer what was asked until now. */
  void fail(Supplier<GuestException> fault) {
    for (Call call : List.copyOf(calls)) {
      end(call, null, fault.get());
    }
  }

  // What it does.

  Result ask(Duration deadline, Action action) throws GuestException {
    if (!guest.exists()) {
      timeline.sleep(5 * Timeline.MILLISECOND);
      throw new GuestException.Unreachable("QEMU is gone", null);
    }
    Call call = new Call(timeline.current(), timeline.now() + deadline.toNanos());
    calls.add(call);
    long travel = guest.slowed((1 + guest.random.nextInt(6)) * Timeline.MILLISECOND);
    arrive(call, guest.boots(), action, timeline.now() + travel);
    while (!call.over) {
      if (timeline.now() >= call.end) {
        calls.remove(call);
        throw new GuestException.TimedOut("The guest agent did not answer in time");
      }
      call.waiter.await(Long.MAX_VALUE);
    }
    if (call.fault != null) {
      throw call.fault;
    }
    answered = true;
    lastAnswer = timeline.now();
    return call.result;
  }

  private void arrive(Call call, int boot, Action action, long at) {
    timeline.at(
        at,
        () -> {
          if (boot != guest.boots() || !guest.isRunning()) {
            mayBeLate(call); // it is waited for in vain
            return;
          }
          long ready = Math.max(deafUntil, guest.pausedUntil());
          if (timeline.now() < ready) {
            mayBeLate(call);
            arrive(call, boot, action, ready);
          } else {
            action.execute(call);
          }
        });
  }

  void answer(Call call, Result result) {
    if (timeline.now() < answersLateUntil && guest.random.nextInt(3) == 0) {
      mayBeLate(call);
      timeline.after(answersLateBy, () -> end(call, result, null));
    } else {
      end(call, result, null);
    }
  }

  /** Almost every answer comes: only where it may not, a timer is set. */
  void mayBeLate(Call call) {
    if (!call.timed && !call.over) {
      call.timed = true;
      timeline.at(call.end, call.waiter::wake);
    }
  }

  private void end(Call call, Result result, GuestException fault) {
    if (!call.over) {
      call.over = true;
      call.result = result;
      call.fault = fault;
      calls.remove(call);
      call.waiter.wake();
    }
  }

  Presence presence() {
    if (!guest.exists()) {
      return new Presence(State.GONE, age());
    }
    long now = timeline.now();
    boolean responds = guest.isRunning() && now >= deafUntil && now >= guest.pausedUntil();
    if (responds && answered) {
      lastAnswer = now;
      return new Presence(State.ANSWERING, Duration.ZERO);
    }
    long age = now - lastAnswer;
    return new Presence(
        !answered ? State.STARTING : age > SILENT_AFTER ? State.SILENT : State.ANSWERING, age());
  }

  private Duration age() {
    return Duration.ofNanos(timeline.now() - lastAnswer);
  }
}
