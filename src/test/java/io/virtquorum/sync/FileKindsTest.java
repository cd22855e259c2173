package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.agent.DirectoryGuest;
import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.QemuGa;
import io.virtquorum.agent.QemuGuestAgent;
import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Tree;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every kind of file, and every way in which two of them differ, compared and repaired: over a
 * directory and over a real guest agent. What is equal is judged by find and sha256sum.
 */
@Timeout(180)
final class FileKindsTest {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /** The seams below which a member is real. */
  enum Kind {
    DIRECTORY,
    GUEST_AGENT
  }

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(Kind.class)
  void givenEachKindOfDifferenceThenItIsSeenAndTheRepairIsExact(Kind kind) throws Exception {
    try (var sample = new Side(kind, directory.resolve("sample"));
        var member = new Side(kind, directory.resolve("member"));
        var server = new SampleServer(sample.trees.shell(), sample.list)) {
      sample.sh(FileKinds.MAKE);
      member.sh(FileKinds.MAKE);
      Digest right = sample.root();
      assertThat(member.root()).as("made alike").isEqualTo(right);
      for (var difference : FileKinds.DIFFERENCES.entrySet()) {
        Digest before = member.root();
        member.sh(difference.getValue());
        assertThat(member.root()).as(difference.getKey()).isNotEqualTo(before);
      }
      pull(sample, server, member, 1);
      assertThat(member.root()).isEqualTo(right);
      assertThat(member.sh(FileKinds.JUDGE)).isEqualTo(sample.sh(FileKinds.JUDGE));
      assertThat(Long.parseLong(member.sh("stat -c %b sparse").strip()))
          .as("blocks of a sparse file of 10 MB")
          .isLessThan(4_000);
    }
  }

  /** Over a directory {@link LargeTreeTest} does that. */
  @Test
  void givenALargeFileAndTenThousandSmallOnesThenTheyArriveWhole() throws Exception {
    try (var sample = new Side(Kind.GUEST_AGENT, directory.resolve("sample"));
        var member = new Side(Kind.GUEST_AGENT, directory.resolve("member"));
        var server = new SampleServer(sample.trees.shell(), sample.list)) {
      sample.sh("head -c 100000000 /dev/urandom > large");
      sample.sh("mkdir many && cd many && head -c 1000000 /dev/urandom | split -b 100 -a 4 - f");
      pull(sample, server, member, 1);
      assertThat(member.sh(FileKinds.JUDGE)).isEqualTo(sample.sh(FileKinds.JUDGE));
      assertThat(member.sh("find many -type f | wc -l").strip()).isEqualTo("10000");

      member.sh("printf x | dd of=large bs=1 seek=50000000 conv=notrunc status=none");
      member.sh("rm many/faaaa; echo y > many/faaab");
      pull(sample, server, member, 2);
      assertThat(member.sh(FileKinds.JUDGE)).isEqualTo(sample.sh(FileKinds.JUDGE));
    }
  }

  private static void pull(Side sample, SampleServer server, Side member, int sequence)
      throws Exception {
    var serving = server.start("s" + sequence, "127.0.0.1", "127.0.0.1", LIMIT, LIMIT);
    var offer = Offer.of(serving, sample.trees.quick(LIMIT).matrix());
    PullResult result =
        new Puller(member.trees, new ArchiveLimits(50, 1L << 30))
            .pull(
                offer,
                new Goal.Whole(new Position(1, sequence)),
                new ArchiveNote("v" + sequence, "why"),
                false,
                LIMIT);
    assertThat(result).isInstanceOf(PullResult.Done.class);
    server.stop("s" + sequence, LIMIT);
  }

  /** One member. */
  private static final class Side implements AutoCloseable {
    private final QemuGa agent;
    private final GuestAgent guest;
    final List<Tree> list;
    final FileTrees trees;

    Side(Kind kind, Path home) throws Exception {
      Files.createDirectories(home.resolve("site"));
      list = List.of(Tree.of("site", home.resolve("site").toString()));
      agent = kind == Kind.GUEST_AGENT ? new QemuGa(home).start() : null;
      guest =
          kind == Kind.GUEST_AGENT
              ? new QemuGuestAgent(agent.socket())
              : new DirectoryGuest(home, "boot-1");
      trees =
          new FileTrees(
              new Shell(guest, home.resolve("run").toString()),
              Member.KEY,
              list,
              new CollectSettings(20_000, Duration.ZERO, "/etc/fstab"));
    }

    Digest root() throws Exception {
      return trees.quick(LIMIT).matrix().root();
    }

    String sh(String command) throws Exception {
      var result =
          guest.run(
              GuestAgent.Exec.script(
                  LIMIT, "cd \"$1\" || exit\n" + command, new byte[0], list.getFirst().path()));
      assertThat(result.exit()).as(command + new String(result.error(), UTF_8)).isZero();
      return new String(result.output(), ISO_8859_1);
    }

    @Override
    public void close() {
      guest.close();
      if (agent != null) {
        agent.close();
      }
    }
  }
}
