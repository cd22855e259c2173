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
  private static final long HOUR = 3_600 * S;

  /** Longer than anything is remembered of a member that is not heard of. */
  private static final long AWAY = 360 * S;

  /** How long after its beginning an event may still be under way. */
  static long lasts(Event.Kind kind) {
    return kind == Event.Kind.OPERATOR_AWAY ? AWAY : 0;
  }

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
      case DISK_RESTORED, ALL_DISKS_RESTORED, TOTAL_OUTAGE ->
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
        swaps.restoreAll(disks.get(event));
      }
      case DISK_CLONED -> {
        SimulatedVm vm = world.vm(random.nextLong());
        SimulatedVm other = world.vm(vm.index + 1 + random.nextInt(world.vms.size() - 1));
        swaps.swap(vm, Swaps.copy(other), "a copy of the disk of " + other.name);
      }
      case TOTAL_OUTAGE -> totalOutage(disks.get(event), random);
      case DRIFT_EVERYWHERE -> driftEverywhere(random);
      case JOB_ALIKE_WITHOUT_PRIMARY -> {
        world.primary(random.nextLong()).leave();
        deeds.alike(random);
      }
      case OPERATOR_AWAY -> world.withoutOperator(AWAY);
      case OPERATOR_CLOCK_STEPS -> clockSteps(random);
      case ISLAND -> island(random);
      case SLOW_LOOKS -> {
        SimulatedVm vm = aMember(random);
        vm.guest.hindrances.hashSlowly((60 + random.nextInt(120)) * S);
        SplittableRandom user = random.split();
        world.timeline.after(random.nextLong(5 * S), () -> deeds.user(vm, user));
      }
      case OPEN_FILES -> keepOpen(aMember(random), random);
      case DISK_READ_ONLY, DISK_FAILING, DISK_HANGS -> diskTrouble(event.kind(), random);
      case TWO_SIDECARS -> {
        long both = 5 * S + random.nextLong(15 * S);
        aMember(random).migrate(random.nextLong(both), both);
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
      swaps.restore(vm, copies.get(vm));
    }
  }

  /** In half of them the primary's disks come back older, and its user goes on where he was. */
  private void totalOutage(Map<SimulatedVm, Map<String, Volume>> copies, SplittableRandom random) {
    SimulatedVm primary = world.primary(random.nextLong());
    if (random.nextBoolean()) {
      world.timeline.after(10 * S, () -> restoreDisks(primary, copies));
    }
    for (SimulatedVm vm : List.copyOf(world.vms)) {
      world.timeline.after(random.nextLong(10 * S), vm::crash);
      long up = 10 * S + random.nextLong(50 * S);
      world.timeline.after(up, vm::start);
      SplittableRandom boot = random.split();
      if (random.nextBoolean()) {
        world.timeline.after(up + random.nextLong(6 * S), () -> deeds.job(vm, boot));
      }
      if (vm == primary) {
        world.timeline.after(up + random.nextLong(60 * S), () -> deeds.user(vm, boot));
      }
    }
  }

  private void driftEverywhere(SplittableRandom random) {
    SimulatedVm primary = world.primary(random.nextLong());
    int file = random.nextInt(Deeds.FILES.size());
    for (SimulatedVm vm : world.members()) {
      if (vm != primary) {
        String path = Deeds.FILES.get(file++ % Deeds.FILES.size());
        String tree = world.trees.get(random.nextInt(world.trees.size()));
        world.timeline.after(random.nextLong(4 * S), () -> deeds.job(vm, tree, path));
      }
    }
    world.timeline.after(random.nextLong(5 * S), primary::leave);
  }

  /** Most often while somebody waits for a time: after a drift, or for a primary that is gone. */
  private void clockSteps(SplittableRandom random) {
    switch (random.nextInt(3)) {
      case 0 -> deeds.job(world.vm(random.nextLong()), random);
      case 1 -> {
        SimulatedVm primary = world.primary(random.nextLong());
        primary.crash();
        world.timeline.after((20 + random.nextInt(40)) * S, primary::start);
      }
      default -> {} // nobody waits for anything
    }
    long by = random.nextLong(2 * HOUR) - HOUR;
    world.timeline.after(random.nextLong(8 * S), () -> world.clock.step(by));
  }

  private void diskTrouble(Event.Kind kind, SplittableRandom random) {
    SimulatedVm vm = aMember(random);
    long time = (10 + random.nextInt(110)) * S;
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    Volume volume = vm.guest.mounts.get(tree); // whatever takes its place is well
    world.story.tell("%s, %s: %s for %d s", vm.name, tree, kind.text(), time / S);
    switch (kind) {
      case DISK_READ_ONLY -> {
        volume.readOnly(true);
        world.timeline.after(time, () -> volume.readOnly(false));
      }
      case DISK_FAILING -> {
        volume.failing(true);
        world.timeline.after(time, () -> volume.failing(false));
      }
      default -> vm.guest.hindrances.hang(time);
    }
  }

  private void keepOpen(SimulatedVm vm, SplittableRandom random) {
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    List<String> files =
        vm.guest.mounts.get(tree).all().entrySet().stream()
            .filter(e -> e.getValue().isFile() && !Volume.isOwn(e.getKey()))
            .map(Map.Entry::getKey)
            .toList();
    if (vm.guest.isRunning() && !files.isEmpty()) {
      String path = files.get(random.nextInt(files.size()));
      int times = 10 + random.nextInt(50);
      new OpenFile(world, vm, tree, path, random.nextBoolean(), times).write();
    }
  }

  /** Who was led to it goes on there; who comes later is where the Service leads. */
  private void island(SplittableRandom random) {
    long choice = random.nextLong();
    SimulatedVm vm = random.nextInt(3) == 0 ? world.vm(choice) : world.served(choice);
    long time = (20 + random.nextInt(70)) * S;
    cutOff(vm, true);
    world.timeline.after(time, () -> cutOff(vm, false));
    for (long at = 0; at < time; at += 10 * S) {
      SplittableRandom there = random.split();
      SplittableRandom here = random.split();
      world.timeline.after(at + there.nextLong(10 * S), () -> deeds.user(vm, there));
      world.timeline.after(
          at + here.nextLong(10 * S), () -> deeds.user(world.served(choice), here));
    }
  }

  private void cutOff(SimulatedVm vm, boolean is) {
    world.cut(vm, is, is);
    world.unprobed(vm, is);
    world.cutSync(vm, is);
  }

  /** The record is another; no operator that knew the one before is left. */
  private void restore(HAClusterStatus status, SplittableRandom random) {
    world.needsAPerson = true;
    world.withoutOperator(S + random.nextLong(9 * S));
    world.api.restore(status);
  }
}
