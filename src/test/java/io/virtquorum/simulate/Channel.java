package io.virtquorum.simulate;

import io.virtquorum.operator.SimulatedAdjudicator;
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

  private final World world;
  final SidecarLife life;
  final OperatorLife operator;
  SimulatedAdjudicator.Stream stream;
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
        operator.greeted(this, message.getHello());
      } else {
        operator.received(this, message);
      }
    }
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
   * Signs of life flow as long as nothing is in their way: the newest is made when it is wanted.
   */
  void beat() {
    if (stream != null && !operatorEnded && !sidecarEnded && !upCut && !life.isDead()) {
      var beat = life.sidecar.beat(++beats);
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
