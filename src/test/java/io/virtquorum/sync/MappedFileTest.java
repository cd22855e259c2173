package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.collect.Member;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.guest.Tree;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that a process has mapped or open for writing: on a real ext4, and on a tmpfs. */
class MappedFileTest {
  @TempDir Path directory;
  private Path disk;
  private Member member;

  private void mount(String command) throws Exception {
    disk = Files.createDirectories(directory.resolve("disk"));
    assumeTrue(
        run("cd '" + directory + "' && " + command + " && mkdir disk/site"),
        "nothing can be mounted here");
    member =
        new Member(
            directory.resolve("m"), List.of(Tree.of("site", disk.resolve("site").toString())));
    member.write("f", "a".repeat(5000)).write("g", "b".repeat(5000));
    member.settle();
    member.remember(1, 1);
  }

  private void mountDisk() throws Exception {
    mount("truncate -s 24M image && mkfs.ext4 -q -b 4096 image && mount -o loop image disk");
  }

  @AfterEach
  void unmountDisk() throws Exception {
    if (member != null) {
      member.close();
      run("umount -l '" + disk + "'");
    }
  }

  @Test
  void givenStoresThroughAMappingAroundALookThenTheyAreWritesForAnAudit() throws Exception {
    mountDisk();
    try (var arena = Arena.ofConfined()) {
      MemorySegment mapped = map("f", arena);
      store(mapped, 'b');
      assertThat(member.quick().changes()).extracting(Change::kind).containsOnly(WRITTEN);
      member.settle();
      member.remember(1, 2);
      store(mapped, 'c');
    }

    assertThat(member.audit().changes()).extracting(Change::kind).containsExactly(WRITTEN);
  }

  @Test
  void givenAFileThatSomebodyHasMappedForWritingThenAChangeOfItIsNoRot() throws Exception {
    mountDisk();
    try (var arena = Arena.ofConfined()) {
      map("f", arena);
      flip("f");
      flip("g");
      assertThat(member.audit().changes())
          .extracting(change -> change.key().item() + " " + change.kind())
          .containsExactly("f WRITTEN", "g ROT");
    }
    assertThat(member.quick().changes())
        .as("for good: who wrote may be gone")
        .extracting(change -> change.key().item() + " " + change.kind())
        .containsExactly("f WRITTEN", "g ROT");
    assertThat(member.restart().audit(Member.LIMIT).changes())
        .extracting(change -> change.key().item() + " " + change.kind())
        .containsExactly("f WRITTEN", "g ROT");
  }

  @Test
  void givenAFileThatSomebodyHasOpenForWritingThenAChangeOfItIsNoRot() throws Exception {
    mountDisk();
    try (var written = new RandomAccessFile(member.path("f").toFile(), "rw");
        var read = new RandomAccessFile(member.path("g").toFile(), "r")) {
      flip("f");
      flip("g");
      assertThat(member.audit().changes())
          .extracting(change -> change.key().item() + " " + change.kind())
          .containsExactly("f WRITTEN", "g ROT");
    }
  }

  @Test
  void givenAFileSystemInMemoryThenNothingIsEverRot() throws Exception {
    mount("mount -t tmpfs none disk");
    try (var arena = Arena.ofConfined()) {
      MemorySegment mapped = map("f", arena);
      store(mapped, 'b');
      member.settle();
      member.remember(1, 2);
      store(mapped, 'c'); // moves no ctime there
    }

    assertThat(member.audit().changes()).extracting(Change::kind).containsExactly(WRITTEN);
  }

  private static final Change.Kind WRITTEN = Change.Kind.WRITTEN;

  private MemorySegment map(String name, Arena arena) throws Exception {
    try (var file = new RandomAccessFile(member.path(name).toFile(), "rw")) {
      return file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 5000, arena);
    }
  }

  private static void store(MemorySegment mapped, char what) {
    mapped.set(ValueLayout.JAVA_BYTE, 0, (byte) what);
  }

  /** Changes the first byte of a file's first block below the file system. */
  private void flip(String name) throws Exception {
    String said =
        member.sh(
            "sync -f .; inode=$(stat -c %i "
                + name
                + "); cd ../..; block=$(debugfs -R \"blocks <$inode>\" image 2>/dev/null | tr ' ' '\\n' | grep . | head -1);"
                + " printf X | dd of=image bs=1 seek=$((block * 4096)) conv=notrunc status=none; echo $block");
    assertThat(Long.parseLong(said.strip())).isPositive();
  }

  private static boolean run(String command) throws Exception {
    return new ProcessBuilder("sh", "-c", command).start().waitFor() == 0;
  }
}
