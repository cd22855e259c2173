package io.virtquorum.simulate;

import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Served;
import io.virtquorum.port.RefusedException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The guest program of a simulated guest, at its port: one session at a time, that begins when
 * nothing of the one before runs any more. What it is asked may arrive late or never, and so may
 * what it answers. For one thread.
 */
final class SimulatedProgram {
  /** Of sidecars that live. */
  final List<SimulatedPort> ports = new ArrayList<>();

  private final SimulatedGuest guest;
  private final Timeline timeline;
  private final Set<SimulatedCall> running = new HashSet<>();
  private final Deque<Runnable> inbox = new ArrayDeque<>();
  private Consumer<Request> heardOf = request -> {};
  private Operations operations;
  private long newest;
  private SimulatedPort.One session;
  private SimulatedPort.One waiting;
  private Timeline.Task waiter;
  private long deafUntil;
  private long answersLateUntil;
  private long answersLateBy;
  private long heard;
  private long heardOfLastBoot;

  SimulatedProgram(SimulatedGuest guest) {
    this.guest = guest;
    this.timeline = guest.timeline;
  }

  // What happens to it.

  /** Takes in nothing for a while. */
  void deafen(long nanos) {
    heard(guest.boots());
    deafUntil = Math.max(deafUntil, timeline.now() + nanos);
  }

  /** Its answers are late for a while. */
  void answerLate(long by, long nanos) {
    answersLateBy = by;
    answersLateUntil = timeline.now() + nanos;
  }

  void heal() {
    deafUntil = 0;
    answersLateUntil = 0;
  }

  /** True if it hears, and answers at once. */
  boolean isWell() {
    return timeline.now() >= deafUntil && timeline.now() >= answersLateUntil;
  }

  /** The kernel boots. */
  void start() {
    operations = new Operations(guest);
    heard = timeline.now();
    timeline.after(SimulatedPort.PING, () -> List.copyOf(ports).forEach(SimulatedPort::pinged));
  }

  /** The kernel goes down, and all that runs with it. */
  void down() {
    heard(guest.boots());
    heardOfLastBoot = heard;
    deafUntil = 0;
    running.forEach(SimulatedCall::mayBeLate); // it is waited for in vain
    running.clear();
    inbox.clear();
    session = null;
    waiting = null;
    operations.down();
  }

  /**
   * A newer program takes its place, in the same boot: it knows what is on disk. As the real one it
   * is not exchanged while anything that was asked goes on.
   *
   * @param silent for so long while that is tried
   */
  void exchange(long silent) {
    if (guest.isRunning() && running.isEmpty() && waiting == null && !guest.quiesce.isStill()) {
      deafen(silent);
      session = null;
      operations.down();
      operations = new Operations(guest);
    }
  }

  private boolean isAwake() {
    return guest.isAwake() && timeline.now() >= deafUntil;
  }

  /** When a sign of life of a boot's program was there last. */
  long heard(int boot) {
    if (boot != guest.boots()) {
      return heardOfLastBoot;
    }
    if (isAwake()) {
      heard = timeline.now();
    }
    return guest.isRunning() ? heard : heardOfLastBoot;
  }

  // What comes over the port.

  /** Something comes in a while, if the guest's boot is the same then. */
  void arrive(long travel, Runnable what) {
    arrive(travel, () -> {}, what);
  }

  /**
   * As above.
   *
   * @param late hears that it may come late, or never
   */
  void arrive(long travel, Runnable late, Runnable what) {
    newest = Math.max(newest + 1, timeline.now() + travel); // nothing overtakes
    int boot = guest.boots();
    timeline.at(
        newest,
        () -> {
          if (boot != guest.boots() || !guest.isRunning()) {
            late.run();
          } else if (inbox.isEmpty() && isAwake()) {
            what.run();
          } else {
            late.run();
            inbox.add(what);
            takeIn(boot);
          }
        });
  }

  /** Takes in what waits, once the guest is awake. */
  private void takeIn(int boot) {
    if (boot != guest.boots() || !guest.isRunning()) {
      return;
    }
    long ready = Math.max(deafUntil, guest.pausedUntil());
    if (timeline.now() < ready) {
      timeline.at(ready, () -> takeIn(boot));
    } else {
      while (!inbox.isEmpty()) {
        inbox.remove().run();
      }
    }
  }

  /** A sidecar says Hello; it may say it again. */
  void hello(SimulatedPort.One from, Timeline.Task greeter) {
    waiter = greeter;
    if (from == session) {
      welcome();
      return;
    }
    if (session != null) {
      stopAll();
      session = null;
    }
    waiting = from;
    begin();
  }

  private void begin() {
    if (waiting != null && running.isEmpty()) {
      session = waiting;
      waiting = null;
      welcome();
    }
  }

  private void welcome() {
    session.welcomed();
    waiter.wake();
  }

  /** A session ends: nothing was heard of its sidecar. */
  void end(SimulatedPort.One which) {
    if (session == which) {
      stopAll();
      session = null;
    }
  }

  private void stopAll() {
    for (SimulatedCall call : List.copyOf(running)) {
      stop(call, Reason.REASON_CANCELLED);
    }
  }

  void stop(SimulatedCall call, Reason reason) {
    if (running.contains(call)) {
      call.stop(reason);
    }
  }

  /** Takes a request. */
  void take(SimulatedCall call) {
    if (call.session != session) {
      call.ends(
          null, new RefusedException(Reason.REASON_NOT_IN_SESSION, "", "there is no such session"));
      return;
    }
    running.add(call);
    guest.truth.asked(guest, call.request);
    heardOf.accept(call.request);
    if (operations.takesTime(call.request)) {
      call.mayBeLate();
      guest.process(() -> carryOut(call));
    } else {
      carryOut(call);
    }
  }

  private void carryOut(SimulatedCall call) {
    long before = guest.written();
    long began = guest.timeline.now();
    Answer answer = null;
    RefusedException refusal = null;
    try {
      var made = operations.carryOut(call);
      if (made.isEmpty()) {
        return; // it goes on by itself, or the guest is dead
      }
      answer = made.get().setLast(true).build();
    } catch (RefusedException refused) {
      refusal = refused;
    } finally {
      // Where a disk was slow somebody else may have written meanwhile (seed 24000048).
      boolean alone = guest.timeline.now() == began;
      guest.truth.ran(guest, call.request, alone && guest.written() != before);
    }
    over(call, answer, refusal);
  }

  /** A request has ended. */
  void over(SimulatedCall call, Answer answer, RefusedException refusal) {
    if (!running.remove(call)) {
      return;
    }
    if (timeline.now() < answersLateUntil && guest.random.nextInt(3) == 0) {
      call.mayBeLate();
      timeline.after(answersLateBy, () -> call.ends(answer, refusal));
    } else {
      call.ends(answer, refusal);
    }
    begin();
  }

  /**
   * Software of the guest waits until all that was written before is committed.
   *
   * @param confirmed hears that it is
   */
  void commit(long patience, Runnable confirmed) {
    if (isAwake() && operations != null && operations.configured() != null) {
      operations.barrier.commit(patience, confirmed);
    }
  }

  /** Somebody hears from now on what it is asked. */
  void tell(Consumer<Request> listener) {
    heardOf = listener;
  }

  /** Who fetches connected. */
  void accepted() {
    operations.users().disregard();
  }

  /** Who fetched has all. */
  void served(SyncNetwork.Serving serving) {
    if (servings().remove(serving)) {
      Answer end = Answer.newBuilder().setServed(Served.getDefaultInstance()).setLast(true).build();
      over(serving.call(), end, null);
    }
  }

  /** What others fetch from here. */
  List<SyncNetwork.Serving> servings() {
    return operations == null ? new ArrayList<>() : operations.servings;
  }
}
