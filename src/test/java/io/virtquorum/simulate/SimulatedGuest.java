package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A guest with a kernel, disks and the guest program, all of which may fail. What it does takes
 * simulated time.
 */
final class SimulatedGuest {
  /** 2026-01-01, in nanoseconds since 1970. */
  private static final long EPOCH = 1_767_225_600L * Timeline.SECOND;

  /** What is written within one has the same ctime: the kernel's tick. */
  private static final long TICK = 4 * Timeline.MILLISECOND;

  /** What a file takes to be copied, or put in its place. */
  private static final long COPYING = Timeline.MILLISECOND;

  /** As above, where files are large. */
  private static final long COPYING_MUCH = 300 * Timeline.MILLISECOND;

  /** As TICK, where inodes of ext4 have 128 bytes, or on ext3. */
  private static final long COARSE_TICK = Timeline.SECOND;

  final String name;
  final String address;
  final People people = new People();
  final Map<String, Volume> mounts = new LinkedHashMap<>();
  final SplittableRandom random;
  final Timeline timeline;
  final SyncNetwork network;
  final Truth truth;
  private final Set<String> unmounted = new HashSet<>();
  final List<Opened> opened = new ArrayList<>();
  final Quieting quiesce = new Quieting(this);
  final Hindrances hindrances = new Hindrances(this);
  final SimulatedProgram program;
  private final Set<Timeline.Task> processes = new HashSet<>();
  private Volume memoryDisk;
  Volume bare;
  private boolean exists;
  private boolean running;
  private int boots;

  /** What its applications asked the record with last, over all boots. */
  long asked;

  private long booted;
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
    this.program = new SimulatedProgram(this);
    network.join(address, this);
  }

  // What happens to a guest.

  /** QEMU starts it. */
  void powerOn() {
    exists = true;
    boot();
  }

  private void boot() {
    running = true;
    boots++;
    booted = timeline.now();
    addressed = false;
    memoryDisk = new Volume(1, 64 << 20, fileTime());
    bare = new Volume(2, 64 << 20, fileTime());
    for (String point : mounts.keySet()) {
      bare.makeDirectories(point.substring(1), 0755, fileTime());
    }
    people.reboot();
    program.start();
  }

  /** Power is cut, or the kernel died. */
  void crash() {
    program.down();
    running = false;
    quiesce.reboot();
    opened.clear();
    processes.forEach(Timeline.Task::kill);
    processes.clear();
    pausedUntil = 0;
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
  }

  /** How often it booted. */
  int boots() {
    return boots;
  }

  /** How long this boot lasts. */
  long upFor() {
    return timeline.now() - booted;
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
    program.heard(boots);
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

  /** What a file takes to be copied, or put in its place. */
  long copying() {
    return copying;
  }

  boolean isMounted(String point) {
    return !unmounted.contains(point);
  }

  /** Whatever slows it down is over. */
  void heal() {
    program.heal();
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

  /** True until something is asked of the program in vain. */
  boolean isQuiet() {
    return running
        && pace == 1
        && timeline.now() >= pausedUntil
        && program.isWell()
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

  /** What a message over the port takes. */
  long travel() {
    return slowed((1 + random.nextInt(6)) * Timeline.MILLISECOND);
  }

  /** The kernel's id of a boot. */
  String bootId(int boot) {
    return name + "-boot-" + boot;
  }

  /** The clock, in nanoseconds since 1970. */
  long clock() {
    return EPOCH + clockOffset + timeline.now();
  }

  /** How often its program wrote to its disks. */
  long written() {
    long written = 0;
    for (Volume volume : mounts.values()) {
      written += volume.writes();
    }
    return written;
  }
}
