package io.virtquorum.operator;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.grpc.Server;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.api.StateSpec;
import io.virtquorum.program.RealProgram;
import io.virtquorum.program.ScratchTree;
import io.virtquorum.sidecar.SidecarOnSocket;
import io.virtquorum.wire.WireServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.slf4j.LoggerFactory;

/**
 * How long small edits take without emulation: three real guest programs, each on a file system of
 * its own and in namespaces of its own, three whole sidecars, the wire, and the adjudicator that
 * ships, on this machine. Not simulated: anything but KubeVirt and the API server, in the place of
 * which the record is compared and swapped here. For {@code tools/guest edits}; needs root.
 */
final class EditSpeed implements AutoCloseable {
  private static final int MEMBERS = 3;
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int WARM = 50;
  private static final String PAGE = "edits.txt";

  private final Path directory;
  private final Path tree; // as each program has it, in its own mount namespace
  private final Optional<Path> disk;
  private final String name = "vqe" + ProcessHandle.current().pid() % 100_000;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final List<ScratchTree> disks = new ArrayList<>();
  private final Object news = new Object();
  private final boolean first;
  private ClusterRuntime runtime;

  private EditSpeed(Path directory, boolean syncing, boolean first) throws IOException {
    this.directory = directory;
    this.first = first;
    this.tree = Files.createDirectory(directory.resolve("www"));
    this.disk = syncing ? Optional.of(directory.resolve("record")) : Optional.empty();
  }

  /**
   * Measures and says it.
   *
   * @param arguments how many edits one after the other; how many seconds of ten edits a second;
   *     how many other files there are; {@code memory} or {@code disk}: where the record is; {@code
   *     yes}: the others begin with nothing, and what their first copy takes is measured too
   */
  public static void main(String[] arguments) throws Exception {
    Level level = Level.toLevel(System.getenv("LOG"), Level.WARN);
    if (LoggerFactory.getLogger("io.virtquorum") instanceof Logger own) {
      own.setLevel(level);
    }
    int edits = Integer.parseInt(arguments[0]);
    int seconds = Integer.parseInt(arguments[1]);
    int files = Integer.parseInt(arguments[2]);
    Path directory = Files.createTempDirectory("virtquorum-edits");
    boolean first = arguments[4].equals("yes");
    try (var speed = new EditSpeed(directory, arguments[3].equals("disk"), first)) {
      long took = speed.begin(files);
      System.out.printf(
          "%d members with %,d files, the record in %s%n", MEMBERS, files, arguments[3]);
      if (first) {
        System.out.printf("first copy to two members: %.1f s%n", took / 1e9);
        System.out.printf("rsync -a to one: %.1f s%n", speed.rsync(false) / 1e9);
        System.out.printf("rsync -a and sync to one: %.1f s%n", speed.rsync(true) / 1e9);
      }
      if (edits > 0) {
        speed.oneByOne(edits);
      }
      if (seconds > 0) {
        speed.flow(seconds);
      }
    } finally {
      RealProgram.run("rm", "-rf", directory.toString());
    }
    System.exit(0); // gRPC's threads may live for a while
  }

  /** Until all members hold the same; how long that took since the last one began. */
  private long begin(int files) throws Exception {
    network();
    var records = new InMemory();
    runtime =
        new ClusterRuntime(
            "demo",
            "web",
            new Legacy(ClusterRecord.none(), 0, Optional.empty(), Optional.empty()),
            new byte[32],
            new Surroundings(
                new RecordStore(records, Clock.systemUTC(), new RecordStore.OwnThread()),
                tell -> LoggerFactory.getLogger(EditSpeed.class).info("{}", tell),
                _ -> true,
                this::changed,
                Clock.systemUTC(),
                System::nanoTime,
                new Surroundings.GuestProbes((_, _) -> GuestProbe.Answer.ALIVE, Runnable::run)));
    open.push(runtime);
    runtime.configure(settings());
    var runtimes = new ClusterRuntimes();
    runtimes.findOrStart("demo", "web", _ -> runtime);
    var calls = Executors.newVirtualThreadPerTaskExecutor();
    open.push(calls::shutdownNow);
    Server server =
        WireServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.empty(),
            calls,
            new MemberGateway(runtimes, () -> true));
    open.push(server::shutdownNow);
    long begun = 0;
    for (int i = 0; i < MEMBERS; i++) {
      Path own = Files.createDirectory(directory.resolve("member-" + i));
      ScratchTree scratch = disk("disk-" + i);
      disks.add(scratch);
      RealProgram.run("rmdir", scratch.path.resolve("lost+found").toString());
      for (int n = 0; n < files && (i == 0 || !first); n++) {
        scratch.write("pages-" + n / 50 + "/" + n, "page " + n);
      }
      var program =
          new RealProgram(
              own,
              "nsenter",
              "--net=/run/netns/" + name + "-" + i,
              "unshare",
              "--mount",
              "--pid", // of the host's processes there are many more than a guest has
              "--fork",
              "--kill-child",
              "--mount-proc",
              "sh",
              "-c",
              "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"",
              scratch.path.toString(),
              tree.toString());
      open.push(program);
      open.push(EditSpeed::endPrograms); // unshare ends with its child
      begun = System.nanoTime();
      open.push(
          new SidecarOnSocket(
              "demo",
              "web",
              "web-" + i,
              "uid-" + i,
              program.socket,
              "127.0.0.1:" + server.getPort()));
    }
    return await(view -> isOnAll(view) && view.exposure().isNone()) - begun;
  }

  /** An empty one with room for many files. */
  private ScratchTree disk(String name) throws Exception {
    ScratchTree disk = ScratchTree.ext4(directory.resolve(name), 256, "-N", "60000");
    open.push(disk);
    return disk;
  }

  /** How long rsync takes for what web-0 holds, to an empty disk at web-1. */
  private long rsync(boolean synced) throws Exception {
    ScratchTree copy = disk(synced ? "copy-synced" : "copy");
    Path rules =
        Files.writeString(
            directory.resolve("rsyncd.conf"),
            "[copy]\npath = %s\nread only = no\nuse chroot = no\nuid = root\ngid = root\n"
                .formatted(copy.path));
    Process daemon =
        new ProcessBuilder(
                "nsenter",
                "--net=/run/netns/" + name + "-1",
                "rsync",
                "--daemon",
                "--no-detach",
                "--config=" + rules)
            .inheritIO()
            .start();
    try {
      Thread.sleep(1_000);
      long begun = System.nanoTime();
      RealProgram.run(
          "nsenter",
          "--net=/run/netns/" + name + "-0",
          "rsync",
          "-a",
          "--exclude=/.virtquorum",
          disks.getFirst().path + "/",
          "rsync://172.31.77.11/copy/");
      if (synced) {
        RealProgram.run("sync", "-f", copy.path.toString());
      }
      return System.nanoTime() - begun;
    } finally {
      daemon.destroy();
      daemon.waitFor();
    }
  }

  /** Three guests on one bridge. */
  private void network() throws Exception {
    String bridge = name + "-br";
    RealProgram.run("ip", "netns", "add", bridge);
    open.push(() -> RealProgram.run("ip", "netns", "delete", bridge));
    RealProgram.run("ip", "-n", bridge, "link", "add", "br0", "up", "type", "bridge");
    for (int i = 0; i < MEMBERS; i++) {
      String guest = name + "-" + i;
      // The kernel's table of connections is as large as a guest's, not as this machine's: it is
      // read
      // as a whole.
      RealProgram.run(
          "nsenter",
          "--net=/run/netns/" + bridge,
          "sh",
          "-c",
          "echo 8192 >/proc/sys/net/ipv4/tcp_child_ehash_entries || true; ip netns add " + guest);
      open.push(() -> RealProgram.run("ip", "netns", "delete", guest));
      RealProgram.run(
          ("ip link add sync0 address " + mac(i) + " netns " + guest + " type veth peer name p")
              .concat(i + " netns " + bridge)
              .split(" "));
      RealProgram.run("ip", "-n", bridge, "link", "set", "p" + i, "master", "br0", "up");
      RealProgram.run("ip", "-n", guest, "link", "set", "lo", "up");
      RealProgram.run("ip", "-n", guest, "link", "set", "sync0", "up");
    }
  }

  private static String mac(int member) {
    return "02:76:71:00:01:0" + member;
  }

  private ClusterSettings settings() {
    Map<String, ClusterSettings.Vm> vms = new TreeMap<>();
    Map<String, Integer> weights = new TreeMap<>();
    for (int i = 0; i < MEMBERS; i++) {
      weights.put("web-" + i, 1);
      vms.put(
          "web-" + i,
          new ClusterSettings.Vm(
              Optional.of("uid-" + i),
              true,
              Optional.empty(),
              Optional.of("192.0.2.1" + i),
              mac(i),
              "172.31.77.1" + i + "/24"));
    }
    return new ClusterSettings(
        new Config(
            weights,
            false,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            new Config.Bootstrap(first ? Optional.of("web-0") : Optional.empty(), false),
            Optional.empty()),
        vms,
        StateSpec.ofFiles(new FileTree("site", tree.toString())),
        List.of(80),
        Duration.ofMillis(100),
        Duration.ofSeconds(2),
        Duration.ofMinutes(10),
        20,
        1L << 30,
        50_000_000,
        GuestProgram.Update.NEVER,
        "");
  }

  private void changed() {
    synchronized (news) {
      news.notifyAll();
    }
  }

  /** Waits until the adjudicator shows this; gives the moment. */
  private long await(Predicate<View> wanted) throws InterruptedException, TimeoutException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    synchronized (news) {
      while (!wanted.test(runtime.view())) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          throw new TimeoutException("It did not come about; it shows " + runtime.view());
        }
        TimeUnit.NANOSECONDS.timedWait(news, left);
      }
      return System.nanoTime();
    }
  }

  private static long epoch(View view) {
    return view.record().committed().map(c -> c.epoch()).orElse(0L);
  }

  private static boolean isOnAll(View view) {
    return view.record().members().size() == MEMBERS
        && view.record().members().keySet().stream().allMatch(view::inSync);
  }

  private int primary() {
    String primary = runtime.view().record().primary().orElseThrow();
    return Integer.parseInt(primary.substring(primary.length() - 1));
  }

  private void write(ScratchTree where, String line) throws IOException {
    Files.writeString(
        where.path.resolve(PAGE), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private void oneByOne(int edits) throws Exception {
    List<Long> committed = new ArrayList<>();
    List<Long> confirmed = new ArrayList<>();
    List<Long> all = new ArrayList<>();
    ScratchTree where = disks.get(primary());
    for (int i = 0; i < Math.min(WARM, edits); i++) { // what a JVM compiles first is no edit's
      long before = epoch(runtime.view());
      write(where, "warm " + i + "\n");
      await(view -> epoch(view) > before && isOnAll(view));
    }
    Duration own = own();
    Duration programs = programs();
    for (int i = 0; i < edits; i++) {
      long before = epoch(runtime.view());
      write(where, "edit " + i + "\n");
      LoggerFactory.getLogger(EditSpeed.class).info("Written {}", i);
      long written = System.nanoTime();
      var asked = CompletableFuture.supplyAsync(() -> confirm(primary()) - written);
      committed.add(await(view -> epoch(view) > before) - written);
      all.add(await(EditSpeed::isOnAll) - written);
      confirmed.add(confirmed(asked));
      Thread.sleep(10 + i * 7 % 250); // at no moment of the ticks in particular
    }
    say("committed", committed);
    say("confirmed", confirmed);
    say("on all", all);
    System.out.printf(
        "processor time of an edit: %.1f ms of the three programs, %.1f ms of sidecars and adjudicator%n",
        programs().minus(programs).toNanos() / 1e6 / edits,
        own().minus(own).toNanos() / 1e6 / edits);
  }

  private static void endPrograms() {
    ProcessHandle.current()
        .descendants()
        .filter(process -> process.info().command().orElse("").contains("virtquorum-guest"))
        .forEach(ProcessHandle::destroy);
  }

  private static Duration programs() {
    return ProcessHandle.current()
        .descendants()
        .map(process -> process.info().totalCpuDuration().orElse(Duration.ZERO))
        .reduce(Duration.ZERO, Duration::plus);
  }

  private static Duration own() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
  }

  private static long confirmed(CompletableFuture<Long> asked)
      throws InterruptedException, ExecutionException, TimeoutException {
    return asked.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** As an application waits; the moment at which it hears that what was written is committed. */
  private long confirm(int member) {
    Path socket = directory.resolve("member-" + member + "/state/commit.sock");
    try (SocketChannel call = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      call.connect(UnixDomainSocketAddress.of(socket));
      call.write(ByteBuffer.wrap("commit 60s\n".getBytes(StandardCharsets.UTF_8)));
      ByteBuffer answer = ByteBuffer.allocate(1_000);
      call.read(answer);
      String said = new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
      if (!said.startsWith("0 ")) {
        throw new IllegalStateException("It was not committed: " + said);
      }
      return System.nanoTime();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void flow(int seconds) throws Exception {
    ScratchTree where = disks.get(primary());
    long before = epoch(runtime.view());
    List<Long> exposure = new ArrayList<>();
    long begin = System.nanoTime();
    for (int i = 0; i < seconds * 10; i++) {
      write(where, "line " + i + "\n");
      long next = begin + (i + 1) * 100_000_000L;
      while (System.nanoTime() < next) {
        Thread.sleep(10);
        Instant now = Instant.now();
        exposure.add(
            runtime
                .view()
                .exposure()
                .since()
                .map(since -> Math.max(0, Duration.between(since, now).toNanos()))
                .orElse(0L));
      }
    }
    System.out.printf("%d lines, %d epochs%n", seconds * 10, epoch(runtime.view()) - before);
    say("exposure", exposure);
  }

  private static void say(String what, List<Long> taken) {
    Collections.sort(taken);
    System.out.printf(
        "%-10s %d: min %.0f ms, median %.0f ms, p99 %.0f ms, max %.0f ms%n",
        what,
        taken.size(),
        taken.getFirst() / 1e6,
        taken.get(taken.size() / 2) / 1e6,
        taken.get(Math.min(taken.size() - 1, taken.size() * 99 / 100)) / 1e6,
        taken.getLast() / 1e6);
  }

  @Override
  public void close() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  /**
   * The HACluster where the API server would have it, written to a disk as etcd would if wanted.
   */
  private final class InMemory implements RecordStore.Api {
    private HACluster stored = new HACluster();
    private long version = 1;

    InMemory() {
      stored.getMetadata().setResourceVersion("1");
      stored.setStatus(HAClusterStatus.EMPTY);
    }

    @Override
    public synchronized HACluster read(String namespace, String name) {
      return Serialization.clone(stored);
    }

    @Override
    public synchronized HACluster updateStatus(HACluster cluster) {
      if (!cluster.getMetadata().getResourceVersion().equals(Long.toString(version))) {
        throw new KubernetesClientException("somebody wrote meanwhile", 409, null);
      }
      HACluster next = Serialization.clone(cluster);
      next.getMetadata().setResourceVersion(Long.toString(++version));
      disk.ifPresent(at -> sync(at, next));
      stored = next;
      return Serialization.clone(stored);
    }

    private void sync(Path at, HACluster cluster) {
      byte[] json = Serialization.asJson(cluster).getBytes(StandardCharsets.UTF_8);
      try (var file =
          FileChannel.open(
              at,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        file.write(ByteBuffer.wrap(json));
        file.force(true);
      } catch (IOException e) {
        throw new KubernetesClientException("the record's disk fails", e);
      }
    }
  }
}
