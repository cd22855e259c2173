package io.virtquorum.simulate;

import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** A member's VM: a guest, a sidecar beside it, and what Kubernetes knows of both. */
final class SimulatedVm {
  /** For so long a guest stands still while it goes from one node to another. */
  private static final long DOWN = 300 * Timeline.MILLISECOND;

  final String name;
  final int index;
  final SimulatedGuest guest;
  final SplittableRandom random;
  final Optional<SimulatedGuest> present;

  private final World world;
  private Pod pod;
  private SidecarLife life;
  private Optional<SidecarLife> target = Optional.empty();
  private int incarnation;
  private String podAddress;
  private String knownUid = "";
  private String knownAddress = "";
  private boolean knownRunning;
  private boolean deleted;
  private boolean away;
  private boolean revived;

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

  /** Of its pod: what says the UID says this too. */
  String knownAddress() {
    return knownAddress;
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
      guest.powerOn();
      pod = new Pod(guest);
      pod.arrived();
      life = new SidecarLife(world, this, pod);
      notice();
      world.story.tell("%s starts", name);
    }
  }

  /** QEMU dies, and its pod with it. */
  void crash() {
    if (guest.exists()) {
      world.story.tell("%s: QEMU dies", name);
      life.die();
      target.ifPresent(SidecarLife::die);
      target = Optional.empty();
      guest.powerOff();
      pod.hangUp();
      notice();
    }
  }

  /**
   * Its node is gone: nobody starts it before all is well again, and it stays if all is (seed
   * 4296).
   */
  void leave() {
    if (!revived) {
      away = true;
      crash();
    }
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
      life = new SidecarLife(world, this, pod);
    }
  }

  /**
   * A live migration: another pod's sidecar begins, the guest goes there, the first pod ends.
   *
   * @param goes after so many nanoseconds
   * @param ends after that
   */
  void migrate(long goes, long ends) {
    if (!guest.exists() || target.isPresent()) {
      return;
    }
    world.story.tell("%s: its migration begins", name);
    Pod to = new Pod(guest);
    SidecarLife next = new SidecarLife(world, this, to);
    target = Optional.of(next);
    world.timeline.after(goes, () -> goTo(to, next));
    world.timeline.after(ends, () -> end(to, next));
  }

  private void goTo(Pod to, SidecarLife next) {
    if (target.filter(next::equals).isPresent()) {
      pod.left();
      guest.pause(DOWN);
      to.arrived();
    }
  }

  private void end(Pod to, SidecarLife next) {
    if (target.filter(next::equals).isPresent()) {
      world.story.tell("%s: its migration ends", name);
      life.die();
      life = next;
      pod = to;
      target = Optional.empty();
    }
  }

  /** The sidecars of the VM: two while it is migrated. */
  List<SidecarLife> lives() {
    return Stream.concat(Stream.ofNullable(life), target.stream()).toList();
  }

  /** Everything that is down comes up. */
  void revive() {
    revived = true;
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
            knownAddress = podAddress;
            knownRunning = running;
            world.vmsChanged();
          }
        });
  }

  /** Before anything runs Kubernetes knows all. */
  void known() {
    knownUid = uid();
    knownAddress = podAddress;
    knownRunning = true;
  }
}
