package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Disks that others take the place of: fresh ones, older copies, another member's. One thread. */
final class Swaps {
  private final World world;

  Swaps(World world) {
    this.world = world;
  }

  /** All disks of a VM as they are durable now. */
  static Map<String, Volume> copy(SimulatedVm vm) {
    Map<String, Volume> copies = new LinkedHashMap<>();
    vm.guest.mounts.forEach((tree, volume) -> copies.put(tree, volume.copy()));
    return copies;
  }

  /** A fresh disk takes the place of one. */
  void freshDisk(SimulatedVm vm, SplittableRandom random) {
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    swap(vm, Map.of(tree, world.disk(vm.guest, tree)), "a fresh disk");
  }

  /** A disk is as it was some time ago. */
  void rolledBack(SimulatedVm vm, String tree, Volume earlier) {
    swap(vm, Map.of(tree, earlier), "its disk is rolled back");
  }

  /** A member's disks are replaced, unless it is the last one that holds the committed state. */
  void swap(SimulatedVm vm, Map<String, Volume> next, String what) {
    if (holdersWithout(vm)) {
      swapAll(Map.of(vm, next), what);
    }
  }

  /**
   * A person restores a member's own disks from a backup, unless it is the last one that holds C.
   */
  void restore(SimulatedVm vm, Map<String, Volume> earlier) {
    if (holdersWithout(vm)) {
      restoreAll(Map.of(vm, earlier));
    }
  }

  /** A person restores several members' own disks from a backup, whatever is lost. */
  void restoreAll(Map<SimulatedVm, Map<String, Volume>> earlier) {
    swapAll(earlier, "an earlier copy");
    earlier.keySet().forEach(vm -> world.truth.restoredByAPerson(vm.guest));
  }

  /** Disks of several members are replaced at once, whatever is lost. */
  private void swapAll(Map<SimulatedVm, Map<String, Volume>> next, String what) {
    List<Content> before = new ArrayList<>();
    List<SimulatedVm> on = new ArrayList<>();
    next.forEach(
        (vm, disks) -> {
          if (vm.guest.exists()) {
            on.add(vm);
          }
          vm.crash();
          world.story.tell("%s: %s at %s", vm.name, what, String.join(", ", disks.keySet()));
          disks.forEach(
              (tree, disk) -> {
                before.addAll(contents(vm.guest.mounts.get(tree)));
                vm.guest.mounts.put(tree, disk);
              });
        });
    world.truth.takenAway(before);
    next.forEach((vm, disks) -> disks.values().forEach(d -> world.truth.diskReplaced(vm.guest, d)));
    for (SimulatedVm vm : on) {
      world.timeline.after(Timeline.SECOND + vm.random.nextLong(10 * Timeline.SECOND), vm::start);
    }
  }

  private static List<Content> contents(Volume volume) {
    List<Content> contents = new ArrayList<>();
    for (Node node : volume.all().values()) {
      if (node.isFile()) {
        contents.add(node.content);
        contents.add(node.written);
      }
    }
    return contents;
  }

  private boolean holdersWithout(SimulatedVm vm) {
    var committed = world.truth.record().committed();
    return committed.isEmpty()
        || world.vms.stream()
            .anyMatch(
                other ->
                    other != vm
                        && world.isMember(other)
                        && world.truth.record().members().containsKey(other.name)
                        && world.truth.disks.platterRoot(other.guest).equals(committed.get().root())
                        && world
                            .truth
                            .disks
                            .memories(other.guest)
                            .contains(committed.get().remembered()));
  }
}
