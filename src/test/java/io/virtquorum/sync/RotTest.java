package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.collect.Member;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.verify.Verifier;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real ext4 on a loop device, whose blocks are changed below the mounted file system. */
class RotTest {
  private static final String HERE = "127.0.0.1";

  @TempDir Path directory;
  private Member member;
  private boolean mounted;

  @BeforeEach
  void mountDisk() throws Exception {
    member =
        new Member(
            directory.resolve("m"),
            List.of(Tree.of("site", directory.resolve("m/disk/site").toString())));
    mounted =
        member
            .sh(
                "cd ../..; truncate -s 24M image; mkfs.ext4 -q -b 4096 image && mount -o loop image disk"
                    + " && mkdir disk/site && echo mounted || true")
            .contains("mounted");
    assumeTrue(
        mounted, "loop devices cannot be mounted here: rot below a file system is not tested");
  }

  @AfterEach
  void unmountDisk() throws Exception {
    if (mounted) {
      new ProcessBuilder("umount", directory.resolve("m/disk").toString())
          .inheritIO()
          .start()
          .waitFor();
    }
    member.close();
  }

  @Test
  void rotIsHiddenByThePageCacheFoundByAnAuditAndRestoredFromASample() throws Exception {
    try (var sample = new Member(directory.resolve("s"));
        var server = new SampleServer(sample.files().shell(), sample.trees)) {
      for (Member each : List.of(member, sample)) {
        each.write("rotten", "a".repeat(9000)).write("edited", "one").sh("chmod 755 .");
      }
      member.settle();
      var good = member.remember(1, 1);
      assertThat(sample.quick().matrix()).isEqualTo(good.matrix());
      flip("rotten");
      member.write("edited", "a user's");

      assertThat(member.quick().changes())
          .as("the cache hides it")
          .extracting(Change::key)
          .containsExactly(new RowKey("site", "edited"));
      var audit = member.audit();
      assertThat(audit.audited()).isTrue();
      assertThat(audit.changes())
          .extracting(change -> change.key().item() + " " + change.kind())
          .containsExactly("edited WRITTEN", "rotten ROT");

      RowKey key = new RowKey("site", "rotten");
      Optional<Digest> wanted = good.matrix().digest(key);
      var serving = server.start("1", HERE, HERE, Duration.ofSeconds(60), Member.LIMIT);
      var result =
          new Puller(member.files(), new ArchiveLimits(20, 1 << 30))
              .pull(
                  Offer.of(serving, sample.quick().matrix()),
                  new Goal.Rows(Map.of(key, wanted)),
                  new ArchiveNote("rot", "why"),
                  false,
                  Member.LIMIT);

      assertThat(result).isInstanceOf(PullResult.Done.class);
      assertThat(member.path("rotten")).hasContent("a".repeat(9000));
      assertThat(member.path("edited")).as("repair the rot, keep the write").hasContent("a user's");
      assertThat(member.audit().changes())
          .extracting(change -> change.key().item())
          .containsExactly("edited");
    }
  }

  @Test
  void rotAfterATouchIsStillRotOnceTheMemoryWasRenewed() throws Exception {
    member.write("f", "a".repeat(5000));
    member.settle();
    member.remember(1, 1);
    member.sh("touch f");
    member.settle();
    member.quick();
    flip("f");

    member.restart();
    assertThat(member.audit().changes()).extracting(Change::kind).containsExactly(Change.Kind.ROT);
  }

  @Test
  void aVerificationReadsWhatChangedFromTheDisk() throws Exception {
    member.write("f", "a".repeat(5000)).write("g", "b");
    member.settle();
    member.remember(1, 1);
    member.write("f", "c".repeat(5000));
    var claimed = member.quick().matrix().root();
    flip("f");
    var verifier = new Verifier(member.files());

    assertThat(verifier.verify(new Position(1, 2), claimed, Member.LIMIT))
        .isInstanceOf(VerifyResult.Differs.class);
    assertThat(member.quick().memory().orElseThrow().position()).isEqualTo(new Position(1, 1));

    var now = member.quick().matrix().root();
    assertThat(verifier.verify(new Position(1, 2), now, Member.LIMIT))
        .isInstanceOf(VerifyResult.Equal.class);
    assertThat(member.restart().memory(Member.LIMIT).orElseThrow().position())
        .isEqualTo(new Position(1, 2));
  }

  /** Changes the first byte of a file's first block in the image. */
  private void flip(String name) throws Exception {
    String said =
        member.sh(
            "sync -f .; inode=$(stat -c %i "
                + name
                + "); cd ../..; block=$(debugfs -R \"blocks <$inode>\" image 2>/dev/null | tr ' ' '\\n' | grep . | head -1);"
                + " printf X | dd of=image bs=1 seek=$((block * 4096)) conv=notrunc status=none; echo $block");
    assertThat(Long.parseLong(said.strip())).isPositive();
  }
}
