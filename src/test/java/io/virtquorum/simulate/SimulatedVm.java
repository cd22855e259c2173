package io.virtquorum.simulate;

import java.util.Optional;
import java.util.SplittableRandom;

/** A member's VM: a guest, a sidecar beside it, and what Kubernetes knows of both. */
final class SimulatedVm {
  final String name;
  final int index;
  final SimulatedGuest guest;
  final SplittableRandom random;
  final Optional<SimulatedGuest> present;

  /** Kept for the sidecar's next life, as long as the pod is the same. */
  long term;

  boolean usersSinceHeld;

  private final World world;
  private SidecarLife life;
  private int incarnation;
  private String podAddress;
  private String knownUid = "";
  private boolean knownRunning;
  private boolean deleted;
  private boolean away;

  SimulatedVm(World world, String name, int index, SimulatedGuest guest, SplittableRandom random) {
    this.world = world;
    this.name = name;
    this.index = index;
    this.guest = guest;
    this.random = random;
    this.present = Optional.of(guest);
    this.podAddress = address();
  }

  String uid() {
    return name + "-uid-" + incarnation;
  }

  String podAddress() {
    return podAddress;
  }

  private String address() {
    return "10.%d.2.%d".formatted(incarnation, 11 + index);
  }

  /** As Kubernetes knows it, which may be late. */
  String knownUid() {
    return knownUid;
  }

  boolean knownRunning() {
    return knownRunning;
  }

  SidecarLife life() {
    return life;
  }

  /** A pod is made and QEMU started. */
  void start() {
    if (!guest.exists() && !deleted && !away) {
      incarnation++;
      podAddress = address();
      term = 0;
      usersSinceHeld = false;
      guest.powerOn();
      life = new SidecarLife(world, this);
      notice();
      world.story.tell("%s starts", name);
    }
  }

  /** QEMU dies, and its pod with it. */
  void crash() {
    if (guest.exists()) {
      world.story.tell("%s: QEMU dies", name);
      life.die();
      guest.powerOff();
      notice();
    }
  }

  /** Its node is gone: nobody starts it before all is well again. */
  void leave() {
    away = true;
    crash();
  }

  /** The VM is deleted; its disk stays. */
  void delete() {
    deleted = true;
    world.story.tell("%s is deleted", name);
    crash();
  }

  /** The VM is there, made anew around its disk if it was deleted. */
  void create() {
    if (deleted) {
      deleted = false;
      start();
    }
  }

  boolean isDeleted() {
    return deleted;
  }

  /** The kernel dies and starts again. */
  void reset(long downFor) {
    if (guest.isRunning()) {
      world.story.tell("%s: the guest crashes", name);
      guest.crash();
      int before = incarnation;
      world.timeline.after(
          downFor,
          () -> {
            if (incarnation == before) {
              guest.reboot();
            }
          });
    }
  }

  /** The sidecar's process dies and is started again. */
  void restartSidecar(long downFor) {
    if (guest.exists() && !life.isDead()) {
      world.story.tell("%s: the sidecar dies", name);
      life.die();
      int before = incarnation;
      world.timeline.after(downFor, () -> reviveSidecar(before));
    }
  }

  private void reviveSidecar(int before) {
    if (incarnation == before && guest.exists() && life.isDead()) {
      life = new SidecarLife(world, this);
    }
  }

  /** Everything that is down comes up. */
  void revive() {
    away = false;
    start();
    guest.reboot();
    reviveSidecar(incarnation);
  }

  /** Kubernetes notices some moments later. */
  private void notice() {
    String uid = uid();
    boolean running = guest.exists();
    world.timeline.after(
        (200 + random.nextInt(3_000)) * Timeline.MILLISECOND,
        () -> {
          if (uid.equals(uid()) && running == guest.exists()) {
            knownUid = uid;
            knownRunning = running;
            world.vmsChanged();
          }
        });
  }

  /** Before anything runs Kubernetes knows all. */
  void known() {
    knownUid = uid();
    knownRunning = true;
  }
}
