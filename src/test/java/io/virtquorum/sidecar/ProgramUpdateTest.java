package io.virtquorum.sidecar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.program.CarriedPrograms;
import io.virtquorum.program.ProgramGuest;
import io.virtquorum.program.RealProgram;
import io.virtquorum.program.ScratchTree;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.GuestUpdate;
import io.virtquorum.wire.v1.Progress.Outcome;
import io.virtquorum.wire.v1.Verify;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Base64;
import java.util.Deque;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A sidecar beside a guest in which an older program runs: the real ones, of two versions. */
@Timeout(120)
final class ProgramUpdateTest {
  private static final Position FIRST = new Position(1, 1);
  private static final Duration LEFT = Duration.ofSeconds(20);

  @TempDir Path directory;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Recall recall = new Recall(new CalledRounds());
  private Path installed;
  private Path carried;
  private String version;
  private ScratchTree tree;
  private RealProgram program;

  @BeforeEach
  void installAnOlderProgram() throws Exception {
    Path older = RealProgram.built("older");
    assumeTrue(Files.isExecutable(older), "no guest program here: tools/guest programs makes it");
    installed = directory.resolve("virtquorum-guest");
    Files.copy(older, installed, StandardCopyOption.COPY_ATTRIBUTES);
    carried = Files.createDirectories(directory.resolve("image"));
    carry(RealProgram.built(""));
    version = RealProgram.run(RealProgram.built("").toString(), "version").strip();
    tree = ScratchTree.tmpfs(directory.resolve("tree"));
    open.push(tree);
    program = new RealProgram(installed, directory);
    open.push(program);
  }

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private Path carry(Path program) throws Exception {
    return Files.copy(
        program,
        carried.resolve("virtquorum-guest-" + RealProgram.architecture()),
        StandardCopyOption.REPLACE_EXISTING);
  }

  private static Configure configure(ScratchTree tree, GuestUpdate update) {
    return Configure.newBuilder()
        .setTerm(3)
        .setFingerprintKey(ByteString.copyFrom(new byte[32]))
        .addFiles(FileFeature.newBuilder().setName("site").setPath(tree.path.toString()))
        .setArchiveEntries(20)
        .setArchiveBytes(1 << 30)
        .setGuestUpdate(update)
        .build();
  }

  private GuestWork sidecar(CarriedPrograms programs, Configure configure) {
    var guest = new ProgramGuest(directory.resolve("port"), () -> 3, version, programs);
    open.push(guest);
    GuestWork work =
        GuestWork.of("web-2", configure, guest, new KeptInMemory(), Set.of(), System::nanoTime);
    open.push(work);
    return work;
  }

  private GuestWork sidecar() {
    return sidecar(
        CarriedPrograms.in(carried, version), configure(tree, GuestUpdate.GUEST_UPDATE_AUTO));
  }

  private String installedVersion() throws Exception {
    return RealProgram.run(installed.toString(), "version").strip();
  }

  @Test
  void givenAnOlderProgramThenTheSidecarUpdatesItAndTheMemberHoldsWhatItHeld() throws Exception {
    tree.write("index.html", "committed");
    tree.write("large", "x".repeat(1 << 20));
    GuestWork work = sidecar();
    BallotContent before = work.look(true);
    Verify.Builder verify =
        Verify.newBuilder()
            .setPosition(WireMapping.write(FIRST))
            .setRoot(WireMapping.write(before.root()));
    Command order = Command.newBuilder().setTerm(3).setId("verify").setVerify(verify).build();
    assertThat(work.run(order, LEFT, recall).getProgress().getOutcome())
        .isEqualTo(Outcome.OUTCOME_DONE);
    tree.write("index.html", "written by a user");
    assertThat(installedVersion()).isEqualTo("0.0.1");

    work.tend();

    assertThat(installedVersion()).isEqualTo(version);
    assertThat(RealProgram.run(installed + ".previous", "version").strip()).isEqualTo("0.0.1");
    assertThat(work.health()).isEqualTo(HealthContent.GOOD);
    BallotContent after = work.look(false);
    assertThat(after.memory()).contains(new Remembered(FIRST, before.root()));
    assertThat(after.changesTotal()).isEqualTo(1);
    assertThat(after.bootId()).isEqualTo(before.bootId());
    work.tend(); // nothing is left to do
    assertThat(work.look(true).root()).isEqualTo(after.root());
  }

  @Test
  void givenASidecarThatGoesInTheMidstThenTheNextOneConfirmsAndGoesOn() throws Exception {
    GuestWork first = sidecar();
    Thread pushing = Thread.ofVirtual().start(first::tend);
    Path next = directory.resolve(".virtquorum-guest.update");
    while (!Files.exists(next) && pushing.isAlive()) { // it is tried
      Thread.onSpinWait();
    }
    pushing.interrupt();
    pushing.join();
    open.pop().close();
    open.pop().close();
    GuestWork second = sidecar();
    while (!installedVersion().equals(version) || Files.exists(next)) {
      second.tend();
    }
    assertThat(second.health()).isEqualTo(HealthContent.GOOD);
  }

  @Test
  void givenAProgramThatDiesWheneverANewerOneComesThenItIsNotSentForEver() throws Exception {
    byte[] large = Arrays.copyOf(Files.readAllBytes(RealProgram.built("")), 31 << 20);
    Files.write(carry(RealProgram.built("")), large); // so that it is not there at once
    Path coming = directory.resolve(".virtquorum-guest.next");
    GuestWork work = sidecar();
    for (int i = 0; i < 3; i++) {
      work.look(false);
      Thread pushing = Thread.ofVirtual().start(work::tend);
      while (!Files.exists(coming) && pushing.isAlive()) {
        Thread.onSpinWait();
      }
      program.beginAnew();
      pushing.join();
    }
    work.look(false);
    work.tend();
    assertThatItIsSaid(work, "each time that it was sent");
  }

  @Test
  void givenAPolicyOrAModeOrNoNewerProgramThenTheOlderOneStaysAndNobodyIsTold() throws Exception {
    for (GuestUpdate update :
        new GuestUpdate[] {GuestUpdate.GUEST_UPDATE_NEVER, GuestUpdate.GUEST_UPDATE_UNSPECIFIED}) {
      assertThatItStays(CarriedPrograms.in(carried, version), configure(tree, update));
    }
    Configure always = configure(tree, GuestUpdate.GUEST_UPDATE_ALWAYS);
    assertThatItStays(
        CarriedPrograms.in(carried, version), always.toBuilder().setObserve(true).build());
    assertThatItStays(CarriedPrograms.in(carried, "0.0.1"), always);
    assertThatItStays(CarriedPrograms.in(carried, "dev"), always);
    assertThatItStays(CarriedPrograms.in(directory.resolve("nowhere"), version), always);
    assertThatItStays(CarriedPrograms.none(), always);
  }

  private void assertThatItStays(CarriedPrograms programs, Configure configure) throws Exception {
    GuestWork work = sidecar(programs, configure);
    work.look(false);
    work.tend();
    assertThat(work.health()).isEqualTo(HealthContent.GOOD);
    assertThat(installedVersion()).isEqualTo("0.0.1");
    open.pop().close();
    open.pop().close();
  }

  @Test
  void givenANewerProgramThatDoesNotFitThenTheOlderOneGoesOnAndAPersonIsTold() throws Exception {
    byte[] content = Files.readAllBytes(RealProgram.built(""));
    content[18] = (byte) (RealProgram.architecture().equals("amd64") ? 183 : 62); // e_machine
    Files.write(carry(RealProgram.built("")), content);
    GuestWork work = sidecar();
    work.look(false);
    work.tend();
    assertThatItIsSaid(work, "another machine");
    Files.delete(carried.resolve("virtquorum-guest-" + RealProgram.architecture()));
    work.tend(); // once in a boot: it is not pushed again
    assertThatItIsSaid(work, "another machine");
  }

  @Test
  void givenANewerProgramThatFailedBeforeThenItIsNotPushedAgainAndThePersonIsTold()
      throws Exception {
    open.pop().close();
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(RealProgram.built("")));
    Files.write(
        directory.resolve(".virtquorum-guest.update"),
        """
        {"state":"failed","version":"%s","digest":"%s","tries":1,"why":"it was not confirmed within 20s"}
        """
            .formatted(version, Base64.getEncoder().encodeToString(digest))
            .getBytes(UTF_8));
    open.push(new RealProgram(installed, directory));
    GuestWork work = sidecar();
    work.tend();
    assertThatItIsSaid(work, "not confirmed within 20s");
  }

  private void assertThatItIsSaid(GuestWork work, String why) throws Exception {
    Troubleshooting.Row row = Troubleshooting.of("a newer guest program that does not work");
    assertThat(work.health().ailments())
        .singleElement()
        .satisfies(
            ailment -> {
              assertThat(ailment.reason()).isEqualTo(row.reason());
              assertThat(ailment.sentence()).contains(why);
              assertThat("web-2: " + ailment.sentence() + ".").matches(row::matches);
            });
    assertThat(work.look(false).trouble()).isEmpty();
    assertThat(installedVersion()).isEqualTo("0.0.1");
  }
}
