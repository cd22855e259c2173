package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls that are cut off at every step, guests without room, and busybox's shell. */
class FaultsTest extends TwoMembers {
  private Offer offer;

  @BeforeEach
  void write() throws Exception {
    sample.write("changed", "new").write("created", "new").write("dir/same", "same");
    sample.sh("head -c 3000000 /dev/zero > big");
    offer = offer();
  }

  enum Cut {
    /** A step never runs, and the one before it was the last that did. */
    BEFORE(
        List.of(0),
        "# put.sh",
        "mkdir",
        "# prepare.sh",
        "# stage.sh",
        "# apply.sh",
        "# directory.sh",
        "# memory-commit.sh",
        "# memory-swap.sh",
        "# finish.sh"),
    /** It is killed while it runs; after another while each time. */
    MIDWAY(List.of(10, 30, 60, 100), "# stage.sh", "# apply.sh");

    private final List<Integer> millis;
    private final List<String> scripts;

    Cut(List<Integer> millis, String... scripts) {
      this.millis = millis;
      this.scripts = List.of(scripts);
    }

    /** Steps that only read leave nothing new behind. */
    boolean concerns(String script) {
      return scripts.stream().anyMatch(script::contains);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whereverAPullIsCutOffTheNextOneSucceedsAndNothingIsLost(Cut cut) throws Exception {
    int cuts = 0;
    for (int millis : cut.millis) {
      boolean cutOff = true;
      for (int step = 1; cutOff; step++, cuts++) {
        member.sh(
            "rm -rf .virtquorum ./* && echo old > changed && mkdir -p dir deleted && echo precious > deleted/f"
                + " && echo same > dir/same && head -c 2000000 /dev/zero > big");
        cutOff = cutOff(step, cut, Duration.ofMillis(millis));

        var result = pull(member.restart());

        assertThat(result).as("after a cut at step " + step).isInstanceOf(PullResult.Done.class);
        assertThat(member.quick().matrix()).isEqualTo(offer.rows());
        assertThat(member.quick().interrupted()).isFalse();
        assertThat(member.sh("cat .virtquorum/archive/*/files/deleted/f")).isEqualTo("precious\n");
        assertThat(member.sh("cat .virtquorum/archive/*/files/changed")).isEqualTo("old\n");
        assertThat(member.sh("ls -A .virtquorum")).isEqualTo("archive\nmemory\n");
      }
    }
    assertThat(cuts).as("the steps of a pull").isGreaterThan(8);
  }

  @Test
  void aSampleThatDiesWhileItSendsLeavesTheMemberUntouched() throws Exception {
    member.write("changed", "old");
    var trees =
        tamperedTrees(
            (guest, exec) -> {
              if (exec.command().get(2).contains("# stage.sh")) {
                server.close();
              }
              return guest.run(exec);
            });

    assertThat(pull(trees))
        .isInstanceOfSatisfying(
            PullResult.Failed.class,
            failed -> assertThat(failed.reason()).isEqualTo(PullResult.Reason.SampleUnreachable));
    assertThat(member.path("changed")).hasContent("old");
  }

  @Test
  void whatAUserWritesAtTheLastMomentGoesBackWhereOnlyRotWasToGo() throws Exception {
    rots("changed", "rotten");
    Map<String, Deed> deeds = Map.of("stage/tree", () -> member.write("changed", "a user's"));

    assertThat(restoreWhile(deeds, "changed", "created")).isEqualTo(1);

    assertThat(member.path("changed")).hasContent("a user's");
    assertThat(member.path("created")).hasContent("new");
    assertThat(member.path(".virtquorum/archive/verdict-1/files/changed")).hasContent("a user's");
    assertThat(member.path(".virtquorum/archive/verdict-1-late/files/changed")).hasContent("new");
    assertThat(member.sh("ls -A .virtquorum")).isEqualTo("archive\nmemory\n");
  }

  @Test
  void whatAUserRemovesAtTheLastMomentStaysRemovedWhereOnlyRotWasToGo() throws Exception {
    rots("dir/same", "rotten");
    Map<String, Deed> deeds = Map.of("stage/tree", () -> member.sh("rm dir/same"));

    assertThat(restoreWhile(deeds, "dir/same", "created")).isEqualTo(1);

    assertThat(member.path("dir/same")).doesNotExist();
    assertThat(member.path("created")).hasContent("new");
    assertThat(member.path(".virtquorum/archive/verdict-1-late/files/dir/same")).hasContent("same");
    assertThat(member.sh("ls -A .virtquorum")).isEqualTo("archive\nmemory\n");
  }

  @Test
  void whatRotsOnceMoreAtTheLastMomentIsReplacedAllTheSame() throws Exception {
    rots("changed", "rotten");
    String rot =
        "at=$(stat -c %y changed); printf R | dd of=changed conv=notrunc status=none; touch -d \"$at\" changed";
    Map<String, Deed> deeds = Map.of("stage/tree", () -> member.sh(rot));

    assertThat(restoreWhile(deeds, "changed", "created")).isEqualTo(2);

    assertThat(member.path("changed")).hasContent("new");
    assertThat(member.path(".virtquorum/archive/verdict-1-late")).doesNotExist();
  }

  @Test
  void whoWritesAgainWhileAWriteGoesBackIsGivenWayToAsWell() throws Exception {
    rots("changed", "rotten");
    Map<String, Deed> deeds =
        Map.of(
            "stage/tree", () -> member.write("changed", "first"),
            "archive/verdict-1/files", () -> member.write("changed", "second"));

    assertThat(restoreWhile(deeds, "changed", "created")).isEqualTo(1);

    assertThat(member.path("changed")).hasContent("second");
    assertThat(member.path(".virtquorum/archive/verdict-1-late-2/files/changed"))
        .hasContent("first");
  }

  @Test
  void whoWritesWhatARemovalIsAboutToTakeAgainKeepsIt() throws Exception {
    rots("changed", "rotten");
    Map<String, Deed> deeds =
        Map.of(
            "stage/tree", () -> member.sh("rm changed"),
            "stage/gone", () -> member.write("changed", "made anew"));

    assertThat(restoreWhile(deeds, "changed", "created")).isEqualTo(1);

    assertThat(member.path("changed")).hasContent("made anew");
    assertThat(member.path(".virtquorum/archive/verdict-1/files/changed")).doesNotExist();
  }

  @Test
  void ofALinkThatWasAsItShouldBeOnlyItsOwnerIsSetAndItStays() throws Exception {
    sample.sh("ln -s dir link && chown -h 0:0 link");
    member.sh("ln -s dir link && chown -h 7:7 link");
    offer = new Offer(offer.address(), offer.port(), offer.password(), sample.quick().matrix());
    member.remember(4, 2);

    assertThat(restore(member.files(), "link")).isEqualTo(1);

    assertThat(member.sh("stat -c '%N %u' link")).isEqualTo("'link' -> 'dir' 0\n");
  }

  @Test
  void aMemberThatMovesMeanwhileVoidsThePull() throws Exception {
    member.write("changed", "old");
    var trees =
        tamperedTrees(
            (guest, exec) -> {
              GuestAgent.Result result = guest.run(exec);
              if (exec.command().get(2).contains("# stage.sh")) {
                try {
                  member.write("changed", "a user's");
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              }
              return result;
            });

    assertThat(pull(trees)).isInstanceOf(PullResult.Void.class);
    assertThat(member.path("changed")).hasContent("a user's");
  }

  @ParameterizedTest
  @ValueSource(strings = {"shared", "gone/deep/back up\\here"})
  void whatIsMountedBelowATreeIsNotTouchedByARepairThatRemovesWhatItIsMountedOn(String name)
      throws Exception {
    Path mounted = Files.createDirectories(member.path(name));
    assumeTrue(mount(mounted, "1M"), "tmpfs cannot be mounted here");
    try {
      Files.writeString(mounted.resolve("precious"), "of many");
      member.write("changed", "old");

      assertThatThrownBy(() -> pull(member.restart()))
          .isInstanceOf(Trouble.class)
          .hasMessageEndingWith("unmount " + mounted.toRealPath())
          .message()
          .matches(
              Troubleshooting.of("something is mounted where a repair removes a directory")::isIn);
      assertThat(mounted.resolve("precious")).hasContent("of many");
      assertThat(member.path("changed")).hasContent("old");
    } finally {
      unmount(mounted);
    }
    assertThat(pull(member.restart())).isInstanceOf(PullResult.Done.class);
    assertThat(mounted).doesNotExist();
  }

  private static void unmount(Path directory) throws Exception {
    new ProcessBuilder("umount", directory.toString()).start().waitFor();
  }

  private static boolean mount(Path directory, String size) throws Exception {
    return new ProcessBuilder(
                "mount", "-t", "tmpfs", "-o", "size=" + size, "none", directory.toString())
            .start()
            .waitFor()
        == 0;
  }

  @Test
  void aFullDiskFailsThePullBeforeAnythingIsTouchedAndIsStillFingerprinted() throws Exception {
    Path disk = directory.resolve("disk");
    Files.createDirectories(disk);
    assumeTrue(mount(disk, "4M"), "tmpfs cannot be mounted here: a full disk is not tested");
    try (var small =
        new Member(
            directory.resolve("small"),
            List.of(Tree.of("site", disk.resolve("site").toString())))) {
      small.write("changed", "old");

      assertThat(pull(small.files()))
          .isInstanceOfSatisfying(
              PullResult.Failed.class,
              failed -> {
                assertThat(failed.reason()).isEqualTo(PullResult.Reason.GuestDiskFull);
                assertThat(failed.message())
                    .matches(Troubleshooting.of("the guest's disk is full")::isIn);
              });
      assertThat(small.path("changed")).hasContent("old");
      assertThat(small.path("big")).doesNotExist();

      small.remember(1, 1);
      small.sh("cat /dev/zero > filler 2>/dev/null; echo x > changed 2>/dev/null; true");
      var full = small.quick();
      assertThat(full.memory()).isPresent();
      assertThat(full.changesTotal()).isPositive();
      org.assertj.core.api.Assertions.assertThatThrownBy(
              () -> small.files().remember(new Position(1, 2), full, Member.LIMIT))
          .isInstanceOfSatisfying(
              Trouble.class, t -> assertThat(t.reason()).isEqualTo(Trouble.Reason.GuestDiskFull));
    } finally {
      unmount(disk);
    }
  }

  @Test
  void manySmallFilesNeedTheirWholeBlocks() throws Exception {
    Path disk = Files.createDirectories(directory.resolve("disk"));
    assumeTrue(mount(disk, "4M"), "tmpfs cannot be mounted here: a full disk is not tested");
    sample.sh("rm big; for i in $(seq 900); do echo \"$i\" >\"small-$i\"; done");
    offer = offer();
    try (var small =
        new Member(
            directory.resolve("small"),
            List.of(Tree.of("site", disk.resolve("site").toString())))) {
      assertThat(pull(small.files()))
          .isInstanceOfSatisfying(
              PullResult.Failed.class,
              failed -> assertThat(failed.reason()).isEqualTo(PullResult.Reason.GuestDiskFull));
      assertThat(small.path("small-1")).doesNotExist();
    } finally {
      unmount(disk);
    }
  }

  @Test
  void busyboxsShellDoesTheSame() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/busybox")), "busybox is not installed here");
    var shell =
        new Shell(
            new TamperedGuest(
                member.guest,
                (guest, exec) -> {
                  List<String> command = new ArrayList<>(List.of("/bin/busybox", "sh"));
                  command.addAll(exec.command().subList(1, exec.command().size()));
                  return guest.run(
                      new GuestAgent.Exec(
                          command, exec.input(), exec.environment(), exec.deadline()));
                }),
            member.home.resolve("run").toString());
    member.write("changed", "old").write("deleted/f", "x");
    var trees = new FileTrees(shell, Member.KEY, member.trees, Member.AT_ONCE);

    assertThat(pull(trees)).isInstanceOf(PullResult.Done.class);
    assertThat(trees.audit(Member.LIMIT).changes()).isEmpty();
    assertThat(new Archive(shell, member.trees).list(Member.LIMIT)).hasSize(1);
    try (var serving = new SampleServer(shell, member.trees)) {
      var start = serving.start("b", HERE, HERE, Duration.ofSeconds(30), Member.LIMIT);
      sample.write("changed", "newer");
      var back =
          new Puller(sample.files(), ROOMY)
              .pull(
                  Offer.of(start, trees.quick(Member.LIMIT).matrix()),
                  WHOLE,
                  new ArchiveNote("back", "why"),
                  false,
                  Member.LIMIT);
      assertThat(back).isInstanceOf(PullResult.Done.class);
      assertThat(sample.path("changed")).hasContent("new");
    }
    assertThat(member.home.resolve("run/serve-b")).doesNotExist();
  }

  /** Pulls with the given changing step cut off; false if the pull has fewer. */
  private boolean cutOff(int step, Cut cut, Duration life) throws Exception {
    var count = new AtomicInteger();
    var trees =
        tamperedTrees(
            (real, exec) -> {
              if (!cut.concerns(exec.command().get(2)) || count.incrementAndGet() != step) {
                return real.run(exec);
              }
              switch (cut) {
                case BEFORE -> {}
                case MIDWAY ->
                    real.run(
                        new GuestAgent.Exec(
                            exec.command(), exec.input(), exec.environment(), life));
              }
              throw new GuestException.TimedOut("cut");
            });
    try {
      pull(trees);
      return count.get() >= step;
    } catch (GuestException | Trouble cutOff) {
      return true;
    }
  }

  /** The member's trees, in a guest in whose way something comes. */
  private FileTrees tamperedTrees(TamperedGuest.Tampering tampering) {
    return new FileTrees(tampered(tampering), Member.KEY, member.trees, Member.AT_ONCE);
  }

  /** What a user does. */
  private interface Deed {
    void run() throws Exception;
  }

  /** Something happens in the guest just before files are replaced from somewhere. */
  private static TamperedGuest.Tampering beforeReplacing(Map<String, Deed> deeds) {
    return (guest, exec) -> {
      Deed deed = deeds.get(exec.command().getLast());
      if (exec.command().get(2).contains("# apply.sh") && deed != null) {
        try {
          deed.run();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
      return guest.run(exec);
    };
  }

  /** A file of the member rots, and it remembers what it held. */
  private void rots(String name, String content) throws Exception {
    member.write("changed", "old").write("dir/same", "same").write(name, content);
    member.remember(4, 2);
  }

  /** The same while users do something. */
  private int restoreWhile(Map<String, Deed> deeds, String... names)
      throws GuestException, Trouble {
    return restore(tamperedTrees(beforeReplacing(deeds)), names);
  }

  /** Restores rows as for rot; how many came and stayed. */
  private int restore(FileTrees trees, String... names) throws GuestException, Trouble {
    Map<RowKey, Optional<Digest>> rows = new HashMap<>();
    for (String name : names) {
      RowKey key = new RowKey("site", name);
      rows.put(key, offer.rows().digest(key));
    }
    PullResult result = pull(trees, new Goal.Rows(rows), "verdict-1");
    assertThat(result).isInstanceOf(PullResult.Done.class);
    return ((PullResult.Done) result).rows();
  }

  private PullResult pull(FileTrees trees) throws GuestException, Trouble {
    return pull(trees, WHOLE, "verdict");
  }

  private PullResult pull(FileTrees trees, Goal goal, String entry) throws GuestException, Trouble {
    return new Puller(trees, ROOMY)
        .pull(offer, goal, new ArchiveNote(entry, "why"), false, Member.LIMIT);
  }
}
