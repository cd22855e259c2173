package io.virtquorum.simulate;

import static io.virtquorum.simulate.Event.Kind.ALIKE_AND_PRIMARY_GONE;
import static io.virtquorum.simulate.Event.Kind.FORMER_PRIMARY_FORGETS;
import static io.virtquorum.simulate.Event.Kind.RECORD_OF_FORMER_TENURE;
import static io.virtquorum.simulate.Event.Kind.ROT_AND_PRIMARY_GONE;
import static io.virtquorum.simulate.Event.Kind.USER_AND_POD_GONE;

import io.virtquorum.api.HAClusterStatus;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * What goes wrong only if several things happen in one order, which chance alone brings once in
 * very many runs; whatever else a run has happens meanwhile. For one thread.
 */
final class Scenes {
  /** Every run from this seed on has one: so many the first, as many the next. */
  static final long FROM = 20_000_000;

  static final long OF_EACH = 1_000_000;

  static final List<Event.Kind> KINDS =
      List.of(
          RECORD_OF_FORMER_TENURE,
          USER_AND_POD_GONE,
          ALIKE_AND_PRIMARY_GONE,
          ROT_AND_PRIMARY_GONE,
          FORMER_PRIMARY_FORGETS);

  private static final long S = Timeline.SECOND;

  /** It ends at most so long before all is well, so that little else happens after it. */
  private static final long SPARE = 30 * S;

  /** More leaders than there is time for in a run. */
  private static final long LEADERS = 1_000;

  /** Somebody's rot is found within the time between two audits, and a look. */
  private static final long FOUND = World.AUDIT.toNanos() + 5 * S;

  private final World world;
  private final Deeds deeds;
  private final Swaps swaps;

  Scenes(World world, Deeds deeds, Swaps swaps) {
    this.world = world;
    this.deeds = deeds;
    this.swaps = swaps;
  }

  /** The scene of a run. */
  static Optional<Event> in(long seed) {
    if (seed < FROM) {
      return Optional.empty();
    }
    SplittableRandom random = new SplittableRandom(seed ^ 0x1f83d9abfb41bd6bL);
    Event.Kind kind = KINDS.get((int) ((seed - FROM) / OF_EACH % KINDS.size()));
    long at = Schedule.EVENTFUL - lasts(kind) - random.nextLong(SPARE);
    return Optional.of(new Event(at, kind, random.nextLong()));
  }

  private static long lasts(Event.Kind kind) {
    return switch (kind) {
      case ALIKE_AND_PRIMARY_GONE -> 12 * S;
      case USER_AND_POD_GONE -> 110 * S;
      default -> 90 * S;
    };
  }

  void happen(Event.Kind kind, SplittableRandom random) {
    switch (kind) {
      case RECORD_OF_FORMER_TENURE -> recordOfFormerTenure(random);
      case USER_AND_POD_GONE -> userAndPodGone(random);
      case ALIKE_AND_PRIMARY_GONE -> {
        SimulatedVm primary = world.primary(random.nextLong());
        deeds.alike(others(primary), "new/alike", random);
        world.timeline.after(4 * S + random.nextLong(6 * S), () -> world.leave(primary, true));
      }
      case ROT_AND_PRIMARY_GONE -> rotAndPrimaryGone(random);
      case FORMER_PRIMARY_FORGETS -> formerPrimaryForgets(random);
      default -> throw new IllegalStateException(kind + " is no scene");
    }
  }

  /**
   * The record comes back as it was before a failover, in half of them also before many leaders
   * came and went; and the primary of then, who saw nothing of all that, reports before the others.
   */
  private void recordOfFormerTenure(SplittableRandom random) {
    SimulatedVm former = world.primary(random.nextLong());
    HAClusterStatus copy = world.api.status();
    if (random.nextBoolean()) {
      world.withoutOperator(S);
      world.api.ledBy(LEADERS);
    }
    former.crash();
    long back = (45 + random.nextInt(35)) * S;
    long nobody = S + random.nextLong(5 * S);
    long late = nobody + S + random.nextLong(2 * S);
    use(6, 2 * S, back / 7, random);
    world.timeline.after(
        back,
        () -> {
          world.needsAPerson = true;
          world.withoutOperator(nobody);
          world.api.restore(copy);
          others(former).forEach(vm -> world.cut(vm, true, true));
        });
    world.timeline.after(
        back + late, () -> others(former).forEach(vm -> world.cut(vm, false, false)));
    world.timeline.after(back + random.nextLong(2 * S), former::start);
  }

  /**
   * A user writes on a member that users are not led to and whom nobody can repair, in half of them
   * because it has a fresh disk; its pod dies, the others go on, and so much is committed later
   * that its archive has no room for what is nobody's.
   */
  private void userAndPodGone(SplittableRandom random) {
    SimulatedVm vm = another(world.primary(random.nextLong()), random);
    use(1, 0, S, random); // what is committed is no longer what fresh disks hold
    world.cutSync(vm, true);
    long user = S + random.nextLong(3 * S);
    if (random.nextBoolean()) {
      SplittableRandom disk = random.split();
      world.timeline.after(5 * S, () -> swaps.freshDisk(vm, disk));
      user += 17 * S;
    }
    SplittableRandom there = random.split();
    world.timeline.after(user, () -> save(vm, there));
    long dies = user + 3 * S + random.nextLong(8 * S);
    long starts = dies + 5 * S + random.nextLong(10 * S);
    world.timeline.after(dies, vm::crash);
    use(3, user + S, 3 * S, random);
    world.timeline.after(starts, vm::start);
    long mended = starts + 5 * S + random.nextLong(5 * S);
    world.timeline.after(mended, () -> world.cutSync(vm, false));
    use(14, mended + 8 * S, 3 * S, random);
  }

  /**
   * A member that knows what is committed has rot, the only other one that is left has those rows
   * and is behind, and the primary is gone for good.
   */
  private void rotAndPrimaryGone(SplittableRandom random) {
    SimulatedVm primary = world.primary(random.nextLong());
    SimulatedVm rotten = another(primary, random);
    others(primary).stream().filter(vm -> vm != rotten).forEach(SimulatedVm::crash);
    use(2, S, 2 * S, random);
    SplittableRandom rot = random.split();
    world.timeline.after(
        14 * S,
        () -> {
          world.cutSync(rotten, true);
          deeds.rot(rotten, rot);
        });
    world.timeline.after(
        15 * S + FOUND,
        () -> {
          world.leave(primary, true);
          world.cutSync(rotten, false);
          others(primary).forEach(SimulatedVm::start);
        });
  }

  /**
   * What a user wrote on a primary that dies is seen by nobody, the spec changes, and the primary
   * returns without its memory.
   */
  private void formerPrimaryForgets(SplittableRandom random) {
    SimulatedVm former = world.primary(random.nextLong());
    world.cutSync(former, true);
    former.guest.program.deafen(12 * S);
    SplittableRandom user = random.split();
    world.timeline.after(S, () -> save(former, user));
    world.timeline.after(2 * S + random.nextLong(8 * S), former::crash);
    SimulatedVm other = another(former, random);
    world.timeline.after(
        25 * S,
        () -> {
          if (world.isMember(other)) {
            world.weigh(other, 2);
          }
        });
    world.timeline.after(
        30 * S,
        () -> {
          world.cutSync(former, false);
          String tree = world.trees.getLast(); // where there are two he wrote in the first
          swaps.swap(former, Map.of(tree, world.disk(former.guest, tree)), "a fresh disk");
          former.start();
        });
    use(14, 40 * S, 3 * S, random);
  }

  private void save(SimulatedVm vm, SplittableRandom random) {
    if (Deeds.isUsable(vm)) {
      deeds.save(vm, random);
    }
  }

  /** Users come to where the Service leads, so many and so long apart. */
  private void use(int users, long from, long apart, SplittableRandom random) {
    for (int i = 0; i < users; i++) {
      SplittableRandom user = random.split();
      world.timeline.after(from + i * apart, () -> deeds.user(world.served(user.nextLong()), user));
    }
  }

  private List<SimulatedVm> others(SimulatedVm than) {
    return world.vms.stream().filter(vm -> vm != than).toList();
  }

  private SimulatedVm another(SimulatedVm than, SplittableRandom random) {
    List<SimulatedVm> others = others(than);
    return others.get(random.nextInt(others.size()));
  }
}
