package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.Mode;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.operator.SimulatedAdjudicator;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.BiFunction;

/** One HACluster with all that is around it. Everything in it follows from one seed. */
final class World {
  static final Duration AUDIT = Duration.ofSeconds(60);

  /** By then an old leader that was still there is gone. */
  private static final long LAST_OLD_LEADER = 20 * Timeline.SECOND;

  static final int ARCHIVE_ENTRIES = 6;
  private static final int MOST_VMS = 7;
  private static final long DISK = 8L << 20;
  private static final Map<String, String> FEATURES = Map.of("/srv/www", "site", "/etc/app", "app");

  final Timeline timeline;
  final SplittableRandom random;
  final Story story;
  final Figures figures = new Figures();
  final Truth truth;
  final SyncNetwork network = new SyncNetwork();
  final SimulatedApi api;
  final byte[] key = new byte[32];
  final SimulatedClock clock;
  final List<FileTree> files;
  final List<SimulatedVm> vms = new ArrayList<>();
  final List<OperatorLife> operators = new ArrayList<>();
  final List<String> trees;
  final List<Rotted> rotted = new ArrayList<>();

  /** Nothing in the cluster can tell any more what is right: a person must say it. */
  boolean needsAPerson;

  /** What the newest leader showed of exposure. */
  Optional<Instant> exposedSince = Optional.empty();

  private final Map<String, Integer> weights = new TreeMap<>();
  private final Config.Voting voting;
  private final boolean canQuiesce;
  private final boolean coarseTimes;
  private final boolean large;

  /** Who writes waits until that is committed. */
  final boolean confirming;

  private boolean observing;
  private final Map<String, Boolean> upCut = new HashMap<>();
  private final Map<String, Boolean> downCut = new HashMap<>();
  private final Set<String> unprobed = new HashSet<>();
  private Optional<String> bootstrapFrom = Optional.empty();
  private Optional<String> promote = Optional.empty();
  private long slowStreams;
  private boolean duplicating;
  private int operatorCount;
  private long nobodyLeadsUntil;

  /** Rot that a sidecar must tell from a write, unless somebody writes there. */
  record Rotted(SimulatedVm vm, String path, Digest row) {}

  World(long seed, Story story, Shape shape, Config.Voting voting) {
    SplittableRandom root = new SplittableRandom(seed);
    this.timeline = new Timeline(root.split());
    this.clock = new SimulatedClock(timeline);
    this.random = root.split();
    this.story = story;
    this.voting = voting;
    this.canQuiesce = shape.quiesce() != Shape.Quiesce.NONE;
    // By chance of its own: the other runs stay what they are.
    SplittableRandom files = new SplittableRandom(seed ^ 0x510e527fade682d1L);
    this.coarseTimes = files.nextInt(8) == 0;
    this.large = files.nextInt(8) == 0;
    this.confirming = files.nextInt(2) == 0;
    story.by(timeline);
    this.trees = shape.twoTrees() ? List.of("/etc/app", "/srv/www") : List.of("/srv/www");
    Map<String, String> features = new TreeMap<>(FEATURES);
    features.keySet().retainAll(trees);
    this.truth = new Truth(new FingerprintKey(key), features, story);
    this.api =
        new SimulatedApi(
            timeline,
            root.split(),
            truth,
            this::leader,
            () -> timeline.after(200 * Timeline.MILLISECOND, this::vmsChanged));
    this.files =
        trees.stream()
            .map(
                path ->
                    new FileTree(
                        FEATURES.get(path),
                        path,
                        List.of(),
                        List.of(),
                        Quieting.command(shape.quiesce()),
                        List.of()))
            .toList();
    shape.weights().forEach(weight -> make(root, weight, this::disk));
    truth.clients.led(this::led);
  }

  private SimulatedVm make(
      SplittableRandom source, int weight, BiFunction<SimulatedGuest, String, Volume> disks) {
    int index = vms.size();
    String name = "web-" + index;
    String address = "172.31.77." + (11 + index);
    SimulatedGuest guest =
        new SimulatedGuest(name, address, timeline, network, truth, source.split());
    if (coarseTimes) {
      guest.coarseTimes();
    }
    if (large) {
      guest.largeFiles();
    }
    trees.forEach(tree -> guest.mounts.put(tree, disks.apply(guest, tree)));
    guest.jumpClock((source.nextInt(11) - 5) * Timeline.SECOND);
    truth.add(guest);
    SimulatedVm vm = new SimulatedVm(this, name, index, guest, source.split());
    vms.add(vm);
    weights.put(name, weight);
    return vm;
  }

  /** A disk without anything. */
  Volume empty(SimulatedGuest guest, String tree) {
    return new Volume(10 + trees.indexOf(tree), DISK, guest.fileTime());
  }

  /** A disk as its image made it long ago. */
  Volume disk(SimulatedGuest guest, String tree) {
    long time = guest.fileTime() - 86_400 * Timeline.SECOND;
    Volume volume = new Volume(10 + trees.indexOf(tree), DISK, time);
    for (String path : Deeds.FILES) {
      volume.makeDirectories(Volume.parent(path), 0755, time);
      volume.write(
          path,
          images.computeIfAbsent(tree + path, p -> Content.of("image " + p, Content.Origin.IMAGE)),
          0644,
          time,
          time);
    }
    volume.create("link", Node.link(volume.inode(), time, "index.html"), time);
    volume.sync();
    return volume;
  }

  private final Map<String, Content> images = new HashMap<>();

  /** Everything starts. */
  void begin() {
    vms.forEach(
        vm -> {
          vm.start();
          vm.known();
          truth.held(vm.guest);
        });
    lead();
  }

  // The spec's members.

  boolean isMember(SimulatedVm vm) {
    return weights.containsKey(vm.name);
  }

  /** The VMs that the spec names. */
  List<SimulatedVm> members() {
    return vms.stream().filter(this::isMember).toList();
  }

  /**
   * The VMs with a sync NIC and a sidecar: who leaves the spec has both until the record lets go.
   */
  private List<SimulatedVm> equipped() {
    return vms.stream()
        .filter(vm -> !vm.isDeleted())
        .filter(vm -> isMember(vm) || truth.record().members().containsKey(vm.name))
        .toList();
  }

  /**
   * The spec no longer names a VM, unless it names nobody then.
   *
   * @param deleted the VM is deleted too; its disk stays
   */
  void leave(SimulatedVm vm, boolean deleted) {
    if (weights.size() > 1 && weights.remove(vm.name) != null) {
      story.tell("the spec no longer names %s", vm.name);
      if (deleted) {
        vm.delete();
      }
      vmsChanged();
    }
  }

  /** The spec names a VM, with this base weight. */
  void weigh(SimulatedVm vm, int weight) {
    weights.put(vm.name, weight);
    vm.create();
    story.tell("the spec names %s, with the weight %d", vm.name, weight);
    vmsChanged();
  }

  /** The spec names a new VM. */
  void join() {
    if (vms.size() < MOST_VMS) {
      SimulatedVm vm = make(random, 1, this::empty);
      vm.start();
      truth.held(vm.guest);
      weigh(vm, 1);
    }
  }

  SimulatedVm vm(long choice) {
    return vms.get((int) Math.floorMod(choice, vms.size()));
  }

  /** On the sync network nothing comes to a member or from it, or all does again. */
  void cutSync(SimulatedVm vm, boolean is) {
    for (SimulatedVm other : vms) {
      if (other != vm) {
        network.cut(vm.guest.address, other.guest.address, is);
        network.cut(other.guest.address, vm.guest.address, is);
      }
    }
  }

  /** The recorded primary, or else any. */
  SimulatedVm primary(long choice) {
    Optional<String> primary = truth.record().primary();
    return vms.stream()
        .filter(vm -> primary.filter(vm.name::equals).isPresent())
        .findFirst()
        .orElse(vm(choice));
  }

  /** The guest that the Service leads to, also if it is dead. */
  private Optional<SimulatedGuest> led() {
    String address = api.led();
    for (SimulatedVm vm : vms) {
      if (vm.podAddress().equals(address)) {
        return vm.present;
      }
    }
    return Optional.empty();
  }

  /** Whom the Service leads to, or else any. */
  SimulatedVm served(long choice) {
    return vms.stream()
        .filter(vm -> vm.podAddress().equals(api.led()))
        .findFirst()
        .orElse(vm(choice));
  }

  // Operators.

  /** Another operator acquires the lease; the ones before it do not know yet. */
  void lead() {
    lead(0);
  }

  private void lead(long floor) {
    if (isWithoutOperator()) {
      return;
    }
    OperatorLife operator = new OperatorLife(this, ++operatorCount, floor);
    operators.add(operator);
    story.tell("operator %d begins to lead", operator.number);
  }

  /** Where the operator's Service leads: to the newest, as a rule. */
  Optional<OperatorLife> service() {
    List<OperatorLife> ready = operators.stream().filter(OperatorLife::isReady).toList();
    if (ready.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        random.nextInt(8) == 0 ? ready.get(random.nextInt(ready.size())) : ready.getLast());
  }

  /** The newest that lives. */
  Optional<OperatorLife> leader() {
    operators.removeIf(OperatorLife::isDead);
    return operators.isEmpty() ? Optional.empty() : Optional.of(operators.getLast());
  }

  /** True of the operator that {@link #leader} finds. */
  boolean isLeader(OperatorLife operator) {
    for (int i = operators.size() - 1; i >= 0; i--) {
      if (!operators.get(i).isDead()) {
        return operators.get(i) == operator;
      }
    }
    return false;
  }

  void vmsChanged() {
    operators.stream().filter(OperatorLife::isReady).forEach(OperatorLife::configure);
  }

  void stir() {
    operators.forEach(OperatorLife::stir);
  }

  Map<String, SimulatedAdjudicator.Vm> vmsAsKnown() {
    Map<String, SimulatedAdjudicator.Vm> known = new TreeMap<>();
    equipped()
        .forEach(
            vm ->
                known.put(
                    vm.name,
                    new SimulatedAdjudicator.Vm(
                        vm.knownUid(),
                        vm.knownRunning(),
                        vm.knownAddress(),
                        vm.guest.address + "/24")));
    return known;
  }

  boolean isKnown(String member, String uid) {
    return equipped().stream().anyMatch(vm -> vm.name.equals(member) && vm.knownUid().equals(uid));
  }

  Config config() {
    return new Config(
        weights,
        observing,
        voting,
        Config.Timing.standard(),
        canQuiesce,
        new Config.Bootstrap(bootstrapFrom, false),
        promote);
  }

  /** A person sets the mode to Observe, or to Repair. */
  void observe(boolean is) {
    story.tell("a person sets the mode to %s", is ? "Observe" : "Repair");
    observing = is;
    truth.mode = is ? Mode.OBSERVE : Mode.REPAIR;
    vmsChanged();
  }

  /** A person names the member whose state is to be the first. */
  void bootstrapFrom(String member) {
    bootstrapFrom = Optional.of(member);
    truth.chosen(member);
    vmsChanged();
  }

  /** A person has a member lead, with what it holds; empty: no more. */
  void promote(Optional<String> member) {
    promote = member;
    member.ifPresent(truth::promotedByAPerson);
    vmsChanged();
  }

  /** Which member remembers the newest state; where none is left, who was to join them. */
  Optional<SimulatedVm> newest() {
    List<SimulatedVm> recorded =
        members().stream().filter(vm -> truth.record().members().containsKey(vm.name)).toList();
    return (recorded.isEmpty() ? members() : recorded)
        .stream()
            .max(
                Comparator.comparing(
                    vm ->
                        truth.disks.memories(vm.guest).stream()
                            .map(Remembered::position)
                            .max(Comparator.naturalOrder())
                            .orElse(new Position(0, 0))));
  }

  // Networks.

  long delay() {
    long usual = 100 * Timeline.MICROSECOND + random.nextLong(2 * Timeline.MILLISECOND);
    return slowStreams == 0 ? usual : usual + random.nextLong(slowStreams);
  }

  void slowStreams(long nanos) {
    slowStreams = nanos;
  }

  void duplicating(boolean is) {
    duplicating = is;
  }

  boolean duplicates() {
    return duplicating && random.nextInt(3) == 0;
  }

  boolean isCutUp(String member) {
    return upCut.getOrDefault(member, false);
  }

  boolean isCutDown(String member) {
    return downCut.getOrDefault(member, false);
  }

  void cut(SimulatedVm vm, boolean up, boolean down) {
    upCut.put(vm.name, up);
    downCut.put(vm.name, down);
    vm.lives().forEach(life -> life.channel().ifPresent(channel -> channel.cut(up, down)));
  }

  /** Probes of this guest find nobody, or somebody again. */
  void unprobed(SimulatedVm vm, boolean is) {
    if (is) {
      unprobed.add(vm.name);
    } else {
      unprobed.remove(vm.name);
    }
  }

  /** What a probe of an address finds. */
  boolean isAlive(String podAddress) {
    return vms.stream()
        .anyMatch(
            vm ->
                vm.podAddress().equals(podAddress)
                    && vm.guest.isAwake()
                    && !unprobed.contains(vm.name));
  }

  /** Whatever was broken is whole again; what was written stays. */
  void heal() {
    story.tell("calm");
    network.heal();
    api.heal();
    slowStreams = 0;
    duplicating = false;
    unprobed.clear();
    for (SimulatedVm vm : vms) {
      vm.guest.heal();
      vm.guest.mounts.values().forEach(volume -> volume.limit(DISK));
      vm.revive();
      cut(vm, false, false);
    }
    leadIfNobodyDoes();
    timeline.after(LAST_OLD_LEADER, this::leadIfNobodyDoes);
    stir();
  }

  void leadIfNobodyDoes() {
    leadIfNobodyDoes(0);
  }

  /**
   * An operator begins to lead if there is none.
   *
   * @param floor the highest term that its process heard before
   */
  void leadIfNobodyDoes(long floor) {
    if (leader().isEmpty()) {
      lead(floor);
    }
  }

  /** All operators are gone, and for so long there is no other. */
  void withoutOperator(long nanos) {
    nobodyLeadsUntil = Math.max(nobodyLeadsUntil, timeline.now() + nanos);
    List.copyOf(operators).forEach(OperatorLife::die);
    timeline.after(nanos, this::leadIfNobodyDoes);
  }

  private boolean isWithoutOperator() {
    return timeline.now() < nobodyLeadsUntil;
  }

  /**
   * True if the disk of every member of the spec holds the committed state and remembers it, and
   * the leader knows.
   */
  boolean isAtRest() {
    var committed = truth.record().committed();
    return committed.isPresent()
        && truth.record().members().equals(weights)
        && members().stream()
            .allMatch(
                vm ->
                    vm.guest.isRunning()
                        && !vm.guest.quiesce.isStill()
                        && truth.disks.platterRoot(vm.guest).equals(committed.get().root())
                        && truth.disks.memories(vm.guest).contains(committed.get().remembered()))
        && leader().filter(OperatorLife::isReady).filter(l -> l.adjudicator.isAtRest()).isPresent()
        && vms.stream()
            .anyMatch(vm -> truth.record().isPrimary(vm.name) && vm.podAddress().equals(api.led()));
  }
}
