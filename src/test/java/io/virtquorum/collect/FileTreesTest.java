package io.virtquorum.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against real directories of this machine, as root. */
class FileTreesTest {
  @TempDir Path directory;
  @AutoClose private Member member;

  @BeforeEach
  void openMember() throws Exception {
    member = new Member(directory.resolve("a"));
  }

  @Test
  void twoTreesWithTheSameFilesHaveTheSameRootWhateverTheirTimes() throws Exception {
    try (var other = new Member(directory.resolve("b"))) {
      for (Member each : List.of(member, other)) {
        each.write("index.html", "hello").write("img/logo", "png");
      }
      other.sh("touch -d 2001-01-01 index.html");

      assertThat(other.quick().matrix()).isEqualTo(member.quick().matrix());

      other.sh("chmod 600 index.html");
      assertThat(other.quick().matrix()).isNotEqualTo(member.quick().matrix());
    }
  }

  @Test
  void everythingThatMustBeEqualIsSeen() throws Exception {
    member.sh("echo a > f; ln -s x l; mkdir d; mkfifo p; mknod n c 1 3");
    for (String change :
        List.of(
            "echo b > f",
            "chmod 4755 f",
            "chown 7 f",
            "chgrp 8 f",
            "ln -sfn y l",
            "chmod 700 d",
            "chown 5 d",
            "chown 5 p",
            "rm n; mknod n c 1 5",
            "rm p; mkdir p",
            "chown -h 9 l",
            "touch d/new",
            "rm f",
            "chmod 711 .")) {
      var before = member.quick().matrix();
      member.sh(change);
      assertThat(member.quick().matrix()).as(change).isNotEqualTo(before);
    }
  }

  @Test
  void namesMayHoldAnyBytes() throws Exception {
    member.sh(
        "touch -- -n 'a b' \"$(printf 'new\\n"
            + "line')\" \"$(printf '\\377\\376')\" '*' '\\' ' ' \"'\" '$(x)'; ln -s \"$(printf"
            + " 'to\\n"
            + "where ')\" link");

    var rows = member.quick().matrix().rows();

    assertThat(rows)
        .extracting(row -> row.key().item())
        .containsExactlyInAnyOrder(
            "", "-n", "a b", "new\nline", "\u00ff\u00fe", "*", "\\", " ", "'", "$(x)", "link");
    assertThat(member.files().entry(new RowKey("site", "link")).orElseThrow().target())
        .isEqualTo("to\nwhere ");
    assertThat(member.audit().matrix().rows()).isEqualTo(rows);
  }

  @Test
  void aChangeWithinTheSameSecondAndOfTheSameSizeIsSeenThoughItsTimeIsSetBack() throws Exception {
    member.write("f", "one");
    var before = member.quick().matrix();
    member.sh("touch -r f ../stamp; printf two > f; touch -r ../stamp f");

    assertThat(member.quick().matrix()).isNotEqualTo(before);
  }

  @Test
  void whatIsExcludedIsNoRowAndNeitherIsTheOwnDirectory() throws Exception {
    var tree =
        new Tree(
            "site",
            directory.resolve("x").toString(),
            List.of("*.tmp", "cache/", "/logs/*.log", "deep/down"),
            List.of(),
            List.of());
    try (var picky = new Member(directory.resolve("b"), List.of(tree))) {
      picky.sh(
          "mkdir -p cache sub/cache logs sub/logs deep/down .virtquorum sub/.virtquorum; touch"
              + " a.tmp sub/b.tmp cache/x logs/a.log logs/a.txt sub/logs/a.log deep/down/z keep");

      assertThat(picky.quick().matrix().rows())
          .extracting(row -> row.key().item())
          .containsExactly(
              "",
              "deep",
              "keep",
              "logs",
              "logs/a.txt",
              "sub",
              "sub/.virtquorum",
              "sub/cache",
              "sub/logs",
              "sub/logs/a.log");
    }
  }

  @Test
  void aPatternThatMatchesAllStillLeavesTheRoot() throws Exception {
    var tree =
        new Tree("site", directory.resolve("x").toString(), List.of("*"), List.of(), List.of());
    try (var picky = new Member(directory.resolve("b"), List.of(tree))) {
      picky.write("f", "x");

      assertThat(picky.quick().matrix().rows())
          .extracting(Row::key)
          .containsExactly(new RowKey("site", ""));
    }
  }

  @Test
  void whatIsRememberedIsThereForTheNextSidecar() throws Exception {
    member.write("f", "one");
    var snapshot = member.remember(2, 7);

    member.restart();

    assertThat(member.files().memory(Member.LIMIT))
        .contains(new Remembered(new Position(2, 7), snapshot.matrix().root()));
    assertThat(member.quick().changes()).isEmpty();
  }

  @Test
  void aDamagedOrCutMemoryIsNone() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    byte[] whole = Files.readAllBytes(member.path(".virtquorum/memory"));
    for (int length : new int[] {0, 3, whole.length / 2, whole.length - 1}) {
      Files.write(member.path(".virtquorum/memory"), java.util.Arrays.copyOf(whole, length));
      assertThat(member.restart().memory(Member.LIMIT)).as("cut to " + length).isEmpty();
    }
    byte[] flipped = whole.clone();
    flipped[whole.length / 2] ^= 1;
    Files.write(member.path(".virtquorum/memory"), flipped);
    assertThat(member.restart().memory(Member.LIMIT)).isEmpty();

    Files.write(member.path(".virtquorum/memory"), whole);
    assertThat(member.restart().memory(Member.LIMIT)).isPresent();
  }

  @Test
  void aMemoryThatWasWrittenAndNotYetPutInForceIsFound() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    member.sh("mv .virtquorum/memory .virtquorum/memory.new");

    assertThat(member.restart().memory(Member.LIMIT).orElseThrow().position())
        .isEqualTo(new Position(1, 1));
  }

  @Test
  void whoOnlyReadsLeavesTheMemoryAsItIs() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    member.restart().readOnly();
    assertThat(member.quick().memory()).isPresent();

    member.sh("mv .virtquorum/memory .virtquorum/memory.new");
    assertThat(member.quick().memory()).isPresent();
    assertThat(member.path(".virtquorum/memory")).as("is not written again").doesNotExist();

    member.restart().readOnly();
    assertThat(member.files().memory(Member.LIMIT)).as("what is not in force").isEmpty();
    assertThat(member.path(".virtquorum/memory.new")).as("is not put in force").exists();
  }

  @Test
  void severalTreesHaveOneMemoryOnlyIfAllAgree() throws Exception {
    var one = Tree.of("one", directory.resolve("t1").toString());
    var two = Tree.of("two", directory.resolve("t2").toString());
    try (var both = new Member(directory.resolve("b"), List.of(one, two))) {
      both.write("f", "one");
      both.remember(1, 1);
      both.sh("cp .virtquorum/memory ../old");
      both.write("g", "two");
      both.remember(1, 2);
      assertThat(both.restart().memory(Member.LIMIT).orElseThrow().position())
          .isEqualTo(new Position(1, 2));

      both.sh("mv .virtquorum/memory .virtquorum/memory.new; cp ../old .virtquorum/memory");
      assertThat(both.restart().memory(Member.LIMIT).orElseThrow().position())
          .as("crashed between the first tree's new memory and the second's")
          .isEqualTo(new Position(1, 2));

      assertThat(both.path(".virtquorum/memory.new"))
          .as("and is in force now: nothing may take it back")
          .doesNotExist();
      both.sh("cp ../old .virtquorum/memory");
      assertThat(both.restart().memory(Member.LIMIT)).isEmpty();
    }
  }

  @Test
  void aMemoryOfOtherExcludesIsNotCompared() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    var changed =
        new Tree("site", member.trees.getFirst().path(), List.of("*.tmp"), List.of(), List.of());
    try (var other = new Member(directory.resolve("a"), List.of(changed))) {
      assertThat(other.quick().memory()).isEmpty();
    }
  }

  @Test
  void aMemoryThatSomebodyRemovesUnderARunningSidecarIsWrittenAgain() throws Exception {
    member.write("f", "one");
    member.remember(3, 1);
    member.sh("cp -a . ../copy; rm -rf .virtquorum");

    assertThat(member.quick().memory()).isPresent();
    assertThat(member.restart().memory(Member.LIMIT).orElseThrow().position())
        .isEqualTo(new Position(3, 1));
  }

  @Test
  void writesAreToldFromRotByTheCtime() throws Exception {
    member.write("edited", "1").write("deleted", "1").write("dir/old", "1").write("same", "1");
    member.settle();
    member.remember(1, 1);

    member.sh(
        "printf 2 > edited; rm deleted; mv dir moved; printf 3 > created; touch same; chmod 600"
            + " moved/old");

    var snapshot = member.quick();
    assertThat(snapshot.changes())
        .extracting(change -> change.key().item() + " " + change.kind())
        .containsExactly(
            "created WRITTEN",
            "deleted WRITTEN",
            "dir WRITTEN",
            "dir/old WRITTEN",
            "edited WRITTEN",
            "moved WRITTEN",
            "moved/old WRITTEN");
    assertThat(snapshot.changesTotal()).isEqualTo(7);
  }

  @Test
  void aFileReplacedByAnOlderOneIsWritten() throws Exception {
    member.write("f", "one").write("other", "two");
    member.settle();
    member.remember(1, 1);

    member.sh("mv other f");

    assertThat(member.quick().changes()).extracting(Change::kind).containsOnly(Change.Kind.WRITTEN);
  }

  @Test
  void aDeletionStaysWrittenHoweverOftenItIsLookedAt() throws Exception {
    member.write("d/f", "one").write("d/g", "one");
    member.settle();
    member.remember(1, 1);
    member.sh("rm d/f");
    member.settle();

    for (int look = 0; look < 3; look++) {
      assertThat(member.quick().changes())
          .extracting(Change::kind)
          .containsExactly(Change.Kind.WRITTEN);
      member.restart();
    }
  }

  @Test
  void onlySoManyChangesAreListedAndAllCounted() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    member.sh("mkdir many; cd many; seq 1500 | xargs touch");

    var snapshot = member.quick();

    assertThat(snapshot.changes()).hasSize(Snapshot.MAX_CHANGES);
    assertThat(snapshot.changesTotal()).isEqualTo(1501);
  }

  @Test
  void aTreeThatIsNotThereIsTroubleAndNoDeletion() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    member.sh("mv ../site ../gone");
    assertTrouble(Trouble.Reason.PathMissing);
    member.guest.run(
        GuestAgent.Exec.script(
            Member.LIMIT, "touch \"$1\"", new byte[0], member.trees.getFirst().path()));
    assertTrouble(Trouble.Reason.NotADirectory);
  }

  @Test
  void aFileSystemThatIsInTheTableAndNotMountedIsTrouble() throws Exception {
    Path table = directory.resolve("fstab");
    Files.writeString(
        table,
        "# comment\n/dev/none none swap sw 0 0\nUUID=1 "
            + directory.resolve("elsewhere")
            + " ext4 defaults 0 2\n");
    member.restart(new CollectSettings(100, Duration.ZERO, table.toString()));
    member.quick();
    Files.writeString(
        table,
        "/dev/vdb\t" + member.home + "/ ext4 nofail 0 2\n",
        java.nio.file.StandardOpenOption.APPEND);

    assertTrouble(Trouble.Reason.NotMounted);
  }

  @Test
  void theLastLineOfTheTableCountsWithoutALinesEnd() throws Exception {
    Path table = directory.resolve("fstab");
    Files.writeString(table, "/dev/vdb " + member.home + " ext4 nofail 0 2");
    member.restart(new CollectSettings(100, Duration.ZERO, table.toString()));

    assertTrouble(Trouble.Reason.NotMounted);
  }

  @Test
  void aFileSystemWithASpaceInItsNameIsFoundInTheTable() throws Exception {
    Path data = directory.resolve("web data");
    Path table = directory.resolve("fstab");
    Files.writeString(table, "/dev/vdb " + directory + "/web\\040data ext4 nofail 0 2\n");
    try (var other =
        new Member(
            directory.resolve("other"),
            List.of(Tree.of("site", data.resolve("site").toString())))) {
      var trees = other.restart(new CollectSettings(100, Duration.ZERO, table.toString()));
      assertThatThrownBy(() -> trees.quick(Member.LIMIT))
          .isInstanceOfSatisfying(
              Trouble.class, t -> assertThat(t.reason()).isEqualTo(Trouble.Reason.NotMounted));
      assumeTrue(
          run("mount", "--bind", data.toString(), data.toString()), "nothing can be mounted here");
      try {
        assertThat(trees.quick(Member.LIMIT).changesTotal()).isZero();
      } finally {
        run("umount", data.toString());
      }
    }
  }

  @Test
  void aFileSystemThatTheTableNamesByALinkIsMountedWhereTheLinkLeads() throws Exception {
    Path real = Files.createDirectories(directory.resolve("var/srv"));
    Path link = Files.createSymbolicLink(directory.resolve("srv"), real);
    Path table = directory.resolve("fstab");
    Files.writeString(table, "/dev/vdb " + link.resolve("www") + " ext4 nofail 0 2\n");
    Path mounted = Files.createDirectories(real.resolve("www"));
    try (var other =
        new Member(
            directory.resolve("other"), List.of(Tree.of("site", link.resolve("www") + "/site")))) {
      var trees = other.restart(new CollectSettings(100, Duration.ZERO, table.toString()));
      assertThatThrownBy(() -> trees.quick(Member.LIMIT)).isInstanceOf(Trouble.class);
      assumeTrue(
          run("mount", "--bind", mounted.toString(), mounted.toString()),
          "nothing can be mounted here");
      try {
        assertThat(trees.quick(Member.LIMIT).changesTotal()).isZero();
      } finally {
        run("umount", mounted.toString());
      }
    }
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command).start().waitFor() == 0;
  }

  @Test
  void aTreeThatTheAgentMayNotEnterIsTrouble() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    member.sh("chmod 0700 . && mkdir -p ../run && chown 65534 ../run");
    var nobody =
        TamperedGuest.prefixed(
            member.guest, List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
    var trees =
        new FileTrees(
            new Shell(nobody, member.home.resolve("run").toString()),
            Member.KEY,
            member.trees,
            Member.AT_ONCE);

    assertThatThrownBy(() -> trees.quick(Member.LIMIT))
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble ->
                assertThat("web-2: %s.".formatted(trouble.getMessage()))
                    .matches(Troubleshooting.of("a path that cannot be read")::matches));
  }

  @Test
  void aScriptThatFailsUnforeseenSaysItsWords() {
    var shell = new Shell(member.guest, member.home.resolve("run").toString());
    var script = new Script("odd.sh", "echo 'the disk sings' >&2; exit 3");

    assertThatThrownBy(() -> shell.run(script, shell.deadline(Member.LIMIT), new byte[0]))
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble ->
                assertThat("web-2: %s.".formatted(trouble.getMessage()))
                    .matches(
                        Troubleshooting.of("a script fails in a way that was not foreseen")
                            ::matches));
  }

  @Test
  void moreEntriesThanAgreedAreTrouble() throws Exception {
    member.sh("touch 1 2 3 4 5 6 7 8 9 10");
    member.restart(new CollectSettings(10, Duration.ZERO, "/etc/fstab"));

    assertTrouble(Trouble.Reason.TreeTooLarge);
  }

  @Test
  void theListingOfATreeThatIsTooLargeIsNotLeftInTheGuest() throws Exception {
    member.sh("for i in $(seq 3000); do : >\"a-name-that-makes-the-listing-long-$i\"; done");
    member.restart(new CollectSettings(10, Duration.ZERO, "/etc/fstab"));

    assertTrouble(Trouble.Reason.TreeTooLarge);
    assertThat(member.sh("cat ../run/tmp.list.* 2>/dev/null | wc -c")).isEqualTo("0\n");
  }

  @Test
  void aRebootForgetsWhatWasReadAndKeepsWhatIsRemembered() throws Exception {
    member.write("f", "one");
    member.remember(1, 1);
    member.guest.reboot("boot-2");

    var snapshot = member.quick();

    assertThat(snapshot.bootId()).isEqualTo("boot-2");
    assertThat(snapshot.memory()).isPresent();
    assertThat(snapshot.changes()).isEmpty();
  }

  private void assertTrouble(Trouble.Reason reason) {
    assertThatThrownBy(() -> member.quick())
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble -> {
              assertThat(trouble.reason()).isEqualTo(reason);
              Troubleshooting.assertExplained(
                  reason.name(), "web-2: %s.".formatted(trouble.getMessage()));
            });
  }
}
