package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.vote.VotingRule;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Users, jobs, rot, power cuts, fresh disks, slow networks, rival operators, promotions, users who
 * move, and members that come, go and change their weight, by chance; {@link Invariants} hold at
 * every step, and without further faults everybody becomes equal. One seed is one run.
 */
public final class RandomizedRun {
  private static final Duration CALM = Duration.ofMinutes(60);
  private static final List<String> PATHS = List.of("index.html", "data", "log", "conf");
  private static final int MOST = 9;

  private RandomizedRun() {}

  /**
   * Runs one seed.
   *
   * @throws AssertionError with the seed and the story, if an invariant breaks, something fails, or
   *     it comes to no rest
   */
  public static void of(long seed) {
    SimulatedCluster cluster = null;
    try {
      cluster = begin(seed);
      run(cluster);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "seed "
              + seed
              + " (repeat it with -Dseed="
              + seed
              + "): "
              + e.getMessage()
              + (e instanceof AssertionError
                  ? ""
                  : "\n" + (cluster == null ? "" : cluster.story())),
          e);
    }
  }

  private static SimulatedCluster begin(long seed) {
    Random random = new Random(seed);
    int[] weights =
        new int[random.nextInt(5) == 0 ? 1 + random.nextInt(MOST) : 2 + random.nextInt(4)];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = random.nextInt(4) == 0 ? random.nextInt(4) : 1;
    }
    SimulatedCluster cluster = SimulatedCluster.seeded(seed, weights);
    if (random.nextInt(3) == 0 && weights.length > 1) {
      cluster.member(1).disk.write("index.html", "differs");
      if (random.nextInt(3) > 0) {
        cluster.config = cluster.bootstrapFrom("web-" + random.nextInt(weights.length));
      }
    } else if (random.nextInt(10) == 0 && IntStream.of(weights).allMatch(w -> w > 0)) {
      cluster.invariants.primaryMayLose = true;
      cluster.config =
          cluster.config.withVoting(
              new Config.Voting(Authority.VOTES, VotingRule.STRICT_MAJORITY, OptionalInt.empty()));
    }
    cluster.maxDelay = random.nextBoolean() ? 20 : 1500;
    cluster.maxWork = random.nextBoolean() ? 200 : 4000;
    cluster.lead();
    if (random.nextInt(4) != 0) {
      if (!comesToRest(cluster)) {
        helpAsAPersonWould(cluster);
      }
      cluster.until("the first epoch", CALM, cluster::isInSync);
    }
    return cluster;
  }

  private static void run(SimulatedCluster cluster) {
    int faults = 5 + cluster.random.nextInt(25);
    for (int i = 0; i < faults; i++) {
      disturb(cluster);
      cluster.run(
          Duration.ofMillis(cluster.random.nextInt(cluster.random.nextBoolean() ? 300 : 9000)));
    }
    calm(cluster);
    for (int i = 0; !comesToRest(cluster) && i < 10; i++) {
      helpAsAPersonWould(cluster);
    }
    cluster.until("everybody is equal", CALM, cluster::isInSync);
    cluster.invariants.nothingAcceptedIsLost();
  }

  private static void disturb(SimulatedCluster cluster) {
    Random random = cluster.random;
    SimulatedMember any = any(cluster);
    String path = PATHS.get(random.nextInt(PATHS.size()));
    switch (random.nextInt(27)) {
      case 0, 1, 2, 3 -> write(cluster, primary(cluster), path, true);
      case 4 -> write(cluster, any, path, random.nextBoolean());
      case 5 ->
          cluster.members.values().stream()
              .filter(m -> m.powered && random.nextInt(3) > 0)
              .forEach(m -> m.write(path, "alike", random.nextBoolean()));
      case 6, 7 -> any.rot(path);
      case 8, 9 -> any.audit();
      case 10 -> (random.nextBoolean() ? primary(cluster) : any).crash();
      case 11, 12 -> any.boot(random(cluster));
      case 13 -> {
        any.detach();
        if (random.nextBoolean()) {
          any.attach(random(cluster));
        }
      }
      case 14 -> any.loseAnswers = 1 + random.nextInt(2);
      case 15 -> {
        if (random.nextBoolean()) {
          any.failPulls = 1 + random.nextInt(4);
        } else {
          any.syncCut = !any.syncCut;
        }
      }
      case 16 -> {
        cluster.loseWrites = random.nextInt(2);
        if (random.nextBoolean()) {
          cluster.lead();
        } else {
          cluster.leadBeside();
        }
      }
      case 17 -> {
        if (cluster.members.values().stream()
                    .filter(m -> m != any && m.powered)
                    .filter(cluster::holdsCommitted)
                    .count()
                > 0
            && random.nextInt(3) == 0) {
          any.wipe();
        }
      }
      case 18, 19 -> any.sessions = random.nextInt(3) == 0 ? 1 + random.nextInt(2) : 0;
      case 20 -> {
        any.sessions = 1;
        write(cluster, any, path, true);
      }
      case 21 ->
          any.outputs.put(
              "kernel",
              new Output(
                  new Digest(random.nextInt(2), random.nextInt(2), 0, 0),
                  "",
                  Output.Kind.COMPARED));
      case 24 -> any.says("packages", random.nextInt(4));
      case 25 -> {
        any.fails("packages");
        cluster.at(cluster.millis + 20_000, () -> any.says("packages", random.nextInt(4)));
      }
      case 26 -> any.failApplies = 1 + random.nextInt(4);
      case 22 -> {
        if (random.nextInt(3) == 0) {
          cluster.configure(cluster.config.withPromote(Optional.of(any.name)));
        }
      }
      case 23 -> relabel(cluster, random);
      default -> throw new IllegalStateException();
    }
  }

  /** Members leave the spec, come (back) to it, or weigh something else. */
  private static void relabel(SimulatedCluster cluster, Random random) {
    Map<String, Integer> members = new TreeMap<>(cluster.config.members());
    String name = "web-" + random.nextInt(Math.min(MOST, cluster.members.size() + 1));
    switch (random.nextInt(3)) {
      case 0 -> {
        if (members.size() > 1) {
          members.remove(name);
        }
      }
      case 1 -> members.computeIfPresent(name, (n, w) -> random.nextInt(4));
      default -> {
        members.putIfAbsent(name, 1);
        if (!cluster.members.containsKey(name)) {
          cluster.add(name).attach(cluster.leader());
        }
      }
    }
    cluster.configure(cluster.config.withMembers(members));
  }

  private static void write(
      SimulatedCluster cluster, SimulatedMember member, String path, boolean user) {
    if (member.powered) {
      member.write(
          path,
          cluster.random.nextInt(8) == 0 ? null : "c" + cluster.random.nextInt(100_000),
          user);
    }
  }

  private static void calm(SimulatedCluster cluster) {
    cluster.tell("calm");
    cluster.lead();
    cluster
        .members
        .values()
        .forEach(
            m -> {
              m.syncCut = false;
              m.failPulls = 0;
              m.failApplies = 0;
              m.loseAnswers = 0;
              m.sessions = 0;
              m.boot(cluster.leader());
              if (!m.isAttached()) {
                m.attach(cluster.leader());
              }
              m.audit();
            });
    cluster.loseWrites = 0;
  }

  private static boolean comesToRest(SimulatedCluster cluster) {
    long end = cluster.millis + Duration.ofMinutes(15).toMillis();
    while (!cluster.isInSync() && cluster.millis < end) {
      cluster.run(Duration.ofSeconds(1));
    }
    return cluster.isInSync();
  }

  /** Some holds end only when somebody acts, as they say themselves. */
  private static void helpAsAPersonWould(SimulatedCluster cluster) {
    SimulatedLeader leader = cluster.leader();
    cluster.members.values().forEach(SimulatedMember::audit);
    if (cluster.config.authority() == Authority.VOTES && leader.holds("NoMajority")) {
      boolean alike =
          cluster.members.values().stream().map(m -> m.disk.contents()).distinct().count() == 1;
      if (alike) { // who is behind does not vote, and may weigh too much to do without
        cluster.configure(cluster.config.withPromote(heaviest(cluster)));
      } else {
        String content = "c" + cluster.random.nextInt(100_000);
        cluster.members.values().forEach(m -> PATHS.forEach(p -> m.write(p, content, true)));
      }
    } else if (leader.holds("PromotionMoved")) {
      cluster.configure(cluster.config.withPromote(cluster.record.primary()));
    } else if (leader.holds("PromotionUnknown")) {
      cluster.configure(cluster.config.withPromote(Optional.empty()));
    } else if (leader.holds("PrimaryForgot")) {
      undo(cluster);
    } else if (leader.holds("RotWithoutDonor") || leader.holds("MajorityDisagrees")) {
      PATHS.forEach(
          path -> primary(cluster).write(path, "c" + cluster.random.nextInt(100_000), true));
    } else if (leader.holds("BootstrapNeeded") || leader.holds("BootstrapUnknown")) {
      cluster.configure(cluster.bootstrapFrom(cluster.config.members().keySet().iterator().next()));
    } else {
      throw new AssertionError("it comes to no rest, and nobody is told why\n" + cluster.story());
    }
  }

  private static Optional<String> heaviest(SimulatedCluster cluster) {
    return cluster.record.members().entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey);
  }

  /** Takes back by hand what changed on a member that remembers the committed state. */
  private static void undo(SimulatedCluster cluster) {
    for (SimulatedMember member : cluster.members.values()) {
      if (member
          .disk
          .memory
          .map(m -> m.remembered())
          .equals(cluster.record.committed().map(Committed::remembered))) {
        member
            .disk
            .changes()
            .forEach(
                c ->
                    member.write(
                        c.key().item(), c.before().map(SimulatedDisk::content).orElse(null), true));
        return;
      }
    }
  }

  private static SimulatedMember any(SimulatedCluster cluster) {
    List<SimulatedMember> all = List.copyOf(cluster.members.values());
    return all.get(cluster.random.nextInt(all.size()));
  }

  private static SimulatedMember primary(SimulatedCluster cluster) {
    return cluster.record.primary().map(cluster::member).orElseGet(() -> any(cluster));
  }

  private static SimulatedLeader random(SimulatedCluster cluster) {
    List<SimulatedLeader> alive = cluster.leaders.stream().filter(l -> !l.stopped).toList();
    return cluster.random.nextInt(4) == 0
        ? alive.get(cluster.random.nextInt(alive.size()))
        : alive.getLast();
  }
}
