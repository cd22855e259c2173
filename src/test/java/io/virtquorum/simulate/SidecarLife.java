package io.virtquorum.simulate;

import io.virtquorum.program.ProgramGuest;
import io.virtquorum.sidecar.SimulatedSidecar;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.ToMember;
import java.util.Optional;

/**
 * One life of a sidecar: production code, driven by a task, with a stream that it keeps dialling.
 */
final class SidecarLife implements SimulatedSidecar.Outside {
  private static final long LOOK = 2 * Timeline.SECOND;

  /** Long enough for memories to be renewed and ctimes to settle. */
  private static final long STILL = 45 * Timeline.SECOND;

  final SimulatedVm vm;
  final SimulatedSidecar sidecar;
  private final World world;
  private final Pod pod;
  private final Timeline.Task task;
  private final SimulatedPort port;
  private Channel channel;
  private boolean dead;
  private boolean news;
  private long backOff = 100 * Timeline.MILLISECOND;
  private long highestHeard;
  private long seen;
  private long seenSince;
  private long lookedSince;
  private long audited;

  SidecarLife(World world, SimulatedVm vm, Pod pod) {
    this.world = world;
    this.vm = vm;
    this.pod = pod;
    this.highestHeard = pod.term;
    this.port = pod.port();
    var guest = new ProgramGuest(port, world.timeline.time(), vm.random.split());
    this.sidecar =
        new SimulatedSidecar("shop", "web", vm.name, vm.uid(), guest, world.timeline::now, this);
    this.task = world.timeline.spawn(this::live);
    dial();
  }

  private void live() {
    while (true) {
      long pause = sidecar.round();
      witness();
      if (pause > 0 && !news) {
        task.await(pause);
        while (!news && isNothingToSee()) {
          sidecar.skipsLook();
          task.await(LOOK);
        }
      }
      news = false;
    }
  }

  /** Who was there at the newest look that ended well is known once that is kept in the guest. */
  private void witness() {
    Beat beat = sidecar.beat(0);
    if (beat.hasLookAgeMillis() && sidecar.isFollowedUp()) {
      world.truth.witnesses.saw(
          vm.guest, world.timeline.now() - beat.getLookAgeMillis() * Timeline.MILLISECOND);
    }
  }

  /** A look would find what the last ones did, and do nothing: it is left out. */
  private boolean isNothingToSee() {
    long now = world.timeline.now();
    long version = vm.guest.version();
    if (version != seen) {
      seen = version;
      seenSince = now;
    }
    return now - seenSince > STILL
        && sidecar.isFollowedUp()
        && vm.guest.isQuiet()
        && lookedSince > seenSince + STILL / 2
        && now - audited < World.AUDIT.toNanos() - LOOK;
  }

  /** Killed: what it began in the guest goes on there for a while. */
  void die() {
    dead = true;
    port.die();
    task.kill();
    if (channel != null) {
      channel.endAtSidecar();
    }
  }

  boolean isDead() {
    return dead;
  }

  Optional<Channel> channel() {
    return Optional.ofNullable(channel);
  }

  // The stream.

  private void dial() {
    if (dead) {
      return;
    }
    Optional<OperatorLife> operator = world.service();
    if (operator.isEmpty() || world.isCutUp(vm.name) || world.isCutDown(vm.name)) {
      again();
      return;
    }
    world.timeline.after(
        world.delay(),
        () -> {
          if (!dead && channel == null && !operator.get().isDead()) {
            channel = new Channel(world, this, operator.get());
            channel.up(FromMember.newBuilder().setHello(sidecar.hello()).build());
            sidecar.attached();
            pending();
          } else if (!dead && channel == null) {
            again();
          }
        });
  }

  private void again() {
    long wait = backOff / 2 + vm.random.nextLong(backOff / 2);
    backOff = Math.min(2 * backOff, 2 * Timeline.SECOND);
    world.timeline.after(wait, this::dial);
  }

  void ended(Channel which) {
    if (channel == which) {
      channel = null;
      if (!dead) {
        again();
      }
    }
  }

  void heard(ToMember message) {
    backOff = 100 * Timeline.MILLISECOND;
    switch (message.getMessageCase()) {
      case CONFIGURE -> {
        highestHeard = Math.max(highestHeard, message.getConfigure().getTerm());
        sidecar.configured(message.getConfigure());
      }
      case COMMAND -> {
        highestHeard = Math.max(highestHeard, message.getCommand().getTerm());
        sidecar.ordered(message.getCommand());
      }
      case RECALL -> {
        highestHeard = Math.max(highestHeard, message.getRecall().getTerm());
        sidecar.recalled(message.getRecall());
      }
      case STANDING -> sidecar.stands(message.getStanding());
      case MESSAGE_NOT_SET -> throw new IllegalStateException();
    }
  }

  @Override
  public void pending() {
    if (channel != null) {
      for (var message = sidecar.poll(); message.isPresent(); message = sidecar.poll()) {
        world.figures.said(vm, message.get());
        if (message.get().hasBallot()) {
          world.truth.promises.voted(vm.guest);
        }
        channel.up(message.get());
      }
    }
  }

  @Override
  public long term() {
    return pod.term;
  }

  @Override
  public void term(long term) {
    pod.term = term;
  }

  @Override
  public boolean usersSinceHeld() {
    return pod.usersSinceHeld;
  }

  @Override
  public void usersSinceHeld(boolean used) {
    pod.usersSinceHeld = used;
  }

  @Override
  public void news() {
    news = true;
    task.wake();
  }

  @Override
  public void interrupt() {
    world.story.tell("%s: its order is recalled", vm.name);
    port.hangUp("its order is recalled"); // as an interrupt does
  }

  /** Invariant 9: nothing that an older leader ordered begins once a newer one was heard. */
  @Override
  public void running(Command command) {
    if (command.getTerm() < highestHeard) {
      throw new Violation(
          "OldTermObeyed",
          "%s obeys term %d after term %d".formatted(vm.name, command.getTerm(), highestHeard));
    }
    world.story.tell("%s: begins %s %s", vm.name, command.getId(), command.getOrderCase());
  }

  @Override
  public void looking(boolean audit) {
    lookedSince = world.timeline.now();
    if (audit) {
      audited = lookedSince;
    }
  }
}
