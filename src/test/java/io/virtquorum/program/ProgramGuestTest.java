package io.virtquorum.program;

import static io.virtquorum.program.ProgramMember.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.port.CuttingPort;
import io.virtquorum.port.Limit;
import io.virtquorum.port.Time;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against the real guest program, over the protocol that its port speaks. */
@Timeout(60)
final class ProgramGuestTest {
  private static final ArchiveNote NOTE = new ArchiveNote("repair-1", "It lost the vote.");
  // Another build may run on this machine, and the port is always the same one.
  private static final long PROCESS = ProcessHandle.current().pid();
  private static final String DONOR = "127.%d.%d.2".formatted(PROCESS / 250 % 250, PROCESS % 250);
  private static final String JOINER = "127.0.0.3";
  private static final Position FIRST = new Position(1, 1);
  private static final Position SECOND = new Position(1, 2);

  @TempDir Path directory;
  private final java.util.Deque<AutoCloseable> open = new java.util.ArrayDeque<>();

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private ProgramMember member(String name) throws IOException, InterruptedException {
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve(name + "-tree"));
    return open(name, tree, ProgramMember.settings(name, tree, List.of(), List.of()));
  }

  private ProgramMember open(
      String name, ScratchTree tree, io.virtquorum.guest.WatchSettings settings)
      throws IOException, InterruptedException {
    Path own = Files.createDirectories(directory.resolve(name));
    var member = new ProgramMember(name, tree, own, settings);
    open.push(member);
    return member;
  }

  private static Digest holds(ProgramMember member, Position position) throws Exception {
    Digest root = member.watch.look(LIMIT).snapshot().matrix().root();
    assertThat(member.watch.verify(position, root, LIMIT)).isInstanceOf(VerifyResult.Equal.class);
    return root;
  }

  /** Waits for events, as a look does that is made every two seconds. */
  private static Snapshot lookUntil(
      ProgramMember member, java.util.function.Predicate<Snapshot> wanted) throws Exception {
    Limit limit = Time.MACHINE.in(LIMIT);
    Snapshot seen = member.watch.look(LIMIT).snapshot();
    while (!wanted.test(seen) && !limit.isOver()) {
      Thread.sleep(20);
      seen = member.watch.look(LIMIT).snapshot();
    }
    assertThat(wanted.test(seen)).as("%s", seen.changes()).isTrue();
    return seen;
  }

  @Test
  void givenATreeThenItsRowsAreSeenAndWhatIsVerifiedIsRemembered() throws Exception {
    ProgramMember one = member("web-0");
    one.tree.write("index.html", "hello");
    one.tree.write("a/b", "below");
    one.tree.write("left.tmp", "excluded");
    assertThat(one.guest.presence().state()).isIn(Guest.State.STARTING, Guest.State.ANSWERING);

    Snapshot first = lookUntil(one, seen -> seen.matrix().rows().size() == 4);
    assertThat(first.matrix().rows())
        .extracting(row -> row.key().item())
        .containsExactly("", "a", "a/b", "index.html");
    assertThat(first.memory()).isEmpty();
    assertThat(first.changes()).isEmpty();
    assertThat(first.bootId()).isEqualTo(one.watch.bootId(LIMIT)).hasSize(36);
    assertThat(first.guestMillis()).isPositive();
    assertThat(one.guest.presence().state()).isEqualTo(Guest.State.ANSWERING);

    Digest root = first.matrix().root();
    assertThat(one.watch.verify(FIRST, Digest.of(new byte[32]), LIMIT))
        .isInstanceOf(VerifyResult.Differs.class);
    assertThat(one.watch.verify(FIRST, root, LIMIT)).isInstanceOf(VerifyResult.Equal.class);
    Snapshot second = one.watch.look(LIMIT).snapshot();
    assertThat(second.memory()).contains(new Remembered(FIRST, root));
    assertThat(second.changesTotal()).isZero();

    one.tree.write("index.html", "hello again");
    one.tree.write("new", "new");
    Files.delete(one.tree.path.resolve("a/b"));
    Snapshot third = lookUntil(one, seen -> seen.changesTotal() == 3);
    assertThat(third.changes())
        .extracting(change -> change.key().item() + " " + change.kind())
        .containsExactly("a/b WRITTEN", "index.html WRITTEN", "new WRITTEN");
    assertThat(third.changes().getFirst().now()).isEmpty();
    assertThat(third.changes().getLast().before()).isEmpty();

    Snapshot audited = one.watch.audit(LIMIT).snapshot();
    assertThat(audited.audited()).isTrue();
    assertThat(audited.matrix()).isEqualTo(third.matrix());
  }

  @Test
  void givenAMemoryThenItOutlastsTheProgramAndTheSidecarGoesOnByItself() throws Exception {
    ProgramMember one = member("web-0");
    one.tree.write("index.html", "hello");
    Digest root = holds(one, FIRST);
    one.program.kill();
    one.tree.write("while-away", "x");
    one.program.start();
    Snapshot seen = one.watch.look(LIMIT).snapshot();
    assertThat(seen.memory()).contains(new Remembered(FIRST, root));
    assertThat(Change.keys(seen.changes())).containsExactly(new RowKey("site", "while-away"));
  }

  @Test
  void givenATreeThatIsNotThereThenThatIsATroubleAndNoChange() throws Exception {
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree"));
    var settings =
        new io.virtquorum.guest.WatchSettings(
            "web-0",
            new io.virtquorum.fingerprint.FingerprintKey(new byte[32]),
            List.of(io.virtquorum.guest.Tree.of("site", tree.path + "/missing")),
            List.of(),
            List.of(),
            List.of(),
            Set.of(),
            new io.virtquorum.guest.ArchiveLimits(20, 1 << 30),
            50_000_000,
            false);
    ProgramMember one = open("web-0", tree, settings);
    one.watch.settle(LIMIT);
    assertThatThrownBy(() -> one.watch.look(LIMIT).snapshot())
        .isInstanceOf(Trouble.class)
        .hasMessageContaining("missing")
        .extracting(trouble -> ((Trouble) trouble).reason())
        .isEqualTo(Trouble.Reason.PathMissing);
  }

  @Test
  void givenADonorThenAJoinerBecomesEqualAndWhatItHadIsArchived() throws Exception {
    ProgramMember donor = member("web-0");
    ScratchTree tree = ScratchTree.ext4(directory.resolve("web-1-tree"));
    Path told = directory.resolve("told");
    ProgramMember joiner =
        open(
            "web-1",
            tree,
            ProgramMember.settings("web-1", tree, List.of("touch", told + ""), List.of()));
    donor.tree.write("index.html", "elected");
    donor.tree.write("deep/er/file", "x".repeat(100_000));
    Files.createSymbolicLink(donor.tree.path.resolve("link"), Path.of("index.html"));
    joiner.tree.write("index.html", "lost");
    joiner.tree.write("only-here/file", "goes");
    RealProgram.run("rmdir", joiner.tree.path.resolve("lost+found") + "");
    Digest root = holds(donor, FIRST);

    Offer offer = donor.serve(DONOR, JOINER);
    assertThat(offer.toString()).doesNotContain(offer.password());
    joiner.watch.settle(LIMIT);
    PullResult result = joiner.watch.pull(offer, new Goal.Whole(FIRST), NOTE, _ -> true, LIMIT);
    donor.watch.endServing();

    assertThat(result).isInstanceOf(PullResult.Done.class);
    var done = (PullResult.Done) result;
    assertThat(done.archiveEntry()).isEqualTo("repair-1");
    assertThat(done.bytes()).isGreaterThan(100);
    assertThat(done.warnings()).isEmpty();
    assertThat(told).exists();
    assertThat(joiner.tree.read("index.html")).isEqualTo("elected");
    assertThat(joiner.tree.path.resolve("only-here")).doesNotExist();
    Snapshot after = joiner.watch.look(LIMIT).snapshot();
    assertThat(after.memory()).contains(new Remembered(FIRST, root));
    assertThat(after.changesTotal()).isZero();
    assertThat(after.matrix().root()).isEqualTo(root);

    PullResult late = joiner.watch.pull(offer, new Goal.Whole(SECOND), NOTE, _ -> false, LIMIT);
    assertThat(late).as("equal members need no donor").isInstanceOf(PullResult.Done.class);
    joiner.tree.write("index.html", "lost again");
    PullResult gone = joiner.watch.pull(offer, new Goal.Whole(SECOND), NOTE, _ -> false, LIMIT);
    assertThat(gone).isInstanceOf(PullResult.Failed.class);
    assertThat(((PullResult.Failed) gone).reason()).isEqualTo(PullResult.Reason.SampleUnreachable);
    assertThat(joiner.tree.read("index.html")).isEqualTo("lost again");
  }

  @Test
  void givenSomebodyElsesSecretThenADonorLetsNobodyIn() throws Exception {
    ProgramMember donor = member("web-0");
    ProgramMember joiner = member("web-1");
    donor.tree.write("index.html", "elected");
    Offer offer = donor.serve(DONOR, JOINER);
    String password = offer.password();
    char last = password.charAt(password.length() - 1) == '0' ? '1' : '0';
    String other = password.substring(0, password.length() - 1) + last;
    Offer forged = new Offer(offer.address(), offer.port(), other, offer.rows());
    assertThat(joiner.watch.pull(forged, new Goal.Whole(FIRST), NOTE, _ -> false, LIMIT))
        .isInstanceOf(PullResult.Failed.class);
    Offer ofAnEarlierVersion = new Offer(offer.address(), offer.port(), "a1b2", offer.rows());
    assertThat(
            joiner.watch.pull(ofAnEarlierVersion, new Goal.Whole(FIRST), NOTE, _ -> false, LIMIT))
        .isEqualTo(Secret.ofAnotherKind());
    assertThat(joiner.tree.path.resolve("index.html")).doesNotExist();
  }

  @Test
  void givenRottenRowsThenOnlyTheyComeBackAndWhatSomebodyWroteStays() throws Exception {
    ProgramMember donor = member("web-0");
    ProgramMember joiner = member("web-1");
    for (ProgramMember one : List.of(donor, joiner)) {
      one.tree.write("a", "equal");
      one.tree.write("b", "equal");
      one.tree.write("c", "equal");
      assertThat(lookUntil(one, seen -> seen.matrix().rows().size() == 4)).isNotNull();
    }
    holds(donor, FIRST);
    Digest root = holds(joiner, FIRST);
    var wanted = donor.watch.look(LIMIT).snapshot().matrix();
    RowKey a = new RowKey("site", "a");
    RowKey b = new RowKey("site", "b");
    joiner.tree.write("a", "written");
    lookUntil(joiner, seen -> seen.changesTotal() == 1);
    Offer offer = donor.serve(DONOR, JOINER);
    var rows = Map.of(a, wanted.digest(a), b, wanted.digest(b));
    PullResult result = joiner.watch.pull(offer, new Goal.Rows(rows), NOTE, _ -> false, LIMIT);
    assertThat(result).as("nothing was rotten").isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) result).rows()).isZero();
    assertThat(joiner.tree.read("a")).isEqualTo("written");

    PullResult back = joiner.watch.pull(offer, new Goal.Remembered(rows), NOTE, _ -> false, LIMIT);
    assertThat(back).isInstanceOf(PullResult.Done.class);
    assertThat(joiner.tree.read("a")).isEqualTo("equal");
    Snapshot after = joiner.watch.look(LIMIT).snapshot();
    assertThat(after.memory()).contains(new Remembered(FIRST, root));
    assertThat(after.matrix().root()).isEqualTo(root);

    var other = Map.of(a, Optional.<Digest>empty());
    assertThat(joiner.watch.pull(offer, new Goal.Remembered(other), NOTE, _ -> false, LIMIT))
        .isInstanceOf(PullResult.Void.class);
  }

  @Test
  void givenCommandsAndFactsThenWhatTheySayIsComparedAndCarriedOver() throws Exception {
    Path said = Files.createDirectory(directory.resolve("said"));
    CommandFeature[] features = new CommandFeature[2];
    ProgramMember[] members = new ProgramMember[2];
    for (int i = 0; i < 2; i++) {
      ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree-" + i));
      Path file = said.resolve("of-" + i);
      features[i] =
          new CommandFeature(
              "packages", List.of("cat", file + ""), List.of("dd", "of=" + file, "status=none"));
      members[i] =
          open(
              "web-" + i,
              tree,
              ProgramMember.settings(
                  "web-" + i,
                  tree,
                  List.of(
                      features[i],
                      new CommandFeature("fails", List.of("ls", "/not/there"), List.of())),
                  Set.of("os", "kernel", "timezone")));
    }
    String much = "nginx 1.0\n".repeat(50_000);
    Files.writeString(said.resolve("of-0"), much);
    Files.writeString(said.resolve("of-1"), "nginx 0.9\n");
    Map<String, Output> zero = members[0].watch.outputs(true);
    Map<String, Output> one = members[1].watch.outputs(true);
    assertThat(zero).containsOnlyKeys("packages", "fails", "os", "kernel", "timezone");
    assertThat(zero.get("kernel")).isEqualTo(one.get("kernel"));
    assertThat(zero.get("kernel").words()).isEqualTo(RealProgram.run("uname", "-r").strip());
    assertThat(zero.get("fails").kind()).isEqualTo(Output.Kind.FAILED);
    assertThat(zero.get("fails").words()).contains("exit code 2", "/not/there");
    assertThat(zero.get("packages").digest()).isNotEqualTo(one.get("packages").digest());

    Digest wanted = zero.get("packages").digest();
    assertThat(
            members[0].watch.serveOutput(
                "id", "packages", one.get("packages").digest(), DONOR, JOINER, LIMIT))
        .isEmpty();
    var serving =
        members[0].watch.serveOutput("id", "packages", wanted, DONOR, JOINER, LIMIT).orElseThrow();
    Offer offer = Offer.of(serving, Output.matrix("packages", wanted));
    PullResult result = members[1].watch.applyOutput(offer, "packages", wanted, NOTE, LIMIT);
    assertThat(result).isInstanceOf(PullResult.Done.class);
    assertThat(Files.readString(said.resolve("of-1"))).isEqualTo(much);
    assertThat(((PullResult.Done) result).archiveEntry()).isEqualTo("repair-1-packages");
    Path kept = members[1].tree.path.resolve(".virtquorum");
    assertThat(RealProgram.run("sh", "-c", "cat " + kept + "/*/archive/repair-1-packages/output"))
        .isEqualTo("nginx 0.9\n");
    assertThat(members[1].watch.outputs(false).get("packages").digest()).isEqualTo(wanted);
  }

  @Test
  void givenUsersThenTheyAreToldAndKeptForAnotherSidecar() throws Exception {
    ProgramMember one = member("web-0");
    one.tree.write("index.html", "hello");
    assertThat(one.watch.users(LIMIT).passiveOpens()).isNotNegative();
    holds(one, FIRST);
    one.tree.write("index.html", "written");
    Snapshot seen = lookUntil(one, look -> look.changesTotal() == 1);
    assertThat(one.watch.rememberUsers(seen, false, LIMIT)).isFalse();
    assertThat(one.watch.rememberUsers(seen, true, LIMIT)).isTrue();
    try (var later =
        new ProgramGuest(one.program.socket, () -> 1, "later", CarriedPrograms.none())) {
      one.guest.close(); // a port has one sidecar at a time
      var settings = ProgramMember.settings("web-0", one.tree, List.of(), List.of());
      try (var watch = later.watch(settings)) {
        assertThat(watch.rememberUsers(watch.look(LIMIT).snapshot(), false, LIMIT)).isTrue();
      }
    }
  }

  @Test
  void givenAUnitThatTheGuestDoesNotHaveThenItIsSaidAndNobodyIsKeptStill() throws Exception {
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree"));
    WatchSettings plain = ProgramMember.settings("web-0", tree, List.of(), List.of());
    Tree site =
        new Tree(
            "site",
            tree.path.toString(),
            List.of(),
            List.of(),
            List.of(),
            List.of("no-such-unit.service"));
    ProgramMember one =
        open(
            "web-0",
            tree,
            new WatchSettings(
                plain.member(),
                plain.key(),
                List.of(site),
                plain.commands(),
                plain.facts(),
                plain.accessPorts(),
                plain.probes(),
                plain.archive(),
                plain.auditBytesPerSecond(),
                plain.readOnly()));
    assertThatThrownBy(() -> one.watch.quiesce(Duration.ofMinutes(1), LIMIT))
        .isInstanceOf(Trouble.class)
        .hasMessageContaining(
            "the writers of site cannot be kept still: freezing no-such-unit.service: ");
    assertThat(one.watch.resume(LIMIT)).isZero();
  }

  @Test
  void givenAQuiesceCommandThenTheWritersKeepStillAndGoOnWhenToldOrByThemselves() throws Exception {
    Path log = directory.resolve("quiet-log");
    Path script = directory.resolve("quiet");
    Files.writeString(script, "#!/bin/sh\necho $1 >>" + log + "\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree"));
    ProgramMember one =
        open("web-0", tree, ProgramMember.settings("web-0", tree, List.of(), List.of(script + "")));
    one.watch.quiesce(Duration.ofMinutes(1), LIMIT);
    assertThat(one.watch.resume(LIMIT)).isBetween(Duration.ofMillis(1), Duration.ofMinutes(1));
    assertThat(one.watch.resume(LIMIT)).isZero();
    assertThat(log).hasContent("begin\nend\n");
    one.watch.quiesce(Duration.ofSeconds(1), LIMIT);
    one.guest.close();
    Limit limit = Time.MACHINE.in(LIMIT);
    while (Files.readAllLines(log).size() < 4 && !limit.isOver()) {
      Thread.sleep(20);
    }
    assertThat(log).hasContent("begin\nend\nbegin\nend\n");
  }

  @Test
  void givenPeersAndASyncNicThenWhoIsSilentAndWhatIsMissingIsTold() throws Exception {
    ProgramMember one = member("web-0");
    assertThat(one.watch.silent("127.0.0.1", List.of("127.0.0.9"), LIMIT)).isEmpty();
    assertThat(one.watch.address("02:76:aa:bb:cc:dd", "172.31.77.11/24", LIMIT))
        .isEqualTo(new AddressOutcome.Absent("02:76:aa:bb:cc:dd"));
    assertThat(one.watch.address("02:76:aa:bb:cc:dd", "no address", LIMIT))
        .isInstanceOfSatisfying(
            AddressOutcome.Failed.class,
            failed -> assertThat(failed.message()).contains("no address"));
  }

  /** A look before, three of the fetch, and so on: a repair says some twenty frames. */
  @Test
  void givenTheSessionIsLostAtAnyFrameOfARepairThenTheNextRepairEndsIt() throws Exception {
    ProgramMember donor = member("web-0");
    for (String name : List.of("a", "b", "c/d")) {
      donor.tree.write(name, "elected " + name);
    }
    Digest root = holds(donor, FIRST);
    ProgramMember joiner = member("web-1");
    Path front = directory.resolve("front");
    var settings = ProgramMember.settings("web-1", joiner.tree, List.of(), List.of());
    joiner.guest.close();
    int cuts = 0;
    try (var port = new CuttingPort(front, joiner.program.socket);
        var guest = new ProgramGuest(front, () -> 1, "web-1", CarriedPrograms.none());
        var watch = guest.watch(settings)) {
      for (int frames = 0; frames < 24; frames++) {
        joiner.tree.write("a", "lost " + frames);
        joiner.tree.write("extra", "goes");
        Offer offer = donor.serve(DONOR, JOINER);
        watch.settle(LIMIT);
        port.cut = false;
        port.passing.set(frames);
        PullResult result = null;
        for (int tries = 0; !(result instanceof PullResult.Done) && tries < 5; tries++) {
          try {
            watch.settle(LIMIT);
            result = watch.pull(offer, new Goal.Whole(FIRST), NOTE, _ -> false, LIMIT);
          } catch (GuestException unknown) {
            assertThat(unknown).isNotInstanceOf(GuestException.TimedOut.class);
          }
        }
        cuts += port.cut ? 1 : 0;
        port.passing.set(Integer.MAX_VALUE);
        assertThat(result).as("after %s frames", frames).isInstanceOf(PullResult.Done.class);
        Snapshot after;
        try {
          after = watch.look(LIMIT).snapshot();
        } catch (GuestException.Unreachable cut) { // at the frame right after the repair
          assertThat(port.cut).isTrue();
          after = watch.look(LIMIT).snapshot();
        }
        assertThat(after.matrix().root()).isEqualTo(root);
        assertThat(after.memory()).contains(new Remembered(FIRST, root));
      }
    }
    assertThat(cuts).isGreaterThan(5);
  }

  @Test
  void givenContentThatChangedOnTheDiskAloneThenAnAuditFindsRotAndOnlyThatRowComesBack()
      throws Exception {
    ProgramMember donor = member("web-0");
    ScratchTree tree = ScratchTree.ext4(directory.resolve("web-1-tree"));
    ProgramMember joiner =
        open("web-1", tree, ProgramMember.settings("web-1", tree, List.of(), List.of()));
    RealProgram.run("rmdir", tree.path.resolve("lost+found") + "");
    String content = "what was written out and is to be found again ".repeat(200);
    for (ProgramMember one : List.of(donor, joiner)) {
      one.tree.write("good", "good");
      one.tree.write("rots", content);
      RealProgram.run("touch", "-d", "2020-01-01", one.tree.path + "");
      lookUntil(one, seen -> seen.matrix().rows().size() == 3);
    }
    Digest root = holds(donor, FIRST);
    assertThat(holds(joiner, FIRST)).isEqualTo(root);
    for (Limit limit = Time.MACHINE.in(Duration.ofSeconds(5)); !limit.isOver(); Thread.sleep(500)) {
      assertThat(joiner.watch.look(LIMIT).snapshot().changesTotal())
          .isZero(); // it renews its memory
    }
    tree.rot(content);

    Snapshot seen = joiner.watch.audit(LIMIT).snapshot();
    RowKey rots = new RowKey("site", "rots");
    assertThat(seen.changes()).extracting(Change::key).containsExactly(rots);
    assertThat(seen.changes().getFirst().kind()).isEqualTo(Change.Kind.ROT);

    Offer offer = donor.serve(DONOR, JOINER);
    var wanted = offer.rows();
    var goal = new Goal.Rows(Map.of(rots, wanted.digest(rots)));
    PullResult result = joiner.watch.pull(offer, goal, NOTE, _ -> false, LIMIT);
    assertThat(result).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) result).rows()).isOne();
    assertThat(joiner.watch.audit(LIMIT).snapshot().matrix().root()).isEqualTo(root);
  }

  @Test
  void givenALargeFileThatAppearsThenALookEndsWithItsContentAndNeverWithoutIt() throws Exception {
    ScratchTree tree = ScratchTree.ext4(directory.resolve("web-0-tree"));
    ProgramMember one =
        open("web-0", tree, ProgramMember.settings("web-0", tree, List.of(), List.of()));
    RealProgram.run("rmdir", tree.path.resolve("lost+found") + "");
    tree.write("small", "small");
    Digest before = holds(one, FIRST);
    RealProgram.run("truncate", "-s", "500M", tree.path.resolve("large") + "");
    Snapshot seen = lookUntil(one, look -> look.changesTotal() > 0);
    assertThat(seen.matrix().digest(new RowKey("site", "large"))).isPresent();
    assertThat(seen.changes()).allSatisfy(change -> assertThat(change.now()).isPresent());
    assertThat(seen.matrix().root()).isNotEqualTo(before);
    assertThat(one.watch.audit(LIMIT).snapshot().matrix()).isEqualTo(seen.matrix());
  }
}
