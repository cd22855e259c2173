package io.virtquorum.simulate;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Makes the events of a schedule happen. For one thread. */
final class Faults {
  private static final long MS = Timeline.MILLISECOND;
  private static final long S = Timeline.SECOND;

  private final World world;
  private final Deeds deeds;
  private final Swaps swaps;
  private final Calamities calamities;
  private final Scenes scenes;
  private final Map<String, Volume> earlier = new HashMap<>();

  Faults(World world, Deeds deeds) {
    this.world = world;
    this.deeds = deeds;
    this.swaps = new Swaps(world);
    this.calamities = new Calamities(world, deeds, swaps);
    this.scenes = new Scenes(world, deeds, swaps);
  }

  /** An event is to happen, in a schedule that begins now. */
  void plan(Event event) {
    long begin = world.timeline.now();
    calamities.foresee(event, begin);
    world.timeline.at(begin + event.at(), () -> happen(event));
  }

  private void happen(Event event) {
    SplittableRandom random = new SplittableRandom(event.seed());
    long choice = random.nextLong();
    SimulatedVm vm = world.vm(choice);
    long time = 200 * MS + random.nextLong(20 * S);
    world.figures.fault(event.kind().text());
    world.story.tell("-- %s", event.kind().text());
    switch (event.kind()) {
      case USER -> deeds.user(world.served(choice), random);
      case USER_ELSEWHERE -> deeds.user(vm, random);
      case JOB -> deeds.job(vm, random);
      case JOB_ALIKE -> deeds.alike(random);
      case ROT -> {
        int rows = 1 + random.nextInt(3);
        for (int i = 0; i < rows; i++) {
          deeds.rot(random.nextInt(3) == 0 ? world.primary(choice) : vm, random);
        }
      }
      case GUEST_CRASH -> any(random, vm).reset(time);
      case VM_CRASH -> {
        SimulatedVm one = any(random, vm);
        one.crash();
        world.timeline.after(S + random.nextLong(40 * S), one::start);
      }
      case SIDECAR_CRASH -> any(random, vm).restartSidecar(S / 2 + random.nextLong(5 * S));
      case CRASH_IN_REPAIR -> vm.guest.trap(1 + random.nextInt(40), () -> vm.reset(time));
      case SIDECAR_DIES_IN_REPAIR ->
          vm.guest.trap(
              1 + random.nextInt(40),
              () -> world.timeline.after(0, () -> vm.restartSidecar(S / 2)));
      case AGENT_DEAF -> vm.guest.program.deafen(time);
      case PROGRAM_EXCHANGED -> vm.guest.program.exchange(time);
      case AGENT_LATE -> vm.guest.program.answerLate(random.nextLong(90 * S), time);
      case PAUSE -> {
        vm.guest.pause(time);
        vm.guest.program.deafen(time);
      }
      case NEW_LEADER -> {
        var old = world.leader();
        world.lead();
        old.ifPresent(o -> world.timeline.after(random.nextLong(15 * S), o::die));
      }
      case OPERATOR_CRASH -> {
        world.leader().ifPresent(OperatorLife::die);
        world.timeline.after(
            S + random.nextLong(9 * S),
            () -> {
              world.leadIfNobodyDoes();
            });
      }
      case STREAM_RESET -> vm.life().channel().ifPresent(Channel::reset);
      case STREAM_CUT -> {
        int ways = random.nextInt(3);
        world.cut(vm, ways != 1, ways != 0);
        world.timeline.after(time, () -> world.cut(vm, false, false));
      }
      case STREAMS_SLOW -> {
        world.slowStreams(10 * MS + random.nextLong(2 * S));
        world.timeline.after(time, () -> world.slowStreams(0));
      }
      case COMMANDS_TWICE -> {
        world.duplicating(true);
        world.timeline.after(3 * time, () -> world.duplicating(false));
      }
      case SYNC_CUT -> {
        SimulatedVm other = world.vm(choice + 1 + random.nextInt(world.vms.size() - 1));
        int ways = random.nextInt(3);
        cutSync(vm, other, ways != 1, ways != 0);
        world.timeline.after(2 * time, () -> cutSync(vm, other, false, false));
      }
      case SYNC_SLOW -> {
        world.network.slow(vm.guest.address, random.nextLong(3 * S));
        world.timeline.after(2 * time, () -> world.network.slow(vm.guest.address, 0));
      }
      case API_LOST -> {
        int ways = random.nextInt(3);
        world
            .leader()
            .ifPresent(
                operator -> {
                  world.api.loseRequestsOf(operator, ways == 0);
                  world.api.loseAnswersTo(operator, ways > 0);
                  world.timeline.after(
                      time,
                      () -> {
                        world.api.loseRequestsOf(operator, false);
                        world.api.loseAnswersTo(operator, false);
                      });
                });
      }
      case API_LATE -> {
        world.api.late(100 * MS + random.nextLong(6 * S));
        world.timeline.after(time, () -> world.api.late(0));
      }
      case API_TOUCHED -> {
        for (int i = 0; i < 20; i++) {
          world.timeline.after(random.nextLong(time), world.api::touch);
        }
      }
      case PROBES_LOST -> {
        world.unprobed(vm, true);
        world.timeline.after(time, () -> world.unprobed(vm, false));
      }
      case CLOCK_JUMP -> vm.guest.jumpClock(random.nextLong(7_200 * S) - 3_600 * S);
      case SLOW_DISK -> {
        vm.guest.pace(2 + random.nextInt(100));
        world.timeline.after(time, () -> vm.guest.pace(1));
      }
      case FULL_DISK -> {
        vm.guest.mounts.values().forEach(volume -> volume.limit(random.nextLong(5_000)));
        world.timeline.after(
            2 * time, () -> vm.guest.mounts.values().forEach(volume -> volume.limit(8L << 20)));
      }
      case FRESH_DISK -> swaps.freshDisk(vm, random);
      case ROLLED_BACK -> {
        String tree = world.trees.get(random.nextInt(world.trees.size()));
        Volume before = earlier.get(vm.name + tree);
        if (before == null) {
          earlier.put(vm.name + tree, vm.guest.mounts.get(tree).copy());
        } else {
          swaps.rolledBack(vm, tree, before);
          earlier.remove(vm.name + tree);
        }
      }
      case UNMOUNTED -> {
        String tree = world.trees.get(random.nextInt(world.trees.size()));
        vm.guest.mounted(tree, false);
        world.timeline.after(time, () -> vm.guest.mounted(tree, true));
      }
      case MEMBER_LEAVES -> world.leave(vm, random.nextInt(4) == 0);
      case MEMBER_RETURNS ->
          world.vms.stream()
              .filter(one -> !world.isMember(one))
              .findFirst()
              .ifPresent(one -> world.weigh(one, 1));
      case MEMBER_JOINS -> world.join();
      case WEIGHT_CHANGES -> {
        if (world.isMember(vm)) {
          world.weigh(vm, random.nextInt(4));
        }
      }
      case RECORD_OF_FORMER_TENURE,
          USER_AND_POD_GONE,
          ALIKE_AND_PRIMARY_GONE,
          ROT_AND_PRIMARY_GONE,
          FORMER_PRIMARY_FORGETS ->
          scenes.happen(event.kind(), random);
      default -> calamities.happen(event, random);
    }
    world.stir();
  }

  private SimulatedVm any(SplittableRandom random, SimulatedVm otherwise) {
    return random.nextInt(3) == 0 ? world.primary(random.nextLong()) : otherwise;
  }

  private void cutSync(SimulatedVm one, SimulatedVm other, boolean there, boolean back) {
    world.network.cut(one.guest.address, other.guest.address, there);
    world.network.cut(other.guest.address, one.guest.address, back);
  }
}
