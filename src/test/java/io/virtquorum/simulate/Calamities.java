package io.virtquorum.simulate;

import io.virtquorum.api.HAClusterStatus;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Makes the events of a {@link Theme} happen. For one thread. */
final class Calamities {
  private static final long S = Timeline.SECOND;

  private final World world;
  private final Deeds deeds;
  private final Map<Event, HAClusterStatus> records = new HashMap<>();

  Calamities(World world, Deeds deeds) {
    this.world = world;
    this.deeds = deeds;
  }

  /**
   * What brings back something older needs a copy of it first.
   *
   * @param begin when a schedule begins
   */
  void foresee(Event event, long begin) {
    switch (event.kind()) {
      case RECORD_RESTORED -> earlier(event, begin, () -> records.put(event, world.api.status()));
      default -> {} // needs nothing
    }
  }

  /** As often as not shortly before: what is only a little older is the hardest to tell. */
  private void earlier(Event event, long begin, Runnable copy) {
    SplittableRandom random = new SplittableRandom(~event.seed());
    long most = random.nextBoolean() ? event.at() : Math.min(event.at(), 30 * S);
    world.timeline.at(begin + event.at() - random.nextLong(most + 1), copy);
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
      default -> throw new IllegalStateException(event.kind() + " belongs to no theme");
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
