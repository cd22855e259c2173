package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.agent.DirectoryGuest;
import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.sync.Puller;
import io.virtquorum.sync.SampleServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The simulated guest against a real one: the same trees, the same production code, and the same
 * must come out. What real rsync, find and sha256sum do decides.
 */
final class ConformanceTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final CollectSettings AT_ONCE =
      new CollectSettings(20_000, Duration.ZERO, "/dev/null");

  @TempDir Path directory;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private Real realSample;
  private Real realMember;
  private Simulated simulatedSample;
  private Simulated simulatedMember;
  private Timeline timeline;

  @BeforeEach
  void begin() throws IOException {
    realSample = new Real(directory.resolve("sample"));
    realMember = new Real(directory.resolve("member"));
    timeline = new Timeline(new SplittableRandom(1));
    SyncNetwork network = new SyncNetwork();
    Story story = new Story(false);
    Truth truth = new Truth(Member.KEY, Map.of("/srv/www", "site"), story);
    simulatedSample = new Simulated("sample", "172.31.77.11", network, truth);
    simulatedMember = new Simulated("member", "172.31.77.12", network, truth);
  }

  @AfterEach
  void end() throws Exception {
    for (AutoCloseable one : owned) {
      one.close();
    }
  }

  @Test
  void sameTreesHaveTheSameFingerprints() throws Exception {
    both(
        realMember,
        simulatedMember,
        site -> {
          site.write("index.html", "hello", 0644);
          site.write("docs/a", "", 0600);
          site.link("link", "docs/a");
          site.write("odd name'; \\", "x", 0755);
        });
    assertThat(simulatedMember.quick().matrix().rows())
        .isEqualTo(realMember.quick().matrix().rows());
  }

  @Test
  void sameChangesAreSeenAlike() throws Exception {
    both(
        realMember,
        simulatedMember,
        site -> {
          site.write("kept", "1", 0644);
          site.write("written", "1", 0644);
          site.write("gone", "1", 0644);
          site.write("docs/a", "1", 0644);
        });
    realMember.remember();
    simulatedMember.remember();
    both(
        realMember,
        simulatedMember,
        site -> {
          site.write("written", "2", 0644);
          site.remove("gone");
          site.rename("docs", "moved");
          site.write("new/file", "2", 0600);
        });
    Snapshot real = realMember.quick();
    Snapshot simulated = simulatedMember.quick();
    assertThat(simulated.changes()).isEqualTo(real.changes());
    assertThat(simulated.memory()).isEqualTo(real.memory());
    assertThat(real.changes()).hasSizeGreaterThan(5);
  }

  @Test
  void samePullsComeToTheSame() throws Exception {
    both(
        realSample,
        simulatedSample,
        site -> {
          site.write("same", "1", 0644);
          site.write("differs", "theirs", 0600);
          site.write("docs/deep/added", "theirs", 0644);
          site.write("became-file", "theirs", 0644);
          site.write("became-directory/in", "theirs", 0644);
          site.link("link", "same");
        });
    both(
        realMember,
        simulatedMember,
        site -> {
          site.write("same", "1", 0644);
          site.write("differs", "mine", 0644);
          site.write("gone/with/all", "mine", 0644);
          site.write("gone/other", "mine", 0644);
          site.write("became-file/in", "mine", 0644);
          site.write("became-directory", "mine", 0644);
          site.write("only-mine", "mine", 0640);
        });
    PullResult real = realMember.pull(realSample.serve("127.0.0.1", "127.0.0.1"));
    PullResult simulated =
        simulatedMember.pull(simulatedSample.serve("172.31.77.11", "172.31.77.12"));
    assertThat(real).isInstanceOf(PullResult.Done.class);
    assertThat(simulated).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) simulated).rows()).isEqualTo(((PullResult.Done) real).rows());
    assertThat(simulatedMember.quick().matrix().rows())
        .isEqualTo(realMember.quick().matrix().rows());
    assertThat(simulatedMember.quick().memory()).isEqualTo(realMember.quick().memory());
    assertThat(simulatedMember.archive()).isEqualTo(realMember.archive());
    assertThat(realMember.archive()).containsKey("files/gone/with/all").containsKey("manifest");
  }

  @Test
  void aPullThatOnlyAddsArchivesNothingAlike() throws Exception {
    both(realSample, simulatedSample, site -> site.write("docs/added", "theirs", 0644));
    PullResult real = realMember.pull(realSample.serve("127.0.0.1", "127.0.0.1"));
    PullResult simulated =
        simulatedMember.pull(simulatedSample.serve("172.31.77.11", "172.31.77.12"));
    assertThat(((PullResult.Done) simulated).archiveEntry())
        .isEqualTo(((PullResult.Done) real).archiveEntry())
        .isEmpty();
    assertThat(simulatedMember.archive()).isEqualTo(realMember.archive()).isEmpty();
  }

  @Test
  void aSampleThatMovedMeanwhileVoidsThePullAlike() throws Exception {
    both(realSample, simulatedSample, site -> site.write("a", "1", 0644));
    both(realMember, simulatedMember, site -> site.write("a", "0", 0644));
    Offer real = realSample.serve("127.0.0.1", "127.0.0.1");
    Offer simulated = simulatedSample.serve("172.31.77.11", "172.31.77.12");
    both(realSample, simulatedSample, site -> site.remove("a"));
    assertThat(realMember.pull(real)).isInstanceOf(PullResult.Void.class);
    assertThat(simulatedMember.pull(simulated)).isInstanceOf(PullResult.Void.class);
    assertThat(simulatedMember.quick().matrix().rows())
        .isEqualTo(realMember.quick().matrix().rows());
  }

  @Test
  void whatWasWrittenComesBackToWhatIsRememberedAlike() throws Exception {
    for (Site site : List.of(realSample, simulatedSample, realMember, simulatedMember)) {
      site.write("changed", "right", 0644);
      site.write("docs/a", "right", 0600);
      site.write("same", "1", 0644);
    }
    Site[] members = {realMember, simulatedMember};
    Goal[] goals = new Goal[2];
    for (int i = 0; i < 2; i++) {
      members[i].remember();
      Snapshot held = members[i].quick();
      members[i].write("changed", "drift", 0644);
      members[i].rename("docs", "moved");
      members[i].write("new/file", "drift", 0600);
      goals[i] = back(held, members[i].quick());
    }
    PullResult real = realMember.pull(realSample.serve("127.0.0.1", "127.0.0.1"), goals[0]);
    PullResult simulated =
        simulatedMember.pull(simulatedSample.serve("172.31.77.11", "172.31.77.12"), goals[1]);
    assertThat(real).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) simulated).rows()).isEqualTo(((PullResult.Done) real).rows());
    assertThat(realMember.quick().changes()).isEmpty();
    assertThat(simulatedMember.quick().changes()).isEmpty();
    assertThat(simulatedMember.quick().memory()).isEqualTo(realMember.quick().memory());
    assertThat(simulatedMember.archive()).isEqualTo(realMember.archive());
    assertThat(realMember.archive()).containsKey("files/changed").containsKey("files/new/file");
  }

  @Test
  void whatNeedsNoCopyIsGivenUpAlikeWhereThereIsNoRoom() throws Exception {
    both(realSample, simulatedSample, site -> site.write("large", "b".repeat(9000), 0644));
    both(realSample, simulatedSample, site -> site.write("moved", "c".repeat(9000), 0644));
    both(realMember, simulatedMember, site -> site.write("large", "a".repeat(9000), 0644));
    both(realMember, simulatedMember, site -> site.write("here", "c".repeat(9000), 0644));
    realMember.remember();
    simulatedMember.remember();
    both(realMember, simulatedMember, site -> site.write("own", "mine", 0644));
    Goal whole = new Goal.Whole(new Position(1, 2));
    PullResult real = realMember.pull(realSample.serve("127.0.0.1", "127.0.0.1"), whole, 8_000);
    PullResult simulated =
        simulatedMember.pull(simulatedSample.serve("172.31.77.11", "172.31.77.12"), whole, 8_000);
    assertThat(real).isInstanceOf(PullResult.Done.class);
    assertThat(simulated).isInstanceOf(PullResult.Done.class);
    assertThat(simulatedMember.archive()).isEqualTo(realMember.archive());
    assertThat(realMember.archive()).containsOnlyKeys("manifest", "files/own");
    assertThat(realMember.archive().get("manifest"))
        .contains("- superseded f")
        .contains("- moved f");
  }

  @Test
  void aDiskThatFailsOrIsReadOnlyIsSaid() throws Exception {
    simulatedMember.write("a", "1", 0644);
    simulatedMember.remember();
    simulatedMember.guest.readOnly("/srv/www", true);
    assertThatThrownBy(simulatedMember::quick)
        .isInstanceOfSatisfying(
            Trouble.class,
            t -> assertThat(t.reason()).isEqualTo(Trouble.Reason.FileSystemReadOnly));
    simulatedMember.guest.readOnly("/srv/www", false);
    simulatedMember.guest.failing("/srv/www", true);
    assertThatThrownBy(simulatedMember::quick)
        .isInstanceOfSatisfying(
            Trouble.class, t -> assertThat(t.reason()).isEqualTo(Trouble.Reason.DiskFails));
    simulatedMember.guest.failing("/srv/www", false);
    assertThat(simulatedMember.quick().changes()).isEmpty();
  }

  private static Goal back(Snapshot held, Snapshot now) {
    Map<RowKey, Optional<Digest>> rows = new HashMap<>();
    now.matrix().differences(held.matrix()).forEach(row -> rows.put(row.key(), row.theirs()));
    return new Goal.Remembered(rows);
  }

  @Test
  void aWrongPasswordIsRefusedAlike() throws Exception {
    both(realSample, simulatedSample, site -> site.write("a", "1", 0644));
    Offer real = realSample.serve("127.0.0.1", "127.0.0.1");
    Offer simulated = simulatedSample.serve("172.31.77.11", "172.31.77.12");
    assertThat(realMember.pull(wrong(real)))
        .extracting(r -> ((PullResult.Failed) r).reason())
        .isEqualTo(PullResult.Reason.SampleRefused);
    assertThat(simulatedMember.pull(wrong(simulated)))
        .extracting(r -> ((PullResult.Failed) r).reason())
        .isEqualTo(PullResult.Reason.SampleRefused);
  }

  private static Offer wrong(Offer offer) {
    return new Offer(offer.address(), offer.port(), "wrong", offer.rows());
  }

  private interface Change {
    void on(Site site) throws IOException;
  }

  private static void both(Site one, Site other, Change change) throws IOException {
    change.on(one);
    change.on(other);
  }

  /** A tree that can be changed, and production code over it. */
  private abstract static class Site {
    abstract void write(String path, String text, int mode) throws IOException;

    abstract void remove(String path) throws IOException;

    abstract void rename(String from, String to) throws IOException;

    abstract void link(String path, String target) throws IOException;

    abstract FileTrees trees();

    abstract <T> T call(Callable<T> work) throws Exception;

    /** Everything of the one archive entry but what is another clock's. */
    abstract Map<String, String> archive() throws IOException;

    Snapshot quick() throws Exception {
      return call(() -> trees().quick(LIMIT));
    }

    void remember() throws Exception {
      call(
          () -> {
            trees().remember(new Position(1, 1), trees().quick(LIMIT), LIMIT);
            return null;
          });
    }

    Offer serve(String address, String puller) throws Exception {
      return call(
          () -> {
            Snapshot snapshot = trees().quick(LIMIT);
            SampleServer server = new SampleServer(trees().shell(), trees().trees());
            Serving serving = server.start("one", address, puller, Duration.ofMinutes(1), LIMIT);
            return Offer.of(serving, snapshot.matrix());
          });
    }

    PullResult pull(Offer offer) throws Exception {
      return pull(offer, new Goal.Whole(new Position(1, 2)));
    }

    PullResult pull(Offer offer, Goal goal) throws Exception {
      return pull(offer, goal, 1 << 30);
    }

    PullResult pull(Offer offer, Goal goal, long room) throws Exception {
      return call(
          () ->
              new Puller(trees(), new ArchiveLimits(20, room))
                  .pull(offer, goal, new ArchiveNote("verdict", "because"), true, LIMIT));
    }

    static String withoutTime(String manifest) {
      return manifest.replaceFirst("archive 1 \\d+", "archive 1 TIME");
    }
  }

  private final class Real extends Site {
    private final Path tree;
    private final FileTrees trees;

    Real(Path home) throws IOException {
      tree = Files.createDirectories(home.resolve("site"));
      Files.setPosixFilePermissions(tree, PosixFilePermissions.fromString("rwxr-xr-x"));
      DirectoryGuest guest = new DirectoryGuest(home, "boot");
      owned.add(guest);
      trees =
          new FileTrees(
              new Shell(guest, home.resolve("run").toString()),
              Member.KEY,
              List.of(Tree.of("site", tree.toString())),
              AT_ONCE);
      owned.addFirst(() -> new SampleServer(trees.shell(), trees.trees()).stop("one", LIMIT));
    }

    @Override
    void write(String path, String text, int mode) throws IOException {
      Path file = tree.resolve(path);
      for (Path at = file.getParent(); !Files.exists(at); at = at.getParent()) {
        Files.createDirectories(at);
        Files.setPosixFilePermissions(at, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      Files.writeString(file, text);
      new ProcessBuilder("chmod", Integer.toOctalString(mode), file.toString())
          .start()
          .onExit()
          .join();
    }

    @Override
    void remove(String path) throws IOException {
      Files.delete(tree.resolve(path));
    }

    @Override
    void rename(String from, String to) throws IOException {
      Files.move(tree.resolve(from), tree.resolve(to), StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    void link(String path, String target) throws IOException {
      Files.createSymbolicLink(tree.resolve(path), Path.of(target));
    }

    @Override
    FileTrees trees() {
      return trees;
    }

    @Override
    <T> T call(Callable<T> work) throws Exception {
      return work.call();
    }

    @Override
    Map<String, String> archive() throws IOException {
      Map<String, String> found = new TreeMap<>();
      Path entry = tree.resolve(".virtquorum/archive/verdict");
      if (!Files.exists(entry)) {
        return found;
      }
      try (Stream<Path> all = Files.walk(entry)) {
        for (Path path : all.filter(Files::isRegularFile).toList()) {
          found.put(entry.relativize(path).toString(), withoutTime(Files.readString(path)));
        }
      }
      return found;
    }
  }

  private final class Simulated extends Site {
    private final SimulatedGuest guest;
    private final Volume volume;
    private final FileTrees trees;

    Simulated(String name, String address, SyncNetwork network, Truth truth) {
      guest = new SimulatedGuest(name, address, timeline, network, truth, new SplittableRandom(2));
      volume = new Volume(10, 1 << 30, guest.fileTime());
      guest.mounts.put("/srv/www", volume);
      truth.add(guest);
      guest.powerOn();
      guest.addressed();
      trees =
          new FileTrees(
              new Shell(guest, "/run/virtquorum", timeline::now, new SplittableRandom(3)),
              Member.KEY,
              List.of(Tree.of("site", "/srv/www")),
              AT_ONCE);
    }

    @Override
    void write(String path, String text, int mode) {
      long time = guest.fileTime();
      volume.makeDirectories(Volume.parent(path), 0755, time);
      volume.write(path, Content.of(text, Content.Origin.USER), mode, time, time);
      volume.attributes(path, mode, time, time);
      pass();
    }

    @Override
    void remove(String path) {
      volume.remove(path, guest.fileTime());
      pass();
    }

    @Override
    void rename(String from, String to) {
      volume.move(from, to, guest.fileTime());
      pass();
    }

    @Override
    void link(String path, String target) {
      volume.create(path, Node.link(volume.inode(), guest.fileTime(), target), guest.fileTime());
      pass();
    }

    private void pass() {
      timeline.step(timeline.now() + 10 * Timeline.MILLISECOND);
    }

    @Override
    FileTrees trees() {
      return trees;
    }

    @Override
    <T> T call(Callable<T> work) throws Exception {
      List<T> result = new ArrayList<>();
      List<Exception> thrown = new ArrayList<>();
      Timeline.Task task =
          timeline.spawn(
              () -> {
                try {
                  result.add(work.call());
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
    Map<String, String> archive() {
      Map<String, String> found = new TreeMap<>();
      String entry = ".virtquorum/archive/verdict";
      volume
          .below(entry)
          .forEach(
              (path, node) -> {
                if (node.isFile()) {
                  found.put(path.substring(entry.length() + 1), withoutTime(node.content.text()));
                }
              });
      return found;
    }
  }
}
