package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.guest.wire.v1.Request.OperationCase;
import io.virtquorum.program.CarriedPrograms;
import io.virtquorum.program.ProgramGuest;
import io.virtquorum.program.RealProgram;
import io.virtquorum.program.ScratchTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.function.Function;
import java.util.stream.Stream;

/** Members in pairs: one with the real guest program, and one with the simulated. One thread. */
final class Sites {
  static final Duration LIMIT = Duration.ofSeconds(30);

  private final Path directory;
  private final Timeline timeline;
  private final SyncNetwork network;
  private final Truth truth;
  private final Set<OperationCase> asked;

  /**
   * @param asked gets each operation that both programs carry out
   */
  Sites(
      Path directory,
      Timeline timeline,
      SyncNetwork network,
      Truth truth,
      Set<OperationCase> asked) {
    this.directory = directory;
    this.timeline = timeline;
    this.network = network;
    this.truth = truth;
    this.asked = asked;
  }

  Pair pair(String name, String address) throws IOException, InterruptedException {
    return new Pair(new Real(name, address), new Simulated(name, address));
  }

  /** Two that are changed alike. */
  record Pair(Site real, Site simulated) implements AutoCloseable {
    void write(String path, String text) throws IOException {
      real.write(path, text);
      simulated.write(path, text);
    }

    void remove(String path) throws IOException {
      real.remove(path);
      simulated.remove(path);
    }

    void rename(String from, String to) throws IOException {
      real.rename(from, to);
      simulated.rename(from, to);
    }

    @Override
    public void close() throws Exception {
      real.close();
    }
  }

  interface Work<T> {
    T with(Watch watch) throws Exception;
  }

  /** A tree that can be changed, and the production client of the program that looks at it. */
  interface Site {
    void write(String path, String text) throws IOException;

    void remove(String path) throws IOException;

    void rename(String from, String to) throws IOException;

    /** A process keeps a file open for writing until this is closed. */
    AutoCloseable keepOpen(String path) throws IOException;

    String address();

    <T> T call(Work<T> work) throws Exception;

    /** What is in the tree. */
    Map<String, String> files() throws IOException;

    /** What is in the only entry of the archive. */
    Map<String, String> archive() throws IOException;

    /** True while writers keep still. */
    boolean isStill();

    /** The program begins anew in the same boot, as where a newer one took its place. */
    void beginAnew() throws Exception;

    /** True if an application that waits a moment for a commit is told of it. */
    boolean commits() throws Exception;

    /** The same while the sidecar looks, and says this of all that is asked with. */
    boolean commits(Function<Long, Standing> told) throws Exception;

    /** Looks once, and says how it stands after that. */
    default void tells(Function<Long, Standing> told) throws Exception {
      call(
          watch -> {
            watch.standing(told.apply(watch.look(LIMIT).snapshot().asks()), LIMIT);
            return null;
          });
    }

    default Snapshot see() throws Exception {
      return call(watch -> watch.audit(LIMIT).snapshot());
    }

    default void close() throws Exception {}
  }

  private static WatchSettings settings(String name, String path, List<String> quiesce) {
    return new WatchSettings(
        name,
        new FingerprintKey(new byte[32]),
        List.of(new Tree("site", path, List.of(), List.of(), quiesce)),
        List.of(),
        List.of(),
        List.of(),
        Set.of(),
        new ArchiveLimits(20, 1 << 30),
        50_000_000,
        false);
  }

  private final class Real implements Site {
    private final String address;
    private final ScratchTree tree;
    private final RealProgram program;
    private final ProgramGuest guest;
    private final Watch watch;
    private final Path still;

    Real(String name, String address) throws IOException, InterruptedException {
      this.address = address;
      Path home = Files.createDirectories(directory.resolve(name));
      tree = ScratchTree.tmpfs(home.resolve("tree"));
      program = new RealProgram(Files.createDirectories(home.resolve("program")));
      still = home.resolve("still");
      Path script = home.resolve("script");
      Files.writeString(
          script,
          "#!/bin/sh\n[ \"$1\" = begin ] && touch %s || rm -f %s\n".formatted(still, still));
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
      guest = new ProgramGuest(program.socket, () -> 1, name, CarriedPrograms.none());
      watch = guest.watch(settings(name, tree.path.toString(), List.of(script.toString())));
    }

    @Override
    public void write(String path, String text) throws IOException {
      tree.write(path, text);
    }

    @Override
    public void remove(String path) throws IOException {
      Files.delete(tree.path.resolve(path));
    }

    @Override
    public void rename(String from, String to) throws IOException {
      Files.move(tree.path.resolve(from), tree.path.resolve(to));
    }

    @Override
    public AutoCloseable keepOpen(String path) throws IOException {
      return Files.newByteChannel(tree.path.resolve(path), java.nio.file.StandardOpenOption.WRITE);
    }

    @Override
    public String address() {
      return address;
    }

    @Override
    public <T> T call(Work<T> work) throws Exception {
      return work.with(watch);
    }

    @Override
    public Map<String, String> files() throws IOException {
      return texts(tree.path);
    }

    @Override
    public Map<String, String> archive() throws IOException {
      Map<String, String> found = new TreeMap<>();
      texts(tree.path.resolve(".virtquorum"))
          .forEach(
              (path, text) -> {
                int at = path.indexOf("/verdict/files/");
                if (at >= 0) {
                  found.put(path.substring(at + "/verdict/files/".length()), text);
                }
              });
      return found;
    }

    private static Map<String, String> texts(Path root) throws IOException {
      Map<String, String> found = new TreeMap<>();
      if (!Files.exists(root)) {
        return found;
      }
      try (Stream<Path> all = Files.walk(root)) {
        for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
          String name = root.relativize(file).toString();
          if (!Volume.isOwn(name)) {
            found.put(
                name,
                new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1));
          }
        }
      }
      return found;
    }

    @Override
    public boolean isStill() {
      return Files.exists(still);
    }

    @Override
    public void beginAnew() throws Exception {
      program.beginAnew();
    }

    @Override
    public boolean commits() throws IOException, InterruptedException {
      return commits("500ms");
    }

    private boolean commits(String patience) throws IOException, InterruptedException {
      int code = program.commit("--timeout", patience);
      assertThat(code).isIn(0, 1, 4); // committed, unknown, not the primary
      return code == 0;
    }

    @Override
    public boolean commits(Function<Long, Standing> told) throws Exception {
      FutureTask<Boolean> waits = new FutureTask<>(() -> commits("10s"));
      Thread.ofVirtual().start(waits);
      while (!waits.isDone()) {
        tells(told);
      }
      return waits.get();
    }

    @Override
    public void close() throws Exception {
      watch.close();
      guest.close();
      program.close();
      tree.close();
    }
  }

  private final class Simulated implements Site {
    private static final String TREE = "/srv/www";

    private final SimulatedGuest guest;
    private final Watch watch;

    Simulated(String name, String address) {
      guest = new SimulatedGuest(name, address, timeline, network, truth, new SplittableRandom(2));
      guest.mounts.put(TREE, new Volume(10, 64 << 20, guest.fileTime()));
      truth.add(guest);
      guest.powerOn();
      guest.addressed();
      Pod pod = new Pod(guest);
      pod.arrived();
      var program = new ProgramGuest(pod.port(), timeline.time(), new SplittableRandom(3));
      watch = program.watch(settings(name, TREE, Quieting.command(Shape.Quiesce.WORKS)));
      guest.program.tell(call -> asked.add(call.getOperationCase()));
    }

    private Volume volume() {
      return guest.mounts.get(TREE);
    }

    @Override
    public void write(String path, String text) {
      pass();
      long time = guest.fileTime();
      volume().makeDirectories(Volume.parent(path), 0755, time);
      volume().write(path, Content.of(text, Content.Origin.JOB), 0644, time, time);
    }

    @Override
    public void remove(String path) {
      pass();
      volume().remove(path, guest.fileTime());
    }

    @Override
    public void rename(String from, String to) {
      pass();
      volume().move(from, to, guest.fileTime());
    }

    @Override
    public AutoCloseable keepOpen(String path) {
      return Opened.of(guest, TREE, path)::close;
    }

    /** As long as a kernel's tick. */
    private void pass() {
      long until = timeline.now() + 10 * Timeline.MILLISECOND;
      while (timeline.step(until)) {
        // all that happens until then
      }
    }

    @Override
    public String address() {
      return guest.address;
    }

    @Override
    public <T> T call(Work<T> work) throws Exception {
      List<T> result = new ArrayList<>();
      List<Exception> thrown = new ArrayList<>();
      Timeline.Task task =
          timeline.spawn(
              () -> {
                try {
                  result.add(work.with(watch));
                } catch (Exception e) {
                  thrown.add(e);
                }
              });
      while (!task.isOver()) {
        timeline.step(timeline.now() + Timeline.SECOND);
      }
      if (!thrown.isEmpty()) {
        throw thrown.getFirst();
      }
      return result.getFirst();
    }

    @Override
    public Map<String, String> files() {
      return texts("");
    }

    @Override
    public Map<String, String> archive() {
      return texts(Replacement.ARCHIVE + "/verdict/files");
    }

    private Map<String, String> texts(String below) {
      Map<String, String> found = new TreeMap<>();
      int from = below.isEmpty() ? 0 : below.length() + 1;
      volume()
          .below(below)
          .forEach(
              (path, node) -> {
                if (node.isFile() && (from > 0 || !Volume.isOwn(path))) {
                  found.put(path.substring(from), node.content.text());
                }
              });
      return found;
    }

    @Override
    public boolean isStill() {
      return guest.quiesce.isStill();
    }

    @Override
    public void beginAnew() {
      guest.program.exchange(0);
    }

    @Override
    public boolean commits() {
      boolean[] confirmed = {false};
      guest.program.commit(Timeline.SECOND / 2, () -> confirmed[0] = true);
      pass();
      return confirmed[0];
    }

    @Override
    public boolean commits(Function<Long, Standing> told) throws Exception {
      boolean[] confirmed = {false};
      guest.program.commit(10 * Timeline.SECOND, () -> confirmed[0] = true);
      tells(told); // of what an earlier caller asked with
      tells(told);
      pass();
      return confirmed[0];
    }
  }
}
