package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Committed;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Judges whether users are served: not for ever by a member that cannot, while another one could.
 * For one thread.
 */
final class Serving {
  /** The patience with a primary that cannot serve is 30 s; looks and writes take their time. */
  private static final long LIMIT = 90 * Timeline.SECOND;

  private final Truth truth;
  private final BiConsumer<String, String> violated;
  private final Map<String, Long> able = new HashMap<>();
  private Optional<SimulatedGuest> unable = Optional.empty();
  private Object leader = this;
  private long since;

  /**
   * @param violated hears which invariant was broken, and how
   */
  Serving(Truth truth, BiConsumer<String, String> violated) {
    this.truth = truth;
    this.violated = violated;
  }

  /**
   * A leader that may decide looks around. What it cannot know moves nobody: of who is silent, or
   * whose disks hang, only that; and what a leader before it knew.
   */
  void look(World world, Object by) {
    long now = world.timeline.now();
    Optional<SimulatedGuest> led =
        truth
            .clients
            .led()
            .filter(SimulatedGuest::isAwake)
            .filter(g -> !hasItsDisks(g) && !g.hindrances.hangs())
            .filter(g -> !world.isCutUp(g.name) && !world.isCutDown(g.name));
    if (!led.equals(unable) || by != leader) {
      unable = led;
      leader = by;
      since = now;
    }
    if (led.isEmpty()) {
      able.clear(); // who could lead counts from when somebody should
      return;
    }
    for (SimulatedVm vm : world.vms) {
      if (canLead(world, vm)) {
        able.putIfAbsent(vm.name, now);
      } else {
        able.remove(vm.name);
      }
    }
    if (now - since > LIMIT) {
      able.entrySet().stream()
          .filter(one -> now - one.getValue() > LIMIT && !one.getKey().equals(led.get().name))
          .findFirst()
          .ifPresent(
              one ->
                  violated.accept(
                      "Unserved",
                      "users are led to %s, whose file system is gone, for %.1f s, and %s could serve them"
                          .formatted(led.get().name, (now - since) / 1e9, one.getKey())));
    }
  }

  private boolean canLead(World world, SimulatedVm vm) {
    Optional<Committed> committed = truth.record().committed();
    return committed.isPresent()
        && truth.record().members().containsKey(vm.name)
        && world.isMember(vm)
        && vm.guest.isQuiet()
        && hasItsDisks(vm.guest)
        && vm.life() != null
        && !vm.life().isDead()
        && !world.isCutUp(vm.name)
        && !world.isCutDown(vm.name)
        && truth.disks.platterRoot(vm.guest).equals(committed.get().root())
        && truth.disks.memories(vm.guest).contains(committed.get().remembered());
  }

  private static boolean hasItsDisks(SimulatedGuest guest) {
    return guest.mounts.keySet().stream().allMatch(guest::isMounted)
        && guest.mounts.values().stream().noneMatch(v -> v.isReadOnly() || v.isFailing());
  }
}
