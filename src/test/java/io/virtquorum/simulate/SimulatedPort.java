package io.virtquorum.simulate;

import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.Guest.State;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Welcome;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.Session;
import io.virtquorum.port.Sessions;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * One sidecar's way to the program of a simulated guest: as {@code PortLink}, whose times it has,
 * without bytes. For one thread; asking takes simulated time.
 */
final class SimulatedPort implements Sessions {
  private static final long HELLO = Timeline.SECOND;
  private static final long SILENT = 8 * Timeline.SECOND;
  private static final long OVER = 30 * Timeline.SECOND;
  static final long PING = 3 * Timeline.SECOND;
  private static final long LEASE = 20 * Timeline.SECOND;

  private final Pod pod;
  private final SimulatedGuest guest;
  private final LongSupplier term;
  private One session;
  private long heard;
  private boolean heardEver;

  /**
   * @param pod of the sidecar
   * @param term that the sidecar obeys
   */
  SimulatedPort(Pod pod, SimulatedGuest guest, LongSupplier term) {
    this.pod = pod;
    this.guest = guest;
    this.term = term;
    this.heard = guest.timeline.now();
    guest.program.ports.add(this);
  }

  @Override
  public One session(Limit limit) throws GuestException {
    if (session != null && session.isOpen() && session.term < term.getAsLong()) {
      session.abandon("a newer term needs a session of its own");
    }
    while (session == null || !session.isOpen()) {
      if (limit.isOver()) {
        throw new GuestException.Unreachable("The guest program does not answer", null);
      }
      Timeline.Task task = guest.timeline.current();
      if (pod.hasGuest() && guest.exists()) {
        if (session == null || !session.lost.isEmpty() || session.term != term.getAsLong()) {
          session = new One(term.getAsLong());
        }
        session.hello(task);
      }
      task.await(Math.min(HELLO, limit.leftNanos()));
    }
    return session;
  }

  @Override
  public Presence presence() {
    long now = guest.timeline.now();
    if (session != null) {
      session.listen();
    }
    Duration age = Duration.ofNanos(now - heard);
    if (!pod.hasGuest() || !guest.exists()) {
      return new Presence(pod.without(), age);
    }
    if (!heardEver) {
      return new Presence(State.STARTING, age);
    }
    return new Presence(now - heard < SILENT ? State.ANSWERING : State.SILENT, age);
  }

  @Override
  public void close() {
    // The guest is left alone.
  }

  /** A sign of life was said and may have been answered. */
  void pinged() {
    if (session != null) {
      session.listenOn();
    }
  }

  /** The sidecar is dead: the program ends its session after a while. */
  void die() {
    guest.program.ports.remove(this);
    One last = session;
    if (last != null) {
      guest.timeline.after(LEASE, () -> guest.program.end(last));
    }
  }

  /** Nobody answers any more what was asked: QEMU is gone, or elsewhere. */
  void hangUp(String why) {
    if (session != null) {
      session.abandon(why);
    }
  }

  /** A session. */
  final class One implements Session {
    private final long term;
    private int boot = guest.boots();
    private final Set<SimulatedCall> calls = new HashSet<>();
    private boolean open;
    private String lost = "";

    private One(long term) {
      this.term = term;
    }

    long term() {
      return term;
    }

    private void hello(Timeline.Task task) {
      guest.program.arrive(guest.travel(), () -> guest.program.hello(this, task));
    }

    void welcomed() {
      if (!open) {
        boot = guest.boots();
      }
      open = true;
      heard = guest.timeline.now();
      heardEver = true;
    }

    /** Pings are answered as long as the guest's boot is the session's, and it is awake. */
    private void listen() {
      if (open && lost.isEmpty()) {
        heard = Math.max(heard, guest.program.heard(boot));
      }
    }

    /** Notices that nothing is heard any more, or that another boot knows of no such session. */
    void listenOn() {
      listen();
      if (open && guest.isAwake() && boot != guest.boots() && guest.upFor() >= PING) {
        abandon("there is no such session");
      } else if (guest.timeline.now() - heard >= OVER) {
        abandon("nothing was heard from the guest program");
      }
    }

    @Override
    public Welcome welcome() {
      return Welcome.newBuilder().setBootId(guest.bootId(boot)).build();
    }

    @Override
    public boolean isOpen() {
      if (open && lost.isEmpty()) {
        listenOn();
      }
      return open && lost.isEmpty();
    }

    @Override
    public String lost() {
      return lost;
    }

    @Override
    public void abandon(String why) {
      if (lost.isEmpty()) {
        lost = why;
      }
      List.copyOf(calls).forEach(call -> call.lost(why));
    }

    void over(SimulatedCall call) {
      calls.remove(call);
    }

    @Override
    public Call ask(Request.Builder request, String what, List<Body.Builder> body, Limit limit) {
      SimulatedCall call = new SimulatedCall(guest, this, request.build(), what, body);
      if (isOpen()) {
        calls.add(call);
        call.send(limit);
      } else {
        call.lost(lost);
      }
      return call;
    }
  }
}
