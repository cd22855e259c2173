package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.collect.Tree;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.DirectoryGuest;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.QemuGa;
import io.virtquorum.guest.QemuGuestAgent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
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
  private static final String LONG = "n".repeat(255);

  /** How one member comes to differ from the other, each in a file of its own. */
  private static final Map<String, String> DIFFERENCES =
      Map.ofEntries(
          Map.entry("a deleted file", "rm plain-1"),
          Map.entry("a stray file", "echo x > stray"),
          Map.entry("a stray directory", "mkdir -p one/two && echo x > one/two/three"),
          Map.entry(
              "other content of the same size and time",
              "at=$(stat -c %y plain-2); echo tent > plain-2; touch -d \"$at\" plain-2"),
          Map.entry("a link that leads elsewhere", "ln -sfn elsewhere link-1"),
          Map.entry("a file instead of a link", "rm link-2 && echo target > link-2"),
          Map.entry("a link instead of a file", "rm plain-3 && ln -s link-1 plain-3"),
          Map.entry("a directory instead of a file", "rm plain-4 && mkdir plain-4"),
          Map.entry("a file instead of a directory", "rm -r dir-1 && echo x > dir-1"),
          Map.entry("a file instead of a fifo", "rm fifo-1 && echo x > fifo-1"),
          Map.entry("no fifo", "rm fifo-2"),
          Map.entry("another mode", "chmod 0600 plain-5"),
          Map.entry("a set-user bit", "chmod u+s plain-6"),
          Map.entry("another mode of a directory", "chmod 1777 dir-2"),
          Map.entry("another owner", "chown 1234 plain-7"),
          Map.entry("another group", "chgrp 4321 dir-3"),
          Map.entry("another owner of a link", "chown -h 1234 link-3"),
          Map.entry("an empty file that is not", "echo x > empty"),
          Map.entry("a file that is emptied", ": > plain-8"),
          Map.entry(
              "a sparse file with a byte in its hole",
              "printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none"),
          Map.entry("a name with spaces", "echo other > ' a  b '"),
          Map.entry("a name with newlines", "echo other > \"$(printf 'a\\n\\nb\\n.')\""),
          Map.entry("a name with leading dashes", "rm -- --delete"),
          Map.entry("a name of 255 bytes", "echo other > " + LONG),
          Map.entry("a name that is not UTF-8", "rm \"$(printf '\\377\\200')\""),
          Map.entry("a name that is a pattern", "echo other > '*'"),
          Map.entry("a name with a backslash", "echo other > 'a\\#b'"));

  private static final String MAKE =
      """
      for i in 1 2 3 4 5 6 7 8; do echo text > plain-$i; chmod 0640 plain-$i; done; : > empty
      for i in 1 2 3; do mkdir dir-$i; echo in > dir-$i/in; ln -s target link-$i; mkfifo fifo-$i; done
      truncate -s 10M sparse; printf end >> sparse
      echo 1 > ' a  b '; echo 2 > "$(printf 'a\\n\\nb\\n.')"; echo 3 > ./--delete; echo 4 > %s
      echo 5 > "$(printf '\\377\\200')"; echo 6 > '*'; echo 7 > 'a\\#b'; echo 8 > .hidden
      chown 12:34 dir-*; chmod 2750 dir-*; chmod 0444 empty
      """
          .formatted(LONG);

  /** What two trees must have in common, by the words of other programs. */
  private static final String JUDGE =
      """
      find . -path ./.virtquorum -prune -o -printf '%y %m %U %G %l %P\\0' | sort -z | sha256sum
      find . -path ./.virtquorum -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
      """;

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
      sample.sh(MAKE);
      member.sh(MAKE);
      Digest right = sample.root();
      assertThat(member.root()).as("made alike").isEqualTo(right);
      for (var difference : DIFFERENCES.entrySet()) {
        Digest before = member.root();
        member.sh(difference.getValue());
        assertThat(member.root()).as(difference.getKey()).isNotEqualTo(before);
      }
      pull(sample, server, member, 1);
      assertThat(member.root()).isEqualTo(right);
      assertThat(member.sh(JUDGE)).isEqualTo(sample.sh(JUDGE));
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
      assertThat(member.sh(JUDGE)).isEqualTo(sample.sh(JUDGE));
      assertThat(member.sh("find many -type f | wc -l").strip()).isEqualTo("10000");

      member.sh("printf x | dd of=large bs=1 seek=50000000 conv=notrunc status=none");
      member.sh("rm many/faaaa; echo y > many/faaab");
      pull(sample, server, member, 2);
      assertThat(member.sh(JUDGE)).isEqualTo(sample.sh(JUDGE));
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
    private final Guest guest;
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
              Guest.Exec.script(
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
