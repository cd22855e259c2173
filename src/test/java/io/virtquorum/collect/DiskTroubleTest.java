package io.virtquorum.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real ext4 on a loop device that turns read-only, goes away, or fails. */
class DiskTroubleTest {
  @TempDir Path directory;
  private Path disk;
  private Path table;
  private Member member;
  private boolean mounted;

  @BeforeEach
  void mountDisk() throws Exception {
    disk = Files.createDirectories(directory.resolve("disk"));
    table = Files.writeString(directory.resolve("fstab"), "# none\n");
    mounted =
        run("truncate", "-s", "24M", directory.resolve("image").toString())
            && run("mkfs.ext4", "-q", "-b", "4096", directory.resolve("image").toString())
            && run("mount", "-o", "loop", directory.resolve("image").toString(), disk.toString());
    assumeTrue(mounted, "loop devices cannot be mounted here");
    member =
        new Member(
            directory.resolve("m"), List.of(Tree.of("site", disk.resolve("site").toString())));
    restart();
    member.write("f", "content");
  }

  @AfterEach
  void unmountDisk() throws Exception {
    if (member != null) {
      member.close();
    }
    if (mounted) {
      run("umount", "-l", disk.toString());
    }
  }

  private void restart() {
    member.restart(new CollectSettings(100, Duration.ZERO, table.toString()));
  }

  @Test
  void givenAFileSystemThatTurnsReadOnlyThenItIsSaidUntilItCanBeWrittenAgain() throws Exception {
    member.remember(1, 1);
    run("mount", "-o", "remount,ro", disk.toString());
    assertTrouble(Trouble.Reason.FileSystemReadOnly);
    restart();
    assertTrouble(Trouble.Reason.FileSystemReadOnly);

    run("mount", "-o", "remount,rw", disk.toString());
    assertThat(member.quick().changes()).isEmpty();
  }

  @Test
  void givenAMountThatIsReadOnlyOverAWritableFileSystemThenItIsSaid() throws Exception {
    member.remember(1, 1);
    run("mount", "--bind", disk.toString(), disk.toString());
    try {
      run("mount", "-o", "remount,bind,ro", disk.toString());
      restart();
      assertTrouble(Trouble.Reason.FileSystemReadOnly);
    } finally {
      run("umount", disk.toString());
    }
  }

  @Test
  void givenATableThatHasItReadOnlyThenThatIsNoFault() throws Exception {
    Files.writeString(table, "/dev/vdb " + disk + " ext4 defaults,ro 0 2\n");
    member.remember(1, 1);
    run("mount", "-o", "remount,ro", disk.toString());

    assertThat(member.quick().matrix().rows()).hasSize(2);
  }

  @Test
  void givenATableThatHasItWritableThenReadOnlyIsAFaultFromTheBeginning() throws Exception {
    Files.writeString(table, "/dev/vdb " + disk + " ext4 defaults 0 2\n");
    run("mount", "-o", "remount,ro", disk.toString());

    assertTrouble(Trouble.Reason.FileSystemReadOnly);
  }

  @Test
  void givenALazyUnmountThenItIsNotTakenForADeletion() throws Exception {
    Path underneath = disk.resolve("site");
    member.remember(1, 1);
    run("umount", "-l", disk.toString());
    mounted = false;
    Files.createDirectories(underneath);

    assertTrouble(Trouble.Reason.NotMounted);
    assertTrouble(Trouble.Reason.NotMounted);
  }

  @Test
  void givenALazyUnmountThatTakesTheDirectoryWithItThenItIsNoDeletionEither() throws Exception {
    member.remember(1, 1);
    run("umount", "-l", disk.toString());
    mounted = false;

    assertTrouble(Trouble.Reason.NotMounted);
    assertTrouble(Trouble.Reason.NotMounted);
    restart();
    assertTrouble(Trouble.Reason.PathMissing);
  }

  @Test
  void givenADiskThatFailsThenItIsSaidThoughThePageCacheHasTheFiles() throws Exception {
    member.remember(1, 1);
    run("truncate", "-s", "0", directory.resolve("image").toString());

    assertTrouble(Trouble.Reason.DiskFails);
    restart();
    assertTrouble(Trouble.Reason.DiskFails);
  }

  @Test
  void givenAFreezeThenNothingIsSaid() throws Exception {
    member.remember(1, 1);
    assumeTrue(run("fsfreeze", "-f", disk.toString()), "fsfreeze is not installed here");
    try {
      assertThat(member.quick().changes()).isEmpty();
    } finally {
      run("fsfreeze", "-u", disk.toString());
    }
  }

  private void assertTrouble(Trouble.Reason reason) {
    assertThatThrownBy(() -> member.quick())
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble -> {
              assertThat(trouble.reason()).as(trouble.getMessage()).isEqualTo(reason);
              if (reason != Trouble.Reason.NotMounted) {
                Troubleshooting.assertExplained(
                    reason.name(), "web-2: %s.".formatted(trouble.getMessage()));
              }
            });
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
  }
}
