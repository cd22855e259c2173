package io.virtquorum.simulate;

import io.virtquorum.port.Time;
import java.time.Duration;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * Simulated time and who runs when. What is due at the same nanosecond runs in an order that the
 * seed decides. For one thread.
 */
final class Timeline {
  static final long MICROSECOND = 1_000L;
  static final long MILLISECOND = 1_000_000L;
  static final long SECOND = 1_000_000_000L;

  private record Due(long at, int salt, long order, Runnable action) implements Comparable<Due> {
    @Override
    public int compareTo(Due other) {
      int by = Long.compare(at, other.at);
      by = by != 0 ? by : Integer.compare(salt, other.salt);
      return by != 0 ? by : Long.compare(order, other.order);
    }
  }

  private final PriorityQueue<Due> due = new PriorityQueue<>();
  private final SplittableRandom random;
  private long now;
  private long count;
  private long trace = 0xcbf29ce484222325L;
  private Task current;

  Timeline(SplittableRandom random) {
    this.random = random;
  }

  /** Nanoseconds since the simulation began. */
  long now() {
    return now;
  }

  /** How many things happened. */
  long events() {
    return count;
  }

  /** A digest of the times at which things happened: equal only for equal runs. */
  long trace() {
    return trace;
  }

  /** Does something at a moment that is not past. */
  void at(long time, Runnable action) {
    due.add(new Due(Math.max(time, now), random.nextInt(), count++, action));
  }

  void after(long nanos, Runnable action) {
    at(now + nanos, action);
  }

  /** Does the next thing. False if there is none before the given time, which it then is. */
  boolean step(long until) {
    Due next = due.peek();
    if (next == null || next.at() > until) {
      now = Math.max(now, until);
      return false;
    }
    due.poll();
    now = next.at();
    trace = (trace ^ now) * 0x100000001b3L;
    next.action().run();
    return true;
  }

  /** Starts a task now. */
  Task spawn(Runnable body) {
    Task task = new Task(body);
    at(now, task::resume);
    return task;
  }

  /** Lets simulated time pass for the task that calls this. */
  void sleep(long nanos) {
    Task task = current;
    task.waits++;
    long ticket = task.waits;
    after(nanos, () -> task.resume(ticket));
    task.pause();
  }

  /** As who works with a guest counts it. */
  Time time() {
    return new Time() {
      @Override
      public long nanos() {
        return now;
      }

      @Override
      public void sleep(Duration duration) {
        Timeline.this.sleep(duration.toNanos());
      }
    };
  }

  /** The task that runs at this moment. */
  Task current() {
    if (current == null) {
      throw new IllegalStateException("only a task may wait");
    }
    return current;
  }

  /** A thread of the simulated world. */
  final class Task {
    private final Coroutine coroutine;
    private long waits;
    private boolean waiting;
    private boolean awaiting;
    private boolean woken;
    private boolean killed;

    private Task(Runnable body) {
      coroutine = new Coroutine(body);
    }

    /** Waits until {@link #wake}, or until the time has passed. Called by the task itself. */
    void await(long nanos) {
      if (woken) {
        woken = false;
        return;
      }
      waits++;
      long ticket = waits;
      if (nanos < Long.MAX_VALUE) {
        after(nanos, () -> resume(ticket));
      }
      awaiting = true;
      pause();
      awaiting = false;
      woken = false;
    }

    /** Ends a wait, the present or else the next one. */
    void wake() {
      if (!woken) {
        woken = true;
        if (awaiting) {
          long ticket = waits;
          at(now, () -> resume(ticket));
        }
      }
    }

    /** Never runs again; it must not be the one that runs now. */
    void kill() {
      killed = true;
    }

    boolean isOver() {
      return killed || coroutine.isDone();
    }

    private void pause() {
      waiting = true;
      Coroutine.pause();
      waiting = false;
    }

    private void resume(long ticket) {
      if (waiting && ticket == waits) {
        resume();
      }
    }

    private void resume() {
      if (killed || coroutine.isDone()) {
        return;
      }
      Task before = current;
      current = this;
      try {
        coroutine.resume();
      } finally {
        current = before;
      }
    }
  }
}
