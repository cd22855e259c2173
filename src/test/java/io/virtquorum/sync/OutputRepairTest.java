package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.collect.Member;
import io.virtquorum.collect.Outputs;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against real shells and a real rsync daemon on the loopback, as root. */
class OutputRepairTest extends TwoMembers {
  private Outputs seen;
  private long clock = 77;

  @BeforeEach
  void write() throws Exception {
    setting(sample, "right\n");
    setting(member, "wrong\n");
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    server.close();
    for (Member each : List.of(sample, member)) {
      assertThat(each.sh("ls -A ../run 2>/dev/null || :"))
          .as("left in the run directory")
          .isEmpty();
      assertThat(each.sh("ls -A .virtquorum 2>/dev/null || :")).isIn("", "archive\n");
    }
  }

  @Test
  void theCommandMakesItsOutputTheSamplesAndThatIsProven() throws Exception {
    var done = done(repair("cat > setting"));

    assertThat(member.home.resolve("setting")).hasContent("right\n");
    assertThat(done.rows()).isEqualTo(1);
    assertThat(done.bytes()).isPositive();
    assertThat(seen.look(false).get("setting"))
        .as("the next ballot has it")
        .isEqualTo(new Output(wanted(), "", Output.Kind.REPAIRABLE));
  }

  @Test
  void whatTheCommandSaidBeforeIsInTheArchive() throws Exception {
    var first = done(repair("cat > setting"));
    setting(member, "wrong again\n");
    var second = done(repair("cat > setting"));

    assertThat(first.archiveEntry()).isEqualTo("epoch-1-setting");
    assertThat(second.archiveEntry()).isEqualTo("epoch-1-setting.2");
    assertThat(archived("epoch-1-setting/output")).hasContent("wrong\n");
    assertThat(archived("epoch-1-setting.2/output")).hasContent("wrong again\n");
    assertThat(archived("epoch-1-setting/manifest"))
        .content()
        .startsWith("virtquorum-archive 1 77 0\nbecause\n- replaced ")
        .endsWith(" output\n");
  }

  @Test
  void outputsOfAnyBytesAndOfTheGreatestSizeArrive() throws Exception {
    sample.sh("head -c %d /dev/urandom > ../setting".formatted(Outputs.MOST));

    done(repair("cat > setting"));

    assertThat(member.sh("cmp ../setting ../../sample/setting && echo equal")).isEqualTo("equal\n");
  }

  @Test
  void anOutputMayBecomeEmpty() throws Exception {
    setting(sample, "");

    done(repair("cat > setting"));

    assertThat(member.home.resolve("setting")).isEmptyFile();
  }

  @Test
  void whereTheyAreEqualNothingIsDone() throws Exception {
    setting(member, "right\n");

    var done = done(repair("touch ran"));

    assertThat(done.rows()).isZero();
    assertThat(done.bytes()).isZero();
    assertThat(done.archiveEntry()).isEmpty();
    assertThat(member.home.resolve("ran")).doesNotExist();
    assertThat(seen.look(false).get("setting").digest()).isEqualTo(wanted());
  }

  @Test
  void aSampleThatServesSomethingElseVoidsTheRepairAndNothingIsTouched() throws Exception {
    Digest offered = wanted();
    setting(sample, "moved\n");

    assertThat(repair(offered, "cat > setting"))
        .isInstanceOfSatisfying(
            PullResult.Void.class,
            moved -> assertThat(moved.message()).contains("setting says something else"));
    assertUntouched();
  }

  @Test
  void anApplyThatFailsIsToldInItsOwnWords() throws Exception {
    assertThatThrownBy(() -> repair("echo no >&2; echo luck; exit 3"))
        .isInstanceOf(Trouble.class)
        .hasMessage("Its apply command ended with exit code 3: no luck");
    assertUntouched();
  }

  @Test
  void anApplyThatIsMissingIsNamed() throws Exception {
    assertThatThrownBy(() -> repair(ROOMY, wanted(), List.of("no-such-program")))
        .isInstanceOf(Trouble.class)
        .hasMessageContaining("exit code 127")
        .hasMessageContaining("no-such-program");
    assertUntouched();
  }

  @Test
  void anApplyThatDoesNotHelpIsToldAndLeavesNoEntry() throws Exception {
    for (int i = 0; i < 3; i++) {
      assertFailed(repair("cat > /dev/null"), PullResult.Reason.StillDiffers);
    }
    assertUntouched();
  }

  @Test
  void whatAnApplyReplacedByAThirdThingIsArchivedAllTheSame() throws Exception {
    assertFailed(repair("echo third > setting"), PullResult.Reason.StillDiffers);
    assertThat(archived("epoch-1-setting/output")).hasContent("wrong\n");

    setting(member, "wrong\n");
    assertThatThrownBy(() -> repair("rm setting; exit 1")).isInstanceOf(Trouble.class);
    assertThat(archived("epoch-1-setting.2/output")).hasContent("wrong\n");
    assertThat(seen.look(false).get("setting").kind()).isEqualTo(Output.Kind.FAILED);
  }

  @Test
  void withoutRoomInTheArchiveNothingIsTouched() throws Exception {
    assertFailed(
        repair(new ArchiveLimits(20, 3), wanted(), shell("cat > setting")),
        PullResult.Reason.ArchiveFull);
    assertUntouched();
  }

  @Test
  void theArchiveKeepsItsNumberOfEntries() throws Exception {
    for (int i = 0; i < 4; i++) {
      setting(member, "wrong " + i + "\n");
      done(repair(new ArchiveLimits(2, 1L << 30), wanted(), shell("cat > setting")));
    }

    assertThat(member.sh("cat .virtquorum/archive/*/output | sort"))
        .isEqualTo("wrong 2\nwrong 3\n");
  }

  @Test
  void aSampleThatIsGoneIsUnreachable() throws Exception {
    Serving at = serve();
    server.close();

    assertFailed(
        repair(at, ROOMY, wanted(), shell("cat > setting")), PullResult.Reason.SampleUnreachable);
    assertUntouched();
  }

  @Test
  void aWrongPasswordIsRefused() throws Exception {
    Serving at = serve();

    assertFailed(
        repair(
            new Serving("1", at.address(), at.port(), "guess"),
            ROOMY,
            wanted(),
            shell("cat > setting")),
        PullResult.Reason.SampleRefused);
    assertUntouched();
  }

  @Test
  void whatApplyMakesHasTheUsualModeAndTheOutputItselfIsNobodyElses() throws Exception {
    done(repair("cat > fresh; cat fresh > setting"));

    assertThat(member.sh("stat -c %a ../fresh .virtquorum/archive/*/output"))
        .isEqualTo("644\n600\n");
  }

  private void assertUntouched() throws Exception {
    assertThat(member.home.resolve("setting")).hasContent("wrong\n");
    assertThat(member.sh("ls .virtquorum/archive 2>/dev/null || :")).isEmpty();
  }

  private static void setting(Member of, String text) throws Exception {
    Files.writeString(of.home.resolve("setting"), text);
  }

  private Path archived(String name) {
    return member.path(".virtquorum/archive/" + name);
  }

  private static CommandFeature feature(Member of, List<String> apply) {
    return new CommandFeature(
        "setting", List.of("cat", of.home.resolve("setting").toString()), apply);
  }

  /** Runs in the member's home. */
  private List<String> shell(String apply) {
    return List.of("sh", "-c", "cd \"$0\" || exit\n" + apply, member.home.toString());
  }

  private static Outputs outputs(Member of, CommandFeature feature) {
    return new Outputs(of.files().shell(), Member.KEY, List.of(feature), List.of());
  }

  private Digest wanted() throws Exception {
    var feature = feature(sample, List.of());
    Outputs outputs = outputs(sample, feature);
    return outputs.digest(feature, outputs.say(feature));
  }

  private Serving serve() throws Exception {
    var feature = feature(sample, List.of());
    byte[] said = outputs(sample, feature).say(feature);
    return server.start("1", HERE, HERE, said, Duration.ofSeconds(60), Member.LIMIT);
  }

  private PullResult repair(String apply) throws Exception {
    return repair(wanted(), apply);
  }

  private PullResult repair(Digest wanted, String apply) throws Exception {
    return repair(ROOMY, wanted, shell(apply));
  }

  private PullResult repair(ArchiveLimits limits, Digest wanted, List<String> apply)
      throws Exception {
    return repair(serve(), limits, wanted, apply);
  }

  private PullResult repair(Serving at, ArchiveLimits limits, Digest wanted, List<String> apply)
      throws Exception {
    var feature = feature(member, apply);
    seen = outputs(member, feature);
    var offer = Offer.of(at, Output.matrix("setting", wanted));
    return new OutputRepair(member.files().shell(), seen, member.trees, limits)
        .apply(
            offer, feature, wanted, new ArchiveNote("epoch-1", "because"), clock++, Member.LIMIT);
  }

  private static PullResult.Done done(PullResult result) {
    assertThat(result).isInstanceOf(PullResult.Done.class);
    return (PullResult.Done) result;
  }

  private static void assertFailed(PullResult result, PullResult.Reason reason) {
    assertThat(result)
        .isInstanceOfSatisfying(
            PullResult.Failed.class, failed -> assertThat(failed.reason()).isEqualTo(reason));
  }
}
