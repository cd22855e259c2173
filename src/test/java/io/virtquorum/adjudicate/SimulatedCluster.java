package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/**
 * Members, operators and an API server around the production reducer, on one simulated clock. One
 * seed decides everything, so a run can be repeated exactly.
 */
final class SimulatedCluster {
  static final Duration SETTLE = Duration.ofSeconds(6);
  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  /** Put into words only when somebody reads it. */
  private record Line(long at, String format, Object[] arguments) {}

  private record Due(long at, long order, Runnable action) {}

  final Random random;
  final Invariants invariants = new Invariants(this);
  final Map<String, SimulatedMember> members = new TreeMap<>();
  final List<SimulatedLeader> leaders = new ArrayList<>();
  private final List<Line> story = new ArrayList<>();
  ClusterRecord record = ClusterRecord.none();
  Config config;
  long version;
  long millis;
  int maxDelay = 20;
  int maxWork = 300;
  int loseWrites;
  private final PriorityQueue<Due> due =
      new PriorityQueue<>(
          (x, y) ->
              x.at() != y.at() ? Long.compare(x.at(), y.at()) : Long.compare(x.order(), y.order()));
  private long orders;

  private SimulatedCluster(long seed, int... weights) {
    random = new Random(seed);
    Map<String, Integer> base = new TreeMap<>();
    for (int i = 0; i < weights.length; i++) {
      base.put("web-" + i, weights[i]);
    }
    config =
        new Config(
            base,
            false,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            Config.Bootstrap.ask(),
            Optional.empty());
    base.keySet().forEach(this::add);
    at(0, this::beat);
  }

  /** Members of weight 1 with the same two files, and no operator yet. */
  static SimulatedCluster of(int members) {
    int[] weights = new int[members];
    java.util.Arrays.fill(weights, 1);
    return weighing(weights);
  }

  static SimulatedCluster weighing(int... weights) {
    return seeded(7, weights);
  }

  static SimulatedCluster seeded(long seed, int... weights) {
    return new SimulatedCluster(seed, weights);
  }

  /** Three members in sync at epoch 1, with web-0 as the primary. */
  static SimulatedCluster inSync(int members) {
    SimulatedCluster cluster = of(members);
    cluster.lead();
    cluster.untilInSync();
    return cluster;
  }

  SimulatedMember add(String name) {
    SimulatedMember member = new SimulatedMember(name, this);
    member.disk.write("index.html", "v1");
    member.disk.write("data", "d1");
    member.says("packages", 1);
    members.put(name, member);
    return member;
  }

  SimulatedMember member(String name) {
    return members.get(name);
  }

  SimulatedMember member(int number) {
    return members.get("web-" + number);
  }

  SimulatedLeader leader() {
    return leaders.getLast();
  }

  /** A new operator leads; the one before is stopped, and all members attach to the new one. */
  SimulatedLeader lead() {
    leaders.forEach(l -> l.stopped = true);
    SimulatedLeader leader = leadBeside();
    members.values().forEach(m -> m.attach(leader));
    return leader;
  }

  /** A new operator leads while the one before does not know it; members stay where they are. */
  SimulatedLeader leadBeside() {
    SimulatedLeader leader = new SimulatedLeader(leaders.size() + 1L, this);
    leaders.add(leader);
    tell("term %d begins", leader.term);
    leader.receive(new Event.Configured(config));
    return leader;
  }

  void configure(Config next) {
    config = next;
    tell("spec: %s", next);
    invariants.promoted |= next.promote().isPresent();
    leader().receive(new Event.Configured(next));
  }

  Config bootstrapFrom(String name) {
    return config.withBootstrap(new Config.Bootstrap(Optional.of(name), false));
  }

  Config bootstrapVote() {
    return config.withBootstrap(new Config.Bootstrap(Optional.empty(), true));
  }

  boolean compareAndSwap(SimulatedLeader by, long expected, ClusterRecord next) {
    if (version != expected) {
      tell("term %d may not write: superseded", by.term);
      return false;
    }
    invariants.recording(by, record, next);
    record = next;
    version++;
    tell("record: %s", next);
    at(millis + delay(), this::settlePromotion);
    return true;
  }

  /** As the operator does: the wish for a primary goes once the record fulfils it. */
  private void settlePromotion() {
    if (config.promote().isPresent() && record.isPrimary(config.promote().get())) {
      configure(config.withPromote(Optional.empty()));
    }
  }

  Instant now() {
    return BEGIN.plusMillis(millis);
  }

  long delay() {
    return 1 + random.nextInt(maxDelay);
  }

  long work() {
    return 1 + random.nextInt(maxWork);
  }

  void at(long when, Runnable action) {
    due.add(new Due(when, orders++, action));
  }

  /** Quick passes every 2 s and ticks every second, as in production. */
  private void beat() {
    if (millis % 2000 == 0) {
      members.values().forEach(SimulatedMember::quickPass);
    }
    leaders.forEach(l -> l.receive(new Event.Tick()));
    at(millis + 1000, this::beat);
  }

  void run(Duration time) {
    long end = millis + time.toMillis();
    while (due.peek().at() <= end) {
      step();
    }
    millis = end;
  }

  private void step() {
    Due next = due.remove();
    millis = next.at();
    next.action().run();
  }

  void until(String what, Duration bound, BooleanSupplier condition) {
    long end = millis + bound.toMillis();
    while (!condition.getAsBoolean()) {
      if (due.peek().at() > end) {
        throw new AssertionError("not within " + bound + ": " + what + "\n" + story());
      }
      step();
    }
  }

  void untilInSync() {
    until("all members hold the committed state", Duration.ofMinutes(2), this::isInSync);
  }

  boolean isInSync() {
    return record.committed().isPresent()
        && record.members().equals(config.members())
        && leader().state.record().equals(record)
        && leader().state.work().jobs().isEmpty()
        && leader().state.news().exposedSince().isEmpty()
        && record.members().keySet().stream().allMatch(m -> holdsCommitted(member(m)))
        && (config.observe()
            || record.members().keySet().stream()
                    .map(m -> member(m).outputs.get("packages"))
                    .distinct()
                    .count()
                == 1);
  }

  boolean holdsCommitted(SimulatedMember member) {
    return record.committed().isPresent()
        && member
            .disk
            .memory
            .map(m -> m.remembered())
            .equals(record.committed().map(Committed::remembered))
        && member.disk.matrix().root().equals(record.committed().get().root());
  }

  long epoch() {
    return record.committed().map(Committed::epoch).orElse(0L);
  }

  void tell(String format, Object... arguments) {
    story.add(new Line(millis, format, arguments));
  }

  String story() {
    StringBuilder text = new StringBuilder();
    for (Line line : story) {
      text.append(
          "%8.3f %s%n"
              .formatted(
                  line.at() / 1000.0, String.format(Locale.ROOT, line.format(), line.arguments())));
    }
    text.append("record ").append(record);
    members
        .values()
        .forEach(
            m ->
                text.append(
                    "\n%s powered=%s attached=%s %s memory %s changes %s"
                        .formatted(
                            m.name,
                            m.powered,
                            m.isAttached(),
                            m.disk.contents(),
                            m.disk.memory.map(SimulatedDisk.Memory::remembered),
                            m.disk.changes())));
    leaders.stream()
        .filter(l -> !l.stopped)
        .forEach(
            l ->
                text.append(
                    "\nterm %d jobs %s holds %s writing %s members %s"
                        .formatted(
                            l.term,
                            l.state.work().jobs(),
                            l.state.news().holds(),
                            l.state.ledger().writing(),
                            l.state.members())));
    return text.toString();
  }
}
