package io.virtquorum.program;

import static io.virtquorum.program.ProgramMember.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.VerifyResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a repair and a proof promise, by the real guest program. */
@Timeout(60)
final class JoiningTest {
  private static final ArchiveNote NOTE = new ArchiveNote("repair-1", "It lost the vote.");
  private static final Position FIRST = new Position(1, 1);
  private static final Position SECOND = new Position(1, 2);
  // Another build may run on this machine, and the port is always the same one.
  private static final long PROCESS = ProcessHandle.current().pid();
  private static final String DONOR = "127.%d.%d.8".formatted(PROCESS / 250 % 250, PROCESS % 250);
  private static final String JOINER = "127.0.0.9";

  @TempDir Path directory;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private ProgramMember member(String name, ScratchTree tree, String... afterRepair)
      throws Exception {
    Path own = Files.createDirectories(directory.resolve(name));
    var settings = ProgramMember.settings(name, tree, List.of(afterRepair), List.of());
    var member = new ProgramMember(name, tree, own, settings);
    open.push(member);
    return member;
  }

  private ScratchTree tmpfs(String name) throws Exception {
    return ScratchTree.tmpfs(directory.resolve(name));
  }

  private static Matrix walked(ProgramMember member) throws Exception {
    return ((VerifyResult.Differs) member.watch.verify(FIRST, Digest.of(new byte[32]), LIMIT))
        .snapshot()
        .matrix();
  }

  @Test
  void givenADirectoryThatHoldsOtherRowsThenItIsNotRemovedForOneRow() throws Exception {
    ProgramMember member = member("web-1", tmpfs("tree"));
    Digest empty = walked(member).root();
    assertThat(member.watch.verify(FIRST, empty, LIMIT)).isInstanceOf(VerifyResult.Equal.class);
    member.tree.write("new/row", "somebody's");
    walked(member);
    var gone = new Goal.Remembered(Map.of(new RowKey("site", "new"), Optional.empty()));
    PullResult refused = member.watch.pull(Offer.nothing(), gone, NOTE, _ -> false, LIMIT);
    assertThat(((PullResult.Failed) refused).reason()).isEqualTo(PullResult.Reason.NotEmpty);
    assertThat(member.tree.read("new/row")).isEqualTo("somebody's");
  }

  @Test
  void givenACommandAfterTheRepairThatFailsThenTheRepairIsGoodAndItIsTold() throws Exception {
    ProgramMember donor = member("web-0", tmpfs("tree-0"));
    ProgramMember joiner =
        member("web-1", tmpfs("tree-1"), "sh", "-c", "echo no service >&2; exit 5");
    donor.tree.write("index.html", "elected");
    Matrix wanted = walked(donor);
    Offer offer = donor.serve(DONOR, JOINER);
    PullResult result = joiner.watch.pull(offer, new Goal.Whole(FIRST), NOTE, _ -> false, LIMIT);
    assertThat(result).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) result).warnings())
        .singleElement()
        .asString()
        .endsWith("failed after the repair: it ended with exit code 5: no service");
    assertThat(((PullResult.Done) result).archiveEntry()).as("nothing was replaced").isEmpty();
    assertThat(joiner.watch.look(LIMIT).snapshot().matrix()).isEqualTo(wanted);
  }

  @Test
  void givenAWriteWhoseBytesTheDiskDidNotKeepThenAProofFindsOutPastThePageCache() throws Exception {
    ScratchTree tree = ScratchTree.ext4(directory.resolve("tree"));
    RealProgram.run("rmdir", tree.path.resolve("lost+found") + "");
    ProgramMember member = member("web-1", tree);
    tree.write("old", "old");
    Digest first = walked(member).root();
    assertThat(member.watch.verify(FIRST, first, LIMIT)).isInstanceOf(VerifyResult.Equal.class);
    String content = "what was written and the disk did not keep ".repeat(100);
    tree.write("new", content);
    Digest second = walked(member).root();
    tree.rot(content);
    assertThat(tree.read("new")).as("the page cache hides it").isEqualTo(content);
    assertThat(member.watch.verify(SECOND, second, LIMIT)).isInstanceOf(VerifyResult.Differs.class);
    assertThat(member.watch.look(LIMIT).snapshot().memory().orElseThrow().position())
        .isEqualTo(FIRST);
  }
}
