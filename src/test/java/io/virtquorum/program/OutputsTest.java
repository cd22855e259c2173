package io.virtquorum.program;

import static io.virtquorum.program.ProgramMember.LIMIT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What commands say, and how one is made to say what another says, by the real guest program. */
@Timeout(60)
final class OutputsTest {
  private static final ArchiveNote NOTE = new ArchiveNote("repair-1", "It lost the vote.");
  // Another build may run on this machine, and the port is always the same one.
  private static final long PROCESS = ProcessHandle.current().pid();
  private static final String DONOR = "127.%d.%d.6".formatted(PROCESS / 250 % 250, PROCESS % 250);
  private static final String JOINER = "127.0.0.7";

  @TempDir Path directory;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private ProgramMember member(String name, CommandFeature... commands) throws Exception {
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve(name + "-tree"));
    Path own = Files.createDirectories(directory.resolve(name));
    var settings = ProgramMember.settings(name, tree, List.of(commands), Set.of());
    var member = new ProgramMember(name, tree, own, settings);
    open.push(member);
    return member;
  }

  private Path says(String name) {
    return directory.resolve("says-" + name);
  }

  /** A member whose feature says what is in a file of its own. */
  private ProgramMember saying(String name, String words, String... apply) throws Exception {
    Files.writeString(says(name), words);
    return member(
        name, new CommandFeature("motd", List.of("cat", says(name) + ""), List.of(apply)));
  }

  private static Digest said(ProgramMember member) throws Exception {
    return member.watch.outputs(true).get("motd").digest();
  }

  private PullResult apply(ProgramMember donor, ProgramMember joiner) throws Exception {
    Digest wanted = said(donor);
    var serving = donor.watch.serveOutput("id", "motd", wanted, DONOR, JOINER, LIMIT).orElseThrow();
    Offer offer = Offer.of(serving, Output.matrix("motd", wanted));
    return joiner.watch.applyOutput(offer, "motd", wanted, NOTE, LIMIT);
  }

  private static String archived(ProgramMember member) throws Exception {
    String all = "cat " + member.tree.path + "/.virtquorum/*/archive/*/output 2>/dev/null || true";
    return RealProgram.run("sh", "-c", all);
  }

  @Test
  void givenNothingIsDueThenWhatWasLastSeenIsTold() throws Exception {
    ProgramMember member = saying("web-0", "one");
    Digest first = said(member);
    Files.writeString(says("web-0"), "two");
    assertThat(member.watch.outputs(false).get("motd").digest()).isEqualTo(first);
    assertThat(said(member)).isNotEqualTo(first);
  }

  @Test
  void givenSlowCommandsThenOneLookDoesNotWaitForAllOfThemAndThenTheyRest() throws Exception {
    Path runs = directory.resolve("runs");
    List<String> slow = List.of("sh", "-c", "echo x >>" + runs + "; sleep 1.2");
    ProgramMember member =
        member(
            "web-0",
            new CommandFeature("first", slow, List.of()),
            new CommandFeature("second", slow, List.of()));
    assertThat(member.watch.outputs(true)).hasSize(1);
    assertThat(member.watch.outputs(false)).hasSize(1);
    assertThat(runs).hasContent("x\n");
  }

  @Test
  void givenACommandThatDoesNotDoItsPartThenThatIsWhatIsTold() throws Exception {
    Map<String, List<String>> commands =
        Map.of(
            "missing", List.of("no-such-program"),
            "fails", List.of("sh", "-c", "echo why >&2; exit 3"),
            "much", List.of("head", "-c", "5000000", "/dev/zero"));
    ProgramMember member =
        member(
            "web-0",
            commands.entrySet().stream()
                .map(one -> new CommandFeature(one.getKey(), one.getValue(), List.of()))
                .toArray(CommandFeature[]::new));
    Map<String, Output> told = member.watch.outputs(true);
    assertThat(told.values())
        .extracting(Output::kind)
        .containsExactly(Output.Kind.FAILED, Output.Kind.FAILED, Output.Kind.FAILED);
    assertThat(told.get("missing").words())
        .startsWith("the guest has no program \"no-such-program\"");
    assertThat(told.get("fails").words()).isEqualTo("it ended with exit code 3: why");
    assertThat(told.get("much").words()).isEqualTo("it says more than 4194304 bytes");
    Digest none = Digest.of(new byte[32]);
    assertThat(
            catchThrowableOfType(
                Trouble.class,
                () -> member.watch.serveOutput("id", "other", none, DONOR, JOINER, LIMIT)))
        .hasMessageContaining("knows no command named other");
  }

  @Test
  void givenAnOutputThatBecomesEmptyThenItIsAppliedAndWhatWasSaidIsArchived() throws Exception {
    ProgramMember donor = saying("web-0", "");
    ProgramMember joiner = saying("web-1", "old", "dd", "of=" + says("web-1"), "status=none");
    assertThat(apply(donor, joiner)).isInstanceOf(PullResult.Done.class);
    assertThat(says("web-1")).isEmptyFile();
    assertThat(archived(joiner)).isEqualTo("old");

    assertThat(apply(donor, joiner)).as("they are equal now").isInstanceOf(PullResult.Done.class);
    assertThat(archived(joiner)).as("nothing more was replaced").isEqualTo("old");
  }

  @Test
  void givenAnApplyThatFailsThenItsWordsAreToldAndTheArchiveKeepsNothing() throws Exception {
    ProgramMember donor = saying("web-0", "new");
    ProgramMember joiner = saying("web-1", "old", "sh", "-c", "echo no room >&2; exit 4");
    assertThat(catchThrowableOfType(Trouble.class, () -> apply(donor, joiner)))
        .hasMessage("it ended with exit code 4: no room");
    assertThat(archived(joiner)).isEmpty();
  }

  @Test
  void givenAnApplyThatMakesAThirdThingThenItIsToldAndWhatWasSaidIsArchived() throws Exception {
    ProgramMember donor = saying("web-0", "new");
    ProgramMember idle = saying("web-1", "old", "true");
    PullResult still = apply(donor, idle);
    assertThat(((PullResult.Failed) still).reason()).isEqualTo(PullResult.Reason.StillDiffers);
    assertThat(archived(idle)).as("nothing was replaced").isEmpty();

    ProgramMember joiner = saying("web-2", "old", "sh", "-c", "echo third >" + says("web-2"));
    assertThat(apply(donor, joiner)).isInstanceOf(PullResult.Failed.class);
    assertThat(archived(joiner)).isEqualTo("old");
  }

  @Test
  void givenADonorThatSaysSomethingElseOrIsGoneThenNothingIsApplied() throws Exception {
    ProgramMember donor = saying("web-0", "new");
    ProgramMember joiner = saying("web-1", "old", "dd", "of=" + says("web-1"), "status=none");
    Digest served = said(donor);
    var serving = donor.watch.serveOutput("id", "motd", served, DONOR, JOINER, LIMIT).orElseThrow();
    Digest other = Digest.of(new byte[32]);
    Offer offer = Offer.of(serving, Output.matrix("motd", served));
    assertThat(joiner.watch.applyOutput(offer, "motd", other, NOTE, LIMIT))
        .isInstanceOf(PullResult.Void.class);
    donor.watch.endServing();
    PullResult gone = joiner.watch.applyOutput(offer, "motd", served, NOTE, LIMIT);
    assertThat(((PullResult.Failed) gone).reason()).isEqualTo(PullResult.Reason.SampleUnreachable);
    assertThat(says("web-1")).hasContent("old");
    assertThat(archived(joiner)).isEmpty();
  }
}
