package io.virtquorum.simulate;

import io.virtquorum.operator.SimulatedAdjudicator;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.ToMember;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One stream between a sidecar and an operator. Each direction keeps its order, may be slow, and
 * stands still while it is cut; what is under way when the stream ends is lost. For one thread.
 */
final class Channel {
  /** A sidecar notices that nothing comes back: keep-alive time and its time-out. */
  private static final long KEEP_ALIVE = 15 * Timeline.SECOND;

  /** What a sidecar had looked at when it sent a message. */
  private record Before(Beat beat, long at) {
    /** A beat that tells of no later look. */
    Beat with(Beat now, long nanos) {
      int age = (int) ((nanos - at) / Timeline.MILLISECOND);
      Beat.Builder told = now.toBuilder().clearLookAgeMillis().clearHeldAgeMillis();
      if (beat.hasLookAgeMillis()) {
        told.setLookAgeMillis(beat.getLookAgeMillis() + age);
      }
      if (beat.hasHeldAgeMillis()) {
        told.setHeldAgeMillis(beat.getHeldAgeMillis() + age);
      }
      return told.build();
    }
  }

  private final World world;
  final SidecarLife life;
  final OperatorLife operator;
  SimulatedAdjudicator.Stream stream;

  /** For each message that was not taken in yet: the beat before it. */
  private final Deque<Before> beforeMessages = new ArrayDeque<>();

  private final Deque<Runnable> heldUp = new ArrayDeque<>();
  private final Deque<Runnable> heldDown = new ArrayDeque<>();
  private boolean sidecarEnded;
  private boolean operatorEnded;
  private boolean upCut;
  private boolean downCut;
  private long upAt;
  private long downAt;
  private long beats;

  Channel(World world, SidecarLife life, OperatorLife operator) {
    this.world = world;
    this.life = life;
    this.operator = operator;
    upCut = world.isCutUp(life.vm.name);
    downCut = world.isCutDown(life.vm.name);
  }

  void up(FromMember message) {
    beforeMessages.add(new Before(life.sidecar.beat(++beats), world.timeline.now()));
    upAt = Math.max(upAt, world.timeline.now()) + world.delay();
    world.timeline.at(
        upAt,
        () -> {
          if (upCut) {
            heldUp.add(() -> arriveUp(message));
          } else {
            arriveUp(message);
          }
        });
  }

  private void arriveUp(FromMember message) {
    if (operator.isDead()) {
      endAtOperator(); // also where it died before it was greeted
    } else if (!operatorEnded) {
      if (message.hasHello()) {
        takenIn();
        operator.greeted(this, message.getHello());
      } else {
        operator.received(this, message);
      }
    }
  }

  /** The operator heard what was under way for the longest time. */
  void takenIn() {
    beforeMessages.poll();
  }

  void down(ToMember message) {
    int copies = message.hasCommand() && world.duplicates() ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      downAt = Math.max(downAt, world.timeline.now()) + world.delay();
      world.timeline.at(
          downAt,
          () -> {
            if (downCut) {
              heldDown.add(() -> arriveDown(message));
            } else {
              arriveDown(message);
            }
          });
    }
  }

  private void arriveDown(ToMember message) {
    if (!sidecarEnded && !life.isDead()) {
      life.heard(message);
    }
  }

  /**
   * Signs of life flow as long as nothing is in their way: the newest is made when it is wanted. It
   * overtakes nothing: what it tells of a look is not newer than what was voted after that.
   */
  void beat() {
    if (stream != null && !operatorEnded && !sidecarEnded && !upCut && !life.isDead()) {
      Beat beat = life.sidecar.beat(++beats);
      if (!beforeMessages.isEmpty()) {
        beat = beforeMessages.peek().with(beat, world.timeline.now());
      }
      if (operator.adjudicator.beat(stream, beat)) {
        operator.adjudicator.received(stream, FromMember.newBuilder().setBeat(beat).build());
      }
    }
  }

  boolean beats() {
    return !upCut && !sidecarEnded && !life.isDead() && life.vm.guest.isQuiet();
  }

  /** The network between the two changed. */
  void cut(boolean up, boolean down) {
    boolean wasWhole = !upCut && !downCut;
    upCut = up;
    downCut = down;
    while (!upCut && !heldUp.isEmpty()) {
      heldUp.poll().run();
    }
    while (!downCut && !heldDown.isEmpty()) {
      heldDown.poll().run();
    }
    if (wasWhole && (up || down)) {
      world.timeline.after(
          KEEP_ALIVE,
          () -> {
            if (upCut || downCut) {
              endAtSidecar();
            }
          });
    }
  }

  /** Something between the two ends the connection; both hear of it unless they are cut off. */
  void reset() {
    world.timeline.after(world.delay(), this::endAtSidecar);
    world.timeline.after(world.delay(), this::endAtOperator);
  }

  /** The sidecar is gone, or gave the stream up. */
  void endAtSidecar() {
    if (!sidecarEnded) {
      sidecarEnded = true;
      life.ended(this);
      world.timeline.after(
          world.delay(),
          () -> {
            if (upCut) {
              heldUp.add(this::endAtOperator);
            } else {
              endAtOperator();
            }
          });
    }
  }

  /** The operator is gone, or closed the stream. */
  void endAtOperator() {
    if (!operatorEnded) {
      operatorEnded = true;
      operator.ended(this);
      world.timeline.after(
          world.delay(),
          () -> {
            if (downCut) {
              heldDown.add(this::endAtSidecar);
            } else {
              endAtSidecar();
            }
          });
    }
  }
}
