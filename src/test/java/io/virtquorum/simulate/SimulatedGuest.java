package io.virtquorum.simulate;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/**
 * A guest with a kernel, disks and a guest agent, all of which may fail. A call takes simulated
 * time and must come from a task of the {@link Timeline}; what was begun in the guest goes on when
 * nobody waits for it any more, as with the real agent.
 */
final class SimulatedGuest implements GuestAgent {
  /** 2026-01-01, in nanoseconds since 1970. */
  private static final long EPOCH = 1_767_225_600L * Timeline.SECOND;

  /** What is written within one has the same ctime: the kernel's tick. */
  private static final long TICK = 4 * Timeline.MILLISECOND;

  /** What rsync takes for a file. */
  private static final long COPYING = Timeline.MILLISECOND;

  /** As above, where files are large. */
  private static final long COPYING_MUCH = 300 * Timeline.MILLISECOND;

  /** As TICK, where inodes of ext4 have 128 bytes, or on ext3. */
  private static final long COARSE_TICK = Timeline.SECOND;

  final String name;
  final String address;
  final People people = new People();
  final Map<String, Volume> mounts = new LinkedHashMap<>();
  final List<SyncNetwork.Daemon> daemons = new ArrayList<>();
  final Map<String, Timeline.Task> rsyncs = new HashMap<>();
  final SplittableRandom random;
  final Timeline timeline;
  final SyncNetwork network;
  final Truth truth;
  private final Set<String> unmounted = new HashSet<>();
  private final CollectPrograms collect = new CollectPrograms(this);
  private final SyncPrograms sync = new SyncPrograms(this);
  final QuiescePrograms quiesce = new QuiescePrograms(this);
  final Hindrances hindrances = new Hindrances(this);
  final SimulatedAgent agent;
  private final Set<Timeline.Task> processes = new HashSet<>();
  private Volume memoryDisk;
  Volume bare;
  private boolean exists;
  private boolean running;
  private int boots;
  private String bootId = "";
  private boolean addressed;
  private long clockOffset;
  private long tick = TICK;
  private long copying = COPYING;
  private long pausedUntil;
  private long pace = 1;
  private int trap;
  private Runnable trapped;

  SimulatedGuest(
      String name,
      String address,
      Timeline timeline,
      SyncNetwork network,
      Truth truth,
      SplittableRandom random) {
    this.name = name;
    this.address = address;
    this.timeline = timeline;
    this.network = network;
    this.truth = truth;
    this.random = random;
    this.agent = new SimulatedAgent(this);
    network.join(address, this);
  }

  // What happens to a guest.

  /** QEMU starts it. */
  void powerOn() {
    exists = true;
    agent.unmet();
    boot();
  }

  private void boot() {
    running = true;
    boots++;
    bootId = name + "-boot-" + boots;
    addressed = false;
    memoryDisk = new Volume(1, 64 << 20, fileTime());
    bare = new Volume(2, 64 << 20, fileTime());
    for (String point : mounts.keySet()) {
      bare.makeDirectories(point.substring(1), 0755, fileTime());
    }
    people.reboot();
    agent.fail(() -> new GuestException.Rebooted("The guest rebooted meanwhile"));
  }

  /** Power is cut, or the kernel died. */
  void crash() {
    agent.presence();
    running = false;
    quiesce.reboot();
    processes.forEach(Timeline.Task::kill);
    processes.clear();
    rsyncs.clear();
    daemons.clear();
    pausedUntil = 0;
    agent.hear();
    mounts.values().forEach(volume -> volume.crash(random));
    truth.crashed(this);
  }

  /** It comes up again after a crash, with QEMU still there. */
  void reboot() {
    if (exists && !running) {
      boot();
    }
  }

  /** QEMU ends. */
  void powerOff() {
    if (running) {
      crash();
    }
    exists = false;
    agent.fail(() -> new GuestException.Unreachable("QEMU is gone", null));
  }

  /** How often it booted. */
  int boots() {
    return boots;
  }

  boolean isRunning() {
    return running;
  }

  boolean exists() {
    return exists;
  }

  /** True if its kernel would answer a packet now. */
  boolean isAwake() {
    return running && timeline.now() >= pausedUntil;
  }

  /** Its sync address is set. */
  void addressed() {
    addressed = true;
  }

  boolean hasAddress() {
    return addressed;
  }

  /** The hypervisor stops it for a while. */
  void pause(long nanos) {
    agent.presence();
    pausedUntil = Math.max(pausedUntil, timeline.now() + nanos);
  }

  long pausedUntil() {
    return pausedUntil;
  }

  /** How many times slower than usual everything is. */
  void pace(long times) {
    pace = times;
  }

  long slowed(long nanos) {
    return nanos * pace;
  }

  void jumpClock(long nanos) {
    clockOffset += nanos;
  }

  /** A file system is gone from under its mount point, or there again. */
  void mounted(String point, boolean is) {
    if (is) {
      unmounted.remove(point);
    } else {
      unmounted.add(point);
      truth.promises.diskGone(this);
    }
  }

  /** The file system of a tree turns read-only, or can be written again. */
  void readOnly(String tree, boolean is) {
    at(tree).volume().readOnly(is);
  }

  /** The disk of a tree fails to read and write, or works again. */
  void failing(String tree, boolean is) {
    at(tree).volume().failing(is);
  }

  /** Its file systems count only whole seconds. */
  void coarseTimes() {
    tick = COARSE_TICK;
  }

  boolean hasCoarseTimes() {
    return tick == COARSE_TICK;
  }

  /** Its files are large, and take their time to be copied and put in their place. */
  void largeFiles() {
    copying = COPYING_MUCH;
  }

  /** What rsync takes for a file. */
  long copying() {
    return copying;
  }

  boolean isMounted(String point) {
    return !unmounted.contains(point);
  }

  /** Whatever slows it down is over. */
  void heal() {
    agent.heal();
    pausedUntil = 0;
    hindrances.heal();
    pace = 1;
    trap = 0;
    unmounted.clear();
    for (Volume volume : mounts.values()) {
      if (volume.isReadOnly() || volume.isFailing()) {
        volume.readOnly(false);
        volume.failing(false);
      }
    }
  }

  /** Does something in the midst of a repair: after so many of its steps. */
  void trap(int steps, Runnable what) {
    trap = steps;
    trapped = what;
  }

  /** A step of a repair; true if the guest is not what it was any more. */
  boolean sprung() {
    if (trap > 0 && --trap == 0) {
      int before = boots;
      trapped.run();
      return !running || boots != before;
    }
    return false;
  }

  /** True until something is asked of the agent in vain. */
  boolean isQuiet() {
    return running
        && pace == 1
        && timeline.now() >= pausedUntil
        && agent.isWell()
        && !hindrances.hangs();
  }

  /** Changes when anything changes that a look could see. */
  long version() {
    long version = boots * 31L + unmounted.size();
    version = version * 31 + clockOffset;
    version = version * 31 + people.version(timeline.now());
    for (Volume volume : mounts.values()) {
      version = version * 31 + volume.version();
    }
    return version;
  }

  // What its programs need.

  /** The clock in whole seconds. */
  long seconds() {
    return Math.floorDiv(EPOCH + clockOffset + timeline.now(), Timeline.SECOND);
  }

  /** The clock as file systems see it, in nanoseconds. */
  long fileTime() {
    return (EPOCH + clockOffset + timeline.now()) / tick * tick;
  }

  /**
   * A place in a file system.
   *
   * @param path relative to the volume's root
   */
  record Place(Volume volume, String path) {}

  Place at(String absolute) {
    if (absolute.startsWith("/run/")) {
      return new Place(memoryDisk, absolute.substring(1));
    }
    for (var mount : mounts.entrySet()) {
      String point = mount.getKey();
      if (absolute.startsWith(point)
          && (absolute.length() == point.length() || absolute.charAt(point.length()) == '/')) {
        return unmounted.contains(point)
            ? new Place(bare, absolute.substring(1))
            : new Place(
                mount.getValue(),
                absolute.length() == point.length() ? "" : absolute.substring(point.length() + 1));
      }
    }
    throw new IllegalStateException("nothing is mounted at " + absolute);
  }

  /** A process that outlives who began it, until the guest goes down. */
  Timeline.Task process(Runnable body) {
    Timeline.Task task = timeline.spawn(body);
    processes.removeIf(Timeline.Task::isOver);
    processes.add(task);
    return task;
  }

  /** Lets time pass for a process of this guest: longer if it is slow, and if it is stopped. */
  void work(long nanos) {
    long left = nanos;
    while (left > 0) {
      // What is slow goes on at once when that is over: not one long sleep (seed 1020945).
      long part = pace == 1 ? left : Math.min(left, 10 * Timeline.MILLISECOND);
      timeline.sleep(slowed(part));
      left -= part;
    }
    while (timeline.now() < pausedUntil) {
      timeline.sleep(pausedUntil - timeline.now());
    }
    hindrances.await();
  }

  // As a sidecar sees it, by its agent.

  @Override
  public Result run(Exec exec) throws GuestException {
    List<String> command = exec.command();
    long asked = timeline.now();
    if (command.size() < 4 || !command.get(0).equals("/bin/sh")) {
      throw new IllegalStateException("the simulated guest does not know " + command);
    }
    return agent.ask(
        exec.deadline(),
        call -> {
          String program = ScriptBook.name(command.get(2));
          List<String> arguments = command.subList(4, command.size());
          truth.asked(this, program, arguments);
          switch (program) {
            case "stage.sh" ->
                rsyncs.put(
                    arguments.getFirst(),
                    longer(
                        call,
                        () ->
                            sync.stage(
                                arguments, exec.environment().getOrDefault("RSYNC_PASSWORD", ""))));
            case "apply.sh" ->
                rsyncs.put(arguments.getFirst(), longer(call, () -> sync.apply(arguments, asked)));
            case "quiesce.sh" -> longer(call, () -> quiesce.run(arguments));
            default -> {
              if (hindrances.delay(program)) {
                longer(call, () -> slow(program, arguments, exec.input()));
              } else {
                agent.answer(call, quick(program, arguments, exec.input()));
              }
            }
          }
        });
  }

  /** Runs a program that takes time. */
  private Timeline.Task longer(SimulatedAgent.Call call, Supplier<Result> program) {
    agent.mayBeLate(call);
    return process(() -> agent.answer(call, program.get()));
  }

  /** How often programs wrote to its disks. */
  private long written() {
    long written = 0;
    for (Volume volume : mounts.values()) {
      written += volume.writes();
    }
    return written;
  }

  private Result slow(String program, List<String> arguments, byte[] input) {
    hindrances.pass(program);
    return quick(program, arguments, input);
  }

  private Result quick(String program, List<String> arguments, byte[] input) {
    long before = written();
    Result result = execute(program, arguments, input);
    truth.ran(this, program, written() != before);
    return result;
  }

  private Result execute(String program, List<String> arguments, byte[] input) {
    return switch (program) {
      case "evidence" -> ok(people.evidence(timeline.now()));
      case "address" -> setAddress();
      case "prepare.sh",
          "finish.sh",
          "reach.sh",
          "serve.sh",
          "settle.sh",
          "stop.sh",
          "unkeep.sh",
          "archive-list.sh",
          "archive-remove.sh" ->
          sync.run(program, arguments, input);
      default -> collect.run(program, arguments, input);
    };
  }

  private Result setAddress() {
    boolean before = addressed;
    addressed = true;
    return new Result(
        before ? 10 : 0, "eth1\n".getBytes(StandardCharsets.ISO_8859_1), new byte[0], false);
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    Result result =
        agent.ask(
            deadline, call -> agent.answer(call, ok(bootId.getBytes(StandardCharsets.ISO_8859_1))));
    return new String(result.output(), StandardCharsets.ISO_8859_1);
  }

  static Result ok(byte[] output) {
    return new Result(0, output, new byte[0], false);
  }

  static Result ok(String output) {
    return ok(output.getBytes(StandardCharsets.ISO_8859_1));
  }

  static Result trouble(String reason, String sentence) {
    return new Result(
        90, (reason + "\n" + sentence).getBytes(StandardCharsets.ISO_8859_1), new byte[0], false);
  }

  @Override
  public Guest.Presence presence() {
    return agent.presence();
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) {
    throw new IllegalStateException("nothing reads files but by scripts");
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) {
    throw new IllegalStateException("nothing writes files but by scripts");
  }

  @Override
  public void close() {
    // The guest is left alone.
  }
}
