package io.virtquorum.simulate;

import io.virtquorum.api.HAClusterStatus;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Makes the events of a {@link Theme} happen. For one thread. */
final class Calamities {
  private static final long S = Timeline.SECOND;

  private final World world;
  private final Deeds deeds;
  private final Swaps swaps;
  private final Map<Event, HAClusterStatus> records = new HashMap<>();
  private final Map<Event, Map<SimulatedVm, Map<String, Volume>>> disks = new HashMap<>();

  Calamities(World world, Deeds deeds, Swaps swaps) {
    this.world = world;
    this.deeds = deeds;
    this.swaps = swaps;
  }

  /**
   * What brings back something older needs a copy of it first.
   *
   * @param begin when a schedule begins
   */
  void foresee(Event event, long begin) {
    switch (event.kind()) {
      case RECORD_RESTORED -> earlier(event, begin, () -> records.put(event, world.api.status()));
      case DISK_RESTORED, ALL_DISKS_RESTORED ->
          earlier(event, begin, () -> disks.put(event, copyOfAll()));
      default -> {} // needs nothing
    }
  }

  /** As often as not shortly before: what is only a little older is the hardest to tell. */
  private void earlier(Event event, long begin, Runnable copy) {
    SplittableRandom random = new SplittableRandom(~event.seed());
    long most = random.nextBoolean() ? event.at() : Math.min(event.at(), 30 * S);
    world.timeline.at(begin + event.at() - random.nextLong(most + 1), copy);
  }

  private Map<SimulatedVm, Map<String, Volume>> copyOfAll() {
    Map<SimulatedVm, Map<String, Volume>> copies = new LinkedHashMap<>();
    world.vms.forEach(vm -> copies.put(vm, Swaps.copy(vm)));
    return copies;
  }

  void happen(Event event, SplittableRandom random) {
    switch (event.kind()) {
      case RECORD_RESTORED -> restore(records.get(event), random);
      case CLUSTER_RECREATED -> {
        restore(HAClusterStatus.EMPTY, random);
        world.api.leadNowhere();
        SimulatedVm first = world.vms.getFirst();
        if (random.nextBoolean() && world.isMember(first)) {
          world.bootstrapFrom(first.name); // as Git still says
        }
      }
      case DISK_RESTORED -> restoreDisks(aMember(random), disks.get(event));
      case ALL_DISKS_RESTORED -> {
        world.needsAPerson = true;
        swaps.swapAll(disks.get(event), "an earlier copy");
      }
      case DISK_CLONED -> {
        SimulatedVm vm = world.vm(random.nextLong());
        SimulatedVm other = world.vm(vm.index + 1 + random.nextInt(world.vms.size() - 1));
        swaps.swap(vm, Swaps.copy(other), "a copy of the disk of " + other.name);
      }
      default -> throw new IllegalStateException(event.kind() + " belongs to no theme");
    }
  }

  /** Often the primary. */
  private SimulatedVm aMember(SplittableRandom random) {
    long choice = random.nextLong();
    return random.nextInt(3) == 0 ? world.vm(choice) : world.primary(choice);
  }

  private void restoreDisks(SimulatedVm vm, Map<SimulatedVm, Map<String, Volume>> copies) {
    if (copies.containsKey(vm)) {
      swaps.swap(vm, copies.get(vm), "an earlier copy");
    }
  }

  /** The record is another; no operator that knew the one before is left. */
  private void restore(HAClusterStatus status, SplittableRandom random) {
    world.needsAPerson = true;
    List.copyOf(world.operators).forEach(OperatorLife::die);
    world.api.restore(status);
    world.timeline.after(S + random.nextLong(9 * S), world::leadIfNobodyDoes);
  }
}
