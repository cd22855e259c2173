package io.virtquorum.program;

import static io.virtquorum.program.ProgramMember.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.LinkTiming;
import io.virtquorum.port.PortLink;
import io.virtquorum.port.Time;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong in a guest, and what the real guest program says of it: as the page has it. */
@Timeout(60)
final class TroublesTest {
  private static final ArchiveNote NOTE = new ArchiveNote("repair-1", "It lost the vote.");
  private static final String LOST = "what the disk does not give any more ".repeat(6_000);
  private static final Position FIRST = new Position(1, 1);
  private static final ArchiveLimits ROOMY = new ArchiveLimits(20, 1 << 30);
  // Another build may run on this machine, and the port is always the same one.
  private static final long PROCESS = ProcessHandle.current().pid();
  private static final String DONOR = "127.%d.%d.4".formatted(PROCESS / 250 % 250, PROCESS % 250);
  private static final String JOINER = "127.0.0.5";

  @TempDir Path directory;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private ScratchTree tmpfs(String name) throws Exception {
    return ScratchTree.tmpfs(directory.resolve(name));
  }

  private ScratchTree ext4(String name) throws Exception {
    ScratchTree tree = ScratchTree.ext4(directory.resolve(name));
    RealProgram.run("rmdir", tree.path.resolve("lost+found") + "");
    return tree;
  }

  private static WatchSettings settings(String member, Path path, ArchiveLimits archive) {
    Tree tree = new Tree("site", path + "", List.of("*.tmp"), List.of(), List.of("false"));
    return new WatchSettings(
        member,
        new FingerprintKey(new byte[32]),
        List.of(tree),
        List.of(),
        List.of(),
        List.of(),
        Set.of(),
        archive,
        50_000_000,
        false);
  }

  private ProgramMember member(String name, ScratchTree tree) throws Exception {
    return member(name, tree, tree.path, ROOMY);
  }

  private ProgramMember member(
      String name, ScratchTree tree, Path path, ArchiveLimits archive, String... around)
      throws Exception {
    Path own = Files.createDirectories(directory.resolve(name));
    var member = new ProgramMember(name, tree, own, settings(name, path, archive), around);
    open.push(member);
    return member;
  }

  private static Digest holds(ProgramMember member) throws Exception {
    Digest root = walked(member).root();
    assertThat(member.watch.verify(FIRST, root, LIMIT)).isInstanceOf(VerifyResult.Equal.class);
    return root;
  }

  private static Matrix walked(ProgramMember member) throws Exception {
    return ((VerifyResult.Differs) member.watch.verify(FIRST, Digest.of(new byte[32]), LIMIT))
        .snapshot()
        .matrix();
  }

  private static void assertExplained(String wrong, ThrowingCallable look) {
    Troubleshooting.Row row = Troubleshooting.of(wrong);
    Trouble trouble = catchThrowableOfType(Trouble.class, look);
    assertThat(trouble).as(wrong).isNotNull();
    assertThat(trouble.reason().name()).as(trouble.getMessage()).isEqualTo(row.reason());
    assertThat("web-2: " + trouble.getMessage() + ".").matches(row::matches);
  }

  /** Looks until something is wrong: the program checks a tree's place every two seconds. */
  private static ThrowingCallable lookingAt(ProgramMember member) {
    return () -> {
      for (var limit = Time.MACHINE.in(LIMIT); !limit.isOver(); Thread.sleep(50)) {
        try {
          member.watch.look(LIMIT).snapshot();
        } catch (Trouble trouble) {
          if (!trouble.getMessage().contains("is opened anew")) { // and then it is known what it is
            throw trouble;
          }
        }
      }
    };
  }

  @Test
  void givenAPathThatLeadsToNoTreeThenItIsSaidWhyAndIsNoChange() throws Exception {
    ScratchTree tree = tmpfs("tree");
    tree.write("file", "x");
    Path link = Files.createSymbolicLink(tree.path.resolve("link"), Path.of("real"));
    Files.createDirectory(tree.path.resolve("real"));
    RealProgram.run("chown", "-h", "1000", link + "");
    Map<String, Path> wrongs =
        Map.of(
            "a path that is missing", tree.path.resolve("missing"),
            "a file instead of a tree", tree.path.resolve("file"),
            "a path through a link that is not root's", link);
    ProgramMember member = member("web-2", tree);
    for (var wrong : wrongs.entrySet()) {
      var watch = member.guest.watch(settings("web-2", wrong.getValue(), ROOMY));
      assertExplained(wrong.getKey(), () -> watch.look(LIMIT));
    }
  }

  @Test
  void givenAFileSystemThatDidNotMountThenItIsNoDeletion() throws Exception {
    ScratchTree tree = tmpfs("tree");
    Path table = directory.resolve("fstab");
    Path point = Files.createDirectories(tree.path.resolve("data/www"));
    Files.writeString(table, "/dev/vdb " + point.getParent() + " ext4 defaults 0 2\n");
    String bind = "mount --bind " + table + " /etc/fstab && exec \"$0\" \"$@\"";
    ProgramMember member =
        member("web-2", tree, point, ROOMY, "unshare", "--mount", "sh", "-c", bind);
    assertExplained("a file system that is not mounted", lookingAt(member));
  }

  @Test
  void givenAFileSystemThatIsUnmountedUnderItsUsersThenItIsNoDeletion() throws Exception {
    ScratchTree tree = ext4("tree");
    tree.write("index.html", "hello");
    ProgramMember member = member("web-2", tree);
    holds(member);
    tree.close();
    try {
      assertExplained("a file system that is unmounted under its users", lookingAt(member));
    } finally {
      RealProgram.run("mount", "-o", "loop", tree.path + ".image", tree.path + "");
    }
  }

  @Test
  void givenAFileSystemThatTurnsReadOnlyThenItIsSaid() throws Exception {
    ProgramMember member = member("web-2", tmpfs("tree"));
    holds(member);
    RealProgram.run("mount", "-o", "remount,ro", member.tree.path + "");
    assertExplained("a file system that turned read-only", lookingAt(member));
  }

  @Test
  void givenADiskThatFailsThenItIsSaidThoughThePageCacheHasTheFiles() throws Exception {
    ProgramMember member = member("web-2", ext4("tree"));
    member.tree.write("index.html", "hello");
    holds(member);
    member.tree.loseAll();
    assertExplained("a disk that fails", lookingAt(member));
  }

  @Test
  void givenAFileThatIsReadForLongThenWhatItHoldsIsNotGuessed() throws Exception {
    ProgramMember member = member("web-2", tmpfs("tree"));
    RealProgram.run("truncate", "-s", "1T", member.tree.path.resolve("large") + "");
    assertExplained("a large file that is being read", () -> member.watch.look(LIMIT).snapshot());
  }

  @Test
  void givenARememberedFileThatCannotBeReadThenItRottedAndComesBackFromAnother() throws Exception {
    ProgramMember donor = member("web-0", tmpfs("tree-0"));
    Path path = directory.resolve("tree-2");
    ProgramMember joiner = member("web-2", ScratchTree.fullBehind(path, "good", "lost", LOST));
    donor.tree.write("lost", LOST);
    donor.tree.write("good", "good");
    for (ProgramMember one : List.of(donor, joiner)) {
      RealProgram.run("touch", "-d", "2020-01-01", one.tree.path + "");
    }
    Digest root = holds(donor);
    assertThat(holds(joiner)).isEqualTo(root);
    for (var limit = Time.MACHINE.in(Duration.ofSeconds(5)); !limit.isOver(); Thread.sleep(500)) {
      assertThat(joiner.watch.look(LIMIT).snapshot().changesTotal())
          .isZero(); // it renews its memory
    }
    joiner.tree.cutOff(LOST);

    Snapshot seen = joiner.watch.audit(LIMIT).snapshot();
    RowKey lost = new RowKey("site", "lost");
    assertThat(seen.changes()).extracting(Change::key).containsExactly(lost);
    assertThat(seen.changes().getFirst().kind()).isEqualTo(Change.Kind.ROT);

    walked(donor);
    Offer offer = donor.serve(DONOR, JOINER);
    var goal = new Goal.Rows(Map.of(lost, offer.rows().digest(lost)));
    PullResult result = joiner.watch.pull(offer, goal, NOTE, _ -> false, LIMIT);
    assertThat(result).isInstanceOf(PullResult.Done.class);
    assertThat(joiner.tree.read("lost")).isEqualTo(LOST);
    Snapshot after = joiner.watch.audit(LIMIT).snapshot();
    assertThat(after.changes()).isEmpty();
    assertThat(after.matrix().root()).isEqualTo(root);
  }

  @Test
  void givenANewFileThatCannotBeReadThenNobodyKnowsWhatItIs() throws Exception {
    Path path = directory.resolve("tree");
    ProgramMember member = member("web-2", ScratchTree.fullBehind(path, "good", "lost", LOST));
    walked(member);
    member.tree.cutOff(LOST);
    assertExplained("a new file that cannot be read", () -> member.watch.audit(LIMIT).snapshot());
  }

  @Test
  void givenACommandOfTheSpecThatFailsThenItIsNamed() throws Exception {
    ProgramMember member = member("web-2", tmpfs("tree"));
    assertExplained(
        "a command of the spec fails", () -> member.watch.quiesce(Duration.ofSeconds(10), LIMIT));
  }

  @Test
  void givenAProgramThatDoesNotKnowWhatItIsAskedForThenANewerOneIsAskedFor() throws Exception {
    ProgramMember member = member("web-2", tmpfs("tree"));
    PortLink link = link(member, 1);
    Program program =
        new Program(
            link, Time.MACHINE, Program.configuration(settings("web-2", member.tree.path, ROOMY)));
    assertExplained(
        "a guest program that is too old",
        () ->
            program.demand(Request.newBuilder(), "what a later one knows", Time.MACHINE.in(LIMIT)));
  }

  @Test
  void givenASidecarOfAnOlderTermThenTheProgramRefusesIt() throws Exception {
    ProgramMember member = member("web-2", tmpfs("tree"));
    link(member, 7).session(Time.MACHINE.in(LIMIT));
    open.pop().close();
    PortLink older = link(member, 6);
    var refused =
        catchThrowableOfType(
            GuestException.Refused.class,
            () -> older.session(Time.MACHINE.in(Duration.ofSeconds(5))));
    assertThat(refused).isNotNull();
    assertThat("web-2: " + refused.getMessage() + ".")
        .matches(Troubleshooting.of("a guest program that refuses the sidecar")::matches);
  }

  private PortLink link(ProgramMember member, long term) {
    member.guest.close(); // a port has one sidecar
    var link =
        new PortLink(
            member.program.socket,
            () -> term,
            "test",
            LinkTiming.usual(),
            new SecureRandom(),
            _ -> {});
    open.push(link);
    return link;
  }

  private PullResult pull(ProgramMember donor, ProgramMember joiner, boolean users)
      throws Exception {
    walked(donor);
    Offer offer = donor.serve(DONOR, JOINER);
    joiner.watch.settle(LIMIT);
    return joiner.watch.pull(offer, new Goal.Whole(FIRST), NOTE, _ -> users, LIMIT);
  }

  private static void assertExplained(String wrong, PullResult result) {
    assertThat(result).isInstanceOf(PullResult.Failed.class);
    assertThat(((PullResult.Failed) result).message()).matches(Troubleshooting.of(wrong)::isIn);
  }

  @Test
  void givenADiskWithoutRoomThenARepairSaysHowMuchItNeeds() throws Exception {
    ProgramMember donor = member("web-0", tmpfs("tree-0"));
    ProgramMember joiner = member("web-2", tmpfs("tree-2"));
    donor.tree.write("large", "x".repeat(20 << 20));
    joiner.tree.write("large", "old");
    joiner.tree.write("filler.tmp", "x".repeat(50 << 20));
    assertExplained("the guest's disk is full", pull(donor, joiner, false));
    assertThat(joiner.tree.read("large")).isEqualTo("old");
  }

  @Test
  void givenAnArchiveWithoutRoomThenARepairSaysWhatToDo() throws Exception {
    ProgramMember donor = member("web-0", tmpfs("tree-0"));
    ScratchTree tree = tmpfs("tree-2");
    ProgramMember joiner = member("web-2", tree, tree.path, new ArchiveLimits(20, 300 << 10));
    donor.tree.write("one", "elected");
    joiner.tree.write("one", "lost ".repeat(100_000));
    assertExplained("a repair replaces more than the archive may hold", pull(donor, joiner, true));

    joiner.tree.write("one", "lost ".repeat(40_000));
    assertThat(pull(donor, joiner, true)).isInstanceOf(PullResult.Done.class);
    joiner.tree.write("one", "lost ".repeat(40_000));
    assertExplained("the archive is full", pull(donor, joiner, true));
    assertThat(joiner.tree.read("one")).startsWith("lost");
  }

  @Test
  void givenWhatARepairMustNotTouchThenItSaysWhatToDo() throws Exception {
    ProgramMember donor = member("web-0", tmpfs("tree-0"));
    ProgramMember joiner = member("web-2", ext4("tree-2"));
    donor.tree.write("kept", "elected");
    Path goes = Files.createDirectories(joiner.tree.path.resolve("goes/mounted"));
    ScratchTree above = ScratchTree.tmpfs(goes);
    above.write("of-another", "kept");
    try {
      assertExplained(
          "something is mounted where a repair removes a directory", pull(donor, joiner, false));
      assertThat(above.read("of-another")).isEqualTo("kept");
    } finally {
      above.close();
    }
    joiner.tree.write("kept", "frozen");
    RealProgram.run("chattr", "+i", joiner.tree.path.resolve("kept") + "");
    try {
      walked(joiner); // no event tells of that, nor of a file system that is gone
      var result = new AtomicReference<PullResult>();
      Trouble trouble =
          catchThrowableOfType(Trouble.class, () -> result.set(pull(donor, joiner, false)));
      assertThat(trouble).as("it ended with %s", result).isNotNull();
      assertThat(trouble.getMessage())
          .matches(Troubleshooting.of("an immutable file where a repair puts another")::isIn);
    } finally {
      RealProgram.run("chattr", "-i", joiner.tree.path.resolve("kept") + "");
    }
    assertThat(Arrays.asList(joiner.tree.read("kept"))).containsExactly("frozen");
  }
}
