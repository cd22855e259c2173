package io.virtquorum.simulate;

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

/**
 * A guest with a kernel, disks and a guest agent, all of which may fail. A call takes simulated
 * time and must come from a task of the {@link Timeline}; what was begun in the guest goes on when
 * nobody waits for it any more, as with the real agent.
 */
final class SimulatedGuest implements Guest {
  /** 2026-01-01, in nanoseconds since 1970. */
  private static final long EPOCH = 1_767_225_600L * Timeline.SECOND;

  /** The kernel's tick: what is written within one has the same ctime. */
  private static final long TICK = 4 * Timeline.MILLISECOND;

  /** The agent is called silent after this long without an answer, as AgentTiming says. */
  private static final long SILENT_AFTER = 5 * Timeline.SECOND;

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
  private final Set<Timeline.Task> processes = new HashSet<>();
  private final List<Call> calls = new ArrayList<>();
  private Volume memoryDisk;
  private Volume bare;
  private boolean exists;
  private boolean running;
  private int boots;
  private String bootId = "";
  private boolean addressed;
  private long clockOffset;
  private long agentDeafUntil;
  private long answersLateUntil;
  private long answersLateBy;
  private long pausedUntil;
  private boolean answered;
  private long lastAnswer;
  private long pace = 1;
  private int trap;
  private Runnable trapped;

  private static final class Call {
    final Timeline.Task waiter;
    final long end;
    boolean timed;
    boolean over;
    Result result;
    GuestException fault;

    Call(Timeline.Task waiter, long end) {
      this.waiter = waiter;
      this.end = end;
    }
  }

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
    network.join(address, this);
  }

  // What happens to a guest.

  /** QEMU starts it. */
  void powerOn() {
    exists = true;
    answered = false;
    lastAnswer = timeline.now();
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
    for (Call call : List.copyOf(calls)) {
      end(call, null, new GuestException.Rebooted("The guest rebooted meanwhile"));
    }
  }

  /** Power is cut, or the kernel died. */
  void crash() {
    presence();
    running = false;
    processes.forEach(Timeline.Task::kill);
    processes.clear();
    rsyncs.clear();
    daemons.clear();
    pausedUntil = 0;
    agentDeafUntil = 0;
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
    for (Call call : List.copyOf(calls)) {
      end(call, null, new GuestException.Unreachable("QEMU is gone", null));
    }
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
    presence();
    pausedUntil = Math.max(pausedUntil, timeline.now() + nanos);
  }

  /** Its agent takes in nothing for a while; what is asked then is executed late. */
  void deafen(long nanos) {
    presence();
    agentDeafUntil = Math.max(agentDeafUntil, timeline.now() + nanos);
  }

  /** Its agent's answers are late for a while. */
  void answerLate(long by, long nanos) {
    answersLateBy = by;
    answersLateUntil = timeline.now() + nanos;
  }

  /** How many times slower than usual everything is. */
  void pace(long times) {
    pace = times;
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
    }
  }

  boolean isMounted(String point) {
    return !unmounted.contains(point);
  }

  /** Whatever slows it down is over. */
  void heal() {
    agentDeafUntil = 0;
    pausedUntil = 0;
    answersLateUntil = 0;
    pace = 1;
    trap = 0;
    unmounted.clear();
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
        && timeline.now() >= agentDeafUntil
        && timeline.now() >= pausedUntil
        && timeline.now() >= answersLateUntil;
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
    return (EPOCH + clockOffset + timeline.now()) / TICK * TICK;
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
    timeline.sleep(nanos * pace);
    while (timeline.now() < pausedUntil) {
      timeline.sleep(pausedUntil - timeline.now());
    }
  }

  // The agent.

  @Override
  public Result run(Exec exec) throws GuestException {
    List<String> command = exec.command();
    if (command.size() < 4 || !command.get(0).equals("/bin/sh")) {
      throw new IllegalStateException("the simulated guest does not know " + command);
    }
    return ask(
        exec.deadline(),
        call -> {
          String program = ScriptBook.name(command.get(2));
          List<String> arguments = command.subList(4, command.size());
          switch (program) {
            case "stage.sh", "apply.sh" -> {
              mayBeLate(call);
              Timeline.Task task =
                  process(
                      () ->
                          answer(
                              call,
                              program.equals("stage.sh")
                                  ? sync.stage(
                                      arguments,
                                      exec.environment().getOrDefault("RSYNC_PASSWORD", ""))
                                  : sync.apply(arguments)));
              rsyncs.put(arguments.getFirst(), task);
            }
            default -> answer(call, quick(program, arguments, exec.input()));
          }
        });
  }

  private Result quick(String program, List<String> arguments, byte[] input) {
    return switch (program) {
      case "evidence" -> ok(people.evidence(timeline.now()));
      case "address" -> setAddress();
      case "prepare.sh",
          "finish.sh",
          "serve.sh",
          "stop.sh",
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
        ask(deadline, call -> answer(call, ok(bootId.getBytes(StandardCharsets.ISO_8859_1))));
    return new String(result.output(), StandardCharsets.ISO_8859_1);
  }

  private interface Action {
    void execute(Call call);
  }

  private Result ask(Duration deadline, Action action) throws GuestException {
    if (!exists) {
      timeline.sleep(5 * Timeline.MILLISECOND);
      throw new GuestException.Unreachable("QEMU is gone", null);
    }
    Call call = new Call(timeline.current(), timeline.now() + deadline.toNanos());
    calls.add(call);
    long travel = (1 + random.nextInt(6)) * Timeline.MILLISECOND * pace;
    arrive(call, boots, action, timeline.now() + travel);
    while (!call.over) {
      if (timeline.now() >= call.end) {
        calls.remove(call);
        throw new GuestException.TimedOut("The guest agent did not answer in time");
      }
      call.waiter.await(Long.MAX_VALUE);
    }
    if (call.fault != null) {
      throw call.fault;
    }
    answered = true;
    lastAnswer = timeline.now();
    return call.result;
  }

  private void arrive(Call call, int boot, Action action, long at) {
    timeline.at(
        at,
        () -> {
          if (boot != boots || !running) {
            mayBeLate(call); // it is waited for in vain
            return;
          }
          long ready = Math.max(agentDeafUntil, pausedUntil);
          if (timeline.now() < ready) {
            mayBeLate(call);
            arrive(call, boot, action, ready);
          } else {
            action.execute(call);
          }
        });
  }

  private void answer(Call call, Result result) {
    if (timeline.now() < answersLateUntil && random.nextInt(3) == 0) {
      mayBeLate(call);
      timeline.after(answersLateBy, () -> end(call, result, null));
    } else {
      end(call, result, null);
    }
  }

  /** Almost every answer comes: only where it may not, a timer is set. */
  private void mayBeLate(Call call) {
    if (!call.timed && !call.over) {
      call.timed = true;
      timeline.at(call.end, call.waiter::wake);
    }
  }

  private void end(Call call, Result result, GuestException fault) {
    if (!call.over) {
      call.over = true;
      call.result = result;
      call.fault = fault;
      calls.remove(call);
      call.waiter.wake();
    }
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
  public Presence presence() {
    if (!exists) {
      return new Presence(State.GONE, age());
    }
    long now = timeline.now();
    boolean responds = running && now >= agentDeafUntil && now >= pausedUntil;
    if (responds && answered) {
      lastAnswer = now;
      return new Presence(State.ANSWERING, Duration.ZERO);
    }
    long age = now - lastAnswer;
    return new Presence(
        !answered ? State.STARTING : age > SILENT_AFTER ? State.SILENT : State.ANSWERING, age());
  }

  private Duration age() {
    return Duration.ofNanos(timeline.now() - lastAnswer);
  }

  /** A new sidecar begins to know this guest. */
  void unmet() {
    answered = false;
    lastAnswer = timeline.now();
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
