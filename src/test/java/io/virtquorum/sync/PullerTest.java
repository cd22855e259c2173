package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.Member;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Against real directories and a real rsync daemon on the loopback, as root. */
class PullerTest extends TwoMembers {
  @Test
  void aMemberBecomesEqualAndRemembersIt() throws Exception {
    awkward(sample);
    member.sh(
        "mkdir -p gone/below; echo x > gone/below/f; echo old > changed; mkdir wasfile;"
            + " touch wasfile/inside; ln -s /nowhere wasdir; mkfifo waslink; echo same > same");
    Snapshot goal = sample.quick();

    var done = done(pull(WHOLE));

    assertThat(member.quick().matrix()).isEqualTo(goal.matrix());
    assertThat(member.restart().memory(Member.LIMIT).orElseThrow())
        .isEqualTo(
            new io.virtquorum.fingerprint.Remembered(new Position(1, 1), goal.matrix().root()));
    assertThat(done.rows()).isPositive();
    assertThat(
            member.sh(
                "diff -r --no-dereference . \"$1/../../sample/site\" -x .virtquorum && echo equal;"
                    + " ls -A .virtquorum"))
        .as("no stage, journal or temporary file is left")
        .endsWith("archive\nmemory\n");
  }

  @Test
  void whatIsReplacedOrDeletedIsInTheArchive() throws Exception {
    sample.write("changed", "new").write("kept", "same").write("wasdir", "now a file");
    member
        .write("changed", "old")
        .write("kept", "same")
        .write("gone/below/f", "precious")
        .write("wasdir/inside", "treasure");

    var done = done(pull(WHOLE));

    String files = ".virtquorum/archive/" + done.archiveEntry() + "/files/";
    assertThat(member.path(files + "changed")).hasContent("old");
    assertThat(member.path(files + "gone/below/f")).hasContent("precious");
    assertThat(member.path(files + "wasdir/inside")).hasContent("treasure");
    assertThat(member.path(files + "kept")).doesNotExist();
    assertThat(Files.readString(member.path(".virtquorum/archive/verdict-1/manifest")))
        .contains("\nverdict 1\n")
        .contains("- replaced f 644 0 0 3 changed\n")
        .contains("- deleted d 755 0 0 ")
        .doesNotContain("kept");
    assertThat(member.sh("stat -c %a .virtquorum")).isEqualTo("700\n");
  }

  @Test
  void whereNothingOldIsReplacedThereIsNoArchiveEntry() throws Exception {
    sample.write("same", "same").write("dir/added", "new");
    member.write("same", "same");

    assertThat(done(pull(WHOLE)).archiveEntry()).isEmpty();

    assertThat(member.quick().matrix()).isEqualTo(sample.quick().matrix());
    assertThat(member.sh("ls -A .virtquorum .virtquorum/archive"))
        .isEqualTo(".virtquorum:\narchive\nmemory\n\n.virtquorum/archive:\n");
  }

  @Test
  void whatADirectoryWasLikeIsInTheArchive() throws Exception {
    sample.sh("mkdir dir && chmod 700 dir");
    member.sh("mkdir dir && chmod 755 dir");

    assertThat(done(pull(WHOLE)).archiveEntry()).isEqualTo("verdict-1");

    assertThat(member.path(".virtquorum/archive/verdict-1/manifest"))
        .content()
        .contains("- replaced d 755 0 0 ");
    member.sh("chmod 755 dir");
    done(pull("next", false, new ArchiveLimits(1, 0)));
    assertThat(member.sh("ls .virtquorum/archive")).as("one at most").isEqualTo("next\n");
  }

  @Test
  void aSecondRepairOfOneVerdictDoesNotTouchWhatTheFirstArchived() throws Exception {
    sample.write("f", "right");
    member.write("f", "first");
    assertThat(done(pull(WHOLE)).archiveEntry()).isEqualTo("verdict-1");
    member.write("f", "second");

    var again = done(pull(WHOLE));

    assertThat(again.archiveEntry()).isEqualTo("verdict-1.2");
    assertThat(member.path(".virtquorum/archive/verdict-1/files/f")).hasContent("first");
    assertThat(member.path(".virtquorum/archive/verdict-1.2/files/f")).hasContent("second");
  }

  @Test
  void onlyTheGivenRowsAreRestoredAndMemoryStays() throws Exception {
    sample.write("rotten", "good").write("other", "sample's").write("dir/lost", "back");
    member.write("rotten", "good").write("other", "mine").write("dir/lost", "back");
    Snapshot before = member.quick();
    member.sh("echo bad > rotten; rm -r dir; echo extra > unwanted");
    member.remember(4, 2); // so that nothing of this looks written
    var rows = new java.util.HashMap<RowKey, Optional<Digest>>();
    for (String name : List.of("rotten", "dir/lost", "unwanted")) {
      RowKey key = new RowKey("site", name);
      rows.put(key, sample.quick().matrix().digest(key));
    }

    done(pull(new Goal.Rows(rows)));

    Snapshot after = member.quick();
    assertThat(after.matrix()).isEqualTo(before.matrix());
    assertThat(after.memory().orElseThrow().position()).isEqualTo(new Position(4, 2));
    assertThat(member.path("other")).hasContent("mine");
    assertThat(member.path("unwanted")).doesNotExist();
  }

  @Test
  void aRowThatWasWrittenSinceItWasFoundRottenStays() throws Exception {
    sample.write("rotten", "good");
    member.write("rotten", "good");
    member.remember(4, 2);
    member.write("rotten", "a user's");
    RowKey key = new RowKey("site", "rotten");

    done(pull(new Goal.Rows(Map.of(key, sample.quick().matrix().digest(key)))));

    assertThat(member.path("rotten")).hasContent("a user's");
  }

  @Test
  void aDirectoryThatHoldsOtherRowsIsNotDeletedForOneRow() throws Exception {
    member.write("dir/f", "mine");
    sample.write("g", "x");

    var result = pull(new Goal.Rows(Map.of(new RowKey("site", "dir"), Optional.<Digest>empty())));

    assertThat(result)
        .isInstanceOfSatisfying(
            PullResult.Failed.class,
            failed -> assertThat(failed.reason()).isEqualTo(PullResult.Reason.NotEmpty));
    assertThat(member.path("dir/f")).hasContent("mine");
  }

  @Test
  void equalMembersPullNothing() throws Exception {
    sample.write("f", "same");
    member.write("f", "same");

    var done = done(pull(WHOLE));

    assertThat(done.rows()).isZero();
    assertThat(done.bytes()).isZero();
    assertThat(done.archiveEntry()).isEmpty();
    assertThat(member.files().memory(Member.LIMIT)).isPresent();
  }

  @Test
  void ofALargeFileOnlyWhatDiffersCrosses() throws Exception {
    sample.sh("head -c 20000000 /dev/urandom > big");
    member.sh(
        "cp ../../sample/site/big big; printf %1024s x | dd of=big bs=1024 seek=9000 conv=notrunc");

    var done = done(pull(WHOLE));

    assertThat(done.bytes()).isBetween(1024L, 200_000L);
  }

  @Test
  void aSampleThatMovedVoidsThePullAndNothingIsTouched() throws Exception {
    sample.write("f", "offered");
    member.write("f", "mine").write("g", "also mine");
    Offer offer = offer();
    sample.write("f", "moved!!");

    assertThat(pull(offer, WHOLE)).isInstanceOf(PullResult.Void.class);

    sample.sh("rm f");
    assertThat(pull(offer, WHOLE)).isInstanceOf(PullResult.Void.class);
    assertThat(member.path("f")).hasContent("mine");
    assertThat(member.path("g")).hasContent("also mine");
    assertThat(member.sh("ls .virtquorum/archive")).isEmpty();
  }

  @Test
  void aWrongPasswordIsRefusedAndNothingIsTouched() throws Exception {
    sample.write("f", "offered");
    member.write("f", "mine");
    Offer offer = offer();

    var result = pull(new Offer(offer.address(), offer.port(), "guess", offer.rows()), WHOLE);

    assertFailed(result, PullResult.Reason.SampleRefused);
    assertThat(member.path("f")).hasContent("mine");
  }

  @Test
  void aSampleThatIsGoneIsUnreachable() throws Exception {
    sample.write("f", "offered");
    member.write("f", "mine");
    Offer offer = offer();
    server.close();

    assertFailed(pull(offer, WHOLE), PullResult.Reason.SampleUnreachable);
    assertThat(member.path("f")).hasContent("mine");
  }

  @Test
  void severalTreesAreRepairedTogetherAndTheirCommandsRun() throws Exception {
    try (var two = twoTrees("b", List.of("touch", directory.resolve("ran").toString()));
        var other = twoTrees("c", List.of("sh", "-c", "echo it went wrong; exit 3"));
        var serving = new SampleServer(two.files().shell(), two.trees)) {
      two.write("f", "one");
      Files.writeString(Path.of(two.trees.get(1).path()).resolve("g"), "two");
      var start = serving.start("1", HERE, HERE, Duration.ofSeconds(60), Member.LIMIT);

      var result =
          new Puller(other.files(), ROOMY)
              .pull(
                  Offer.of(start, two.quick().matrix()),
                  WHOLE,
                  new ArchiveNote("v", "why"),
                  false,
                  Member.LIMIT);

      var done = done(result);
      assertThat(other.quick().matrix()).isEqualTo(two.quick().matrix());
      assertThat(done.warnings())
          .singleElement()
          .asString()
          .contains("exit 3 failed after the repair")
          .contains("exit code 3: it went wrong");
      assertThat(other.restart().memory(Member.LIMIT)).isPresent();
    }
  }

  @Test
  void othersMayReadWhatTheCommandAfterARepairMakes() throws Exception {
    Path made = directory.resolve("made");
    var tree =
        new Tree(
            "site",
            directory.resolve("c/site").toString(),
            List.of(),
            List.of("touch", made.toString()),
            List.of());
    sample.write("f", "x");
    try (var other = new Member(directory.resolve("c"), List.of(tree))) {
      var note = new ArchiveNote("v", "why");
      done(new Puller(other.files(), ROOMY).pull(offer(), WHOLE, note, false, Member.LIMIT));
      assertThat(other.sh("stat -c %a '" + made + "'")).isEqualTo("644\n");
    }
  }

  @Test
  void aTreeMayHaveTheNameThatRsyncHasForItsSettings() throws Exception {
    try (var from = new Member(directory.resolve("b"), global("b"));
        var other = new Member(directory.resolve("c"), global("c"));
        var serving = new SampleServer(from.files().shell(), from.trees)) {
      from.write("f", "x").write(".virtquorum/memory", "secret");
      var start = serving.start("1", HERE, HERE, Duration.ofSeconds(60), Member.LIMIT);
      var note = new ArchiveNote("v", "why");

      done(
          new Puller(other.files(), ROOMY)
              .pull(Offer.of(start, from.quick().matrix()), WHOLE, note, false, Member.LIMIT));

      assertThat(other.path("f")).hasContent("x");
    }
  }

  private List<Tree> global(String home) {
    return List.of(Tree.of("global", directory.resolve(home).resolve("tree").toString()));
  }

  @Test
  void withoutRoomInTheArchiveNothingIsTouched() throws Exception {
    sample.write("f", "new");
    member.write("f", "x".repeat(100_000));

    var result =
        new Puller(member.files(), new ArchiveLimits(20, 50_000))
            .pull(offer(), WHOLE, new ArchiveNote("v", "why"), false, Member.LIMIT);

    assertFailed(result, PullResult.Reason.ArchiveFull);
    assertThat(((PullResult.Failed) result).message())
        .matches(Troubleshooting.of("a repair replaces more than the archive may hold")::isIn);
    assertThat(member.path("f")).hasSize(100_000);
  }

  @Test
  void whereWhatUsersWroteLeavesNoRoomNothingIsRemovedInVain() throws Exception {
    sample.write("f", "right");
    member.write("f", "right");
    member.remember(1, 1);
    member.write("f", "x".repeat(60_000));
    pull("rotten", false, ROOMY);
    member.write("f", "y".repeat(60_000));
    pull("written", true, ROOMY);
    member.write("f", "z".repeat(60_000));

    var result = pull("v", false, new ArchiveLimits(20, 100_000));

    assertFailed(result, PullResult.Reason.ArchiveFull);
    assertThat(((PullResult.Failed) result).message())
        .matches(Troubleshooting.of("the archive is full")::isIn);
    assertThat(member.sh("ls .virtquorum/archive")).isEqualTo("rotten\nwritten\n");
    done(pull("v", false, new ArchiveLimits(20, 160_000)));
    assertThat(member.sh("ls .virtquorum/archive")).isEqualTo("v\nwritten\n");
  }

  @Test
  void whatAUserWroteIsMarkedAndNeverPruned() throws Exception {
    sample.write("f", "right");
    member.write("f", "right");
    member.remember(1, 1);
    for (int i = 1; i <= 3; i++) {
      member.write("f", "wrong " + i);
      done(pull("v" + i, i == 2, ROOMY));
    }
    var archive = new Archive(member.files().shell(), member.trees);
    assertThat(archive.list(Member.LIMIT))
        .extracting(e -> e.name() + " " + e.attributed())
        .containsExactly("v1 false", "v2 true", "v3 false");

    member.write("f", "wrong 4");
    done(pull("v4", false, new ArchiveLimits(3, 1L << 30)));
    assertThat(archive.list(Member.LIMIT))
        .extracting(ArchiveEntry::name)
        .containsExactly("v2", "v3", "v4");
    member.write("f", "wrong 5");
    done(pull("v5", false, new ArchiveLimits(0, 1L << 30)));
    assertThat(archive.list(Member.LIMIT))
        .extracting(ArchiveEntry::name)
        .containsExactly("v2", "v5");
    assertThat(member.path(".virtquorum/archive/v2/files/f")).hasContent("wrong 2");
  }

  @Test
  void givenADiskWithoutAMemoryWhenUsersWereThereThenAllThatIsReplacedMayBeTheirs()
      throws Exception {
    sample.write("f", "right").write("g", "right");
    member.write("f", "a user's").write("g", "the image's");
    done(pull("v1", true, ROOMY));
    assertThat(Files.readString(member.path(".virtquorum/archive/v1/manifest")))
        .contains("\nuser replaced f 644 0 0 8 f\n")
        .contains("\nuser replaced f 644 0 0 11 g\n");
  }

  @Test
  void givenAFreshDiskWhereNobodyWasThenWhatIsReplacedIsNobodys() throws Exception {
    sample.write("f", "right");
    member.write("f", "the image's");
    done(pull("v1", false, ROOMY));
    assertThat(Files.readString(member.path(".virtquorum/archive/v1/manifest")))
        .contains("\n- replaced f 644 0 0 11 f\n");
  }

  private PullResult pull(String entry, boolean users, ArchiveLimits limits) throws Exception {
    return new Puller(member.files(), limits)
        .pull(offer(), WHOLE, new ArchiveNote(entry, "why"), users, Member.LIMIT);
  }

  private Member twoTrees(String name, List<String> command) throws Exception {
    Path home = directory.resolve(name);
    return new Member(
        home,
        List.of(
            new Tree("one", home.resolve("t1").toString(), List.of(), command, List.of()),
            Tree.of("two", home.resolve("t2").toString())));
  }

  private static void awkward(Member at) throws Exception {
    at.sh(
        "echo new > changed; echo same > same; echo n > wasfile; mkdir -p wasdir/deep empty; echo d"
            + " > wasdir/deep/f; ln -s 'to nowhere' waslink; mkfifo pipe; mknod null c 1 3; echo x"
            + " > -rf; echo y > \"$(printf 'new\\n"
            + "line')\"; echo z > \"$(printf '\\377 x')\"; echo s > setuid; chmod 4750 setuid;"
            + " chown 1234:4321 setuid; chmod 1777 empty; truncate -s 1000000 sparse; ln same"
            + " hardlink; : > zero; chown 12:34 .; chmod 711 .; echo '*' > '*'; echo '#' > '#c';"
            + " echo ';' > ';d'; echo e > '[e]'; echo t > ' '; echo w > 'b\\*.log'; echo v > 'a\\[b'");
  }

  private PullResult pull(Goal goal) throws Exception {
    return pull(offer(), goal);
  }

  private PullResult pull(Offer offer, Goal goal) throws Exception {
    return new Puller(member.files(), ROOMY)
        .pull(offer, goal, new ArchiveNote("verdict 1", "verdict 1"), false, Member.LIMIT);
  }

  private static PullResult.Done done(PullResult result) {
    assertThat(result).isInstanceOf(PullResult.Done.class);
    return (PullResult.Done) result;
  }

  private static void assertFailed(PullResult result, PullResult.Reason reason) {
    assertThat(result)
        .isInstanceOfSatisfying(
            PullResult.Failed.class,
            failed -> assertThat(failed.reason()).as(failed.message()).isEqualTo(reason));
  }
}
