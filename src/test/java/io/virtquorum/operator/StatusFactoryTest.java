package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * What people read, situation by situation. {@code mvn test -Dtest=StatusFactoryTest
 * -Dgolden.write=true} renews the files; read the difference before committing it.
 */
class StatusFactoryTest {
  private static final Path GOLDEN = Path.of("src", "test", "resources", "operator", "status");
  private static final StatusFactory.Setup SETUP =
      new StatusFactory.Setup(
          7, Optional.empty(), List.of(), Map.of("web-0", "node-a", "web-1", "node-b"), Map.of());

  @Test
  void allInSync() throws IOException {
    golden("in-sync", inSync());
  }

  @Test
  void oneDriftedAndIsBeingRepaired() throws IOException {
    golden(
        "repairing",
        Story.committed()
            .holds("web-0", Story.C)
            .holds("web-1", Story.C)
            .differs("web-2", Change.Kind.WRITTEN)
            .later(Duration.ofSeconds(7)));
  }

  @Test
  void thePrimaryWroteAndNobodyElseHasItYet() throws IOException {
    golden("exposed", inSync().differs("web-0", Change.Kind.WRITTEN).later(Duration.ofSeconds(2)));
  }

  @Test
  void membersDifferBeforeTheFirstEpoch() throws IOException {
    golden(
        "bootstrap-needed",
        Story.fresh()
            .reports("web-0", Story.C, Optional.empty(), List.of())
            .reports("web-1", Story.OTHER, Optional.empty(), List.of())
            .reports("web-2", ScriptedMember.digest("third"), Optional.empty(), List.of()));
  }

  @Test
  void thePrimaryDiedAndHasASuccessor() throws IOException {
    golden("failed-over", inSync().on(new Event.Died("web-0")));
  }

  @Test
  void thePrimaryDiedAndHasNoSuccessor() throws IOException {
    golden(
        "no-successor", Story.committed().on(new Event.Died("web-0")).later(Duration.ofSeconds(7)));
  }

  @Test
  void rotThatNobodyCanRestore() throws IOException {
    golden("rot-without-donor", Story.committed().differs("web-0", Change.Kind.ROT));
  }

  @Test
  void aFactDiffers() throws IOException {
    golden(
        "fact-differs",
        Story.committed()
            .has("web-0", Map.of("kernel", fact("6.12.48"), "os", fact("Debian 13")))
            .has("web-1", Map.of("kernel", fact("6.12.48"), "os", fact("Debian 13")))
            .has("web-2", Map.of("kernel", fact("6.1.0"), "os", fact("Debian 13"))));
  }

  @Test
  void aCommandFailedOnOneMember() throws IOException {
    golden(
        "command-failed",
        Story.committed()
            .has("web-0", Map.of("packages", output("a", Output.Kind.REPAIRABLE)))
            .has("web-1", Map.of("packages", output("a", Output.Kind.REPAIRABLE)))
            .has("web-2", Map.of("packages", failed())));
  }

  @Test
  void aCommandFailedOnAll() throws IOException {
    golden(
        "command-failed-on-all",
        Story.committed()
            .has("web-0", Map.of("packages", failed()))
            .has("web-1", Map.of("packages", failed()))
            .has("web-2", Map.of("packages", failed())));
  }

  @Test
  void anOutputIsBeingRepaired() throws IOException {
    golden(
        "output-differs",
        Story.committed()
            .has("web-0", Map.of("packages", output("a", Output.Kind.REPAIRABLE)))
            .has("web-1", Map.of("packages", output("a", Output.Kind.REPAIRABLE)))
            .has("web-2", Map.of("packages", output("b", Output.Kind.REPAIRABLE))));
  }

  @Test
  void aGuestProgramRefusesTheSidecar() throws IOException {
    golden(
        "program-refuses",
        inSync()
            .ails(
                "web-2",
                new HealthContent(
                    List.of(
                        new BallotContent.Trouble(
                            "GuestAgentRefuses", "The guest program refuses this sidecar")),
                    List.of())));
  }

  /** Where it answers, how it came there is of no interest. */
  @Test
  void givenAGuestWithoutItsProgramThenWhyItDidNotComeByCloudInitIsSaid() {
    StatusFactory.Setup setup =
        new StatusFactory.Setup(
            7,
            Optional.empty(),
            List.of(),
            Map.of(),
            Map.of("web-1", "it has it", "web-2", "the VM has another hook sidecar"));
    HealthContent silent =
        new HealthContent(
            List.of(new BallotContent.Trouble("GuestAgentSilent", "Nothing answers")), List.of());
    assertThat(MemberHealth.trouble(Map.of("web-2", silent), setup).orElseThrow().message())
        .isEqualTo(
            "web-2: Nothing answers on the channel io.virtquorum.agent.0, and the guest program did"
                + " not come by cloud-init, as spec.guestProgram.install says: the VM has another"
                + " hook sidecar.");
    assertThat(MemberHealth.trouble(Map.of("web-0", silent), setup).orElseThrow().reason())
        .isEqualTo("GuestAgentSilent");
    assertThat(MemberHealth.trouble(Map.of("web-1", HealthContent.GOOD), setup)).isEmpty();
  }

  @Test
  void theBridgeOfOneNodeHasNoUplink() throws IOException {
    golden(
        "sync-network-split",
        inSync()
            .ails("web-0", silent("web-2"))
            .ails("web-1", silent("web-2"))
            .ails("web-2", silent("web-0", "web-1")));
  }

  @Test
  void aMemberThatRebootsIsNoSplitOfTheSyncNetwork() throws IOException {
    golden("in-sync", inSync().ails("web-0", silent("web-2")).ails("web-1", silent("web-2")));
  }

  private static HealthContent silent(String... peers) {
    return new HealthContent(List.of(), List.of(peers));
  }

  @Test
  void aTroubleOfTheSetupComesBeforeEverythingElse() throws IOException {
    StatusFactory.Setup setup =
        new StatusFactory.Setup(
            7,
            Optional.of(new Trouble("NoSuchVM", "There is no VirtualMachine web-9.")),
            List.of("web-1 needs a restart: it runs without its sync NIC and sidecar."),
            Map.of(),
            Map.of());
    golden("no-such-vm", status(HAClusterStatus.EMPTY, setup, inSync()));
  }

  @Test
  void beforeTheAdjudicatorBegan() throws IOException {
    golden(
        "starting",
        new StatusFactory(at(Story.START)).status(HAClusterStatus.EMPTY, SETUP, Optional.empty()));
  }

  @Test
  void givenTheSameFactsLaterThenTheSameStatus() {
    for (Story story : List.of(inSync(), Story.committed(), Story.fresh())) {
      // Whom nobody has seen for a while may be exposed: that is news once.
      story.later(Duration.ofMinutes(1));
      HAClusterStatus first = status(HAClusterStatus.EMPTY, SETUP, story);
      Story hourLater = story.later(Duration.ofHours(1));
      assertThat(status(first, SETUP, hourLater)).isEqualTo(first);
    }
  }

  @Test
  void givenAConditionThatKeepsItsStatusThenItsTransitionTimeStays() {
    HAClusterStatus before = status(HAClusterStatus.EMPTY, SETUP, inSync());
    HAClusterStatus after =
        status(
            before, SETUP, inSync().later(Duration.ofMinutes(3)).on(new Event.Detached("web-2")));
    assertThat(after.condition("Stalled").orElseThrow().getLastTransitionTime())
        .isEqualTo("2026-11-22T10:00:00Z");
    assertThat(after.condition("InSync").orElseThrow().getLastTransitionTime())
        .isEqualTo("2026-11-22T10:03:00Z");
  }

  private static Output fact(String words) {
    return new Output(ScriptedMember.digest(words), words, Output.Kind.COMPARED);
  }

  private static Output output(String text, Output.Kind kind) {
    return new Output(ScriptedMember.digest(text), "", kind);
  }

  private static Output failed() {
    return new Output(
        ScriptedMember.digest("failed"), "it ended with exit code 1: no", Output.Kind.FAILED);
  }

  @Test
  void givenAProcessThatWritesIntoWhatWasReplacedOnEachOtherMemberThenNobodyIsProtected() {
    StaleProcess nginx = new StaleProcess(new RowKey("site", "log"), 812, "nginx", "nginx.service");
    Story story = inSync().writesInto("web-1", nginx);
    assertThat(condition(story, "Protected").getStatus()).isEqualTo("True");
    assertThat(
            status(HAClusterStatus.EMPTY, SETUP, story).members().stream()
                .map(m -> m.staleProcesses())
                .toList())
        .containsExactly(List.of(), List.of(nginx.words()), List.of());
    story.writesInto("web-2", nginx);
    assertThat(condition(story, "Protected").getStatus()).isEqualTo("False");
    assertThat(condition(story, "Protected").getReason()).isEqualTo("StaleProcess");
    assertThat(condition(story, "Stalled").getStatus()).isEqualTo("False");
    story.on(new Event.Died("web-0")).later(Duration.ofSeconds(7));
    assertThat(condition(story, "Stalled").getReason()).isEqualTo("StaleProcess");
  }

  private static Condition condition(Story story, String type) {
    return status(HAClusterStatus.EMPTY, SETUP, story).condition(type).orElseThrow();
  }

  private static Story inSync() {
    return Story.committed()
        .holds("web-0", Story.C)
        .holds("web-1", Story.C)
        .holds("web-2", Story.C);
  }

  private static HAClusterStatus status(
      HAClusterStatus before, StatusFactory.Setup setup, Story story) {
    return new StatusFactory(at(story.now())).status(before, setup, Optional.of(story.view()));
  }

  private static Clock at(Instant time) {
    return Clock.fixed(time, ZoneOffset.UTC);
  }

  private static void golden(String name, Story story) throws IOException {
    golden(name, status(HAClusterStatus.EMPTY, SETUP, story));
  }

  private static void golden(String name, HAClusterStatus status) throws IOException {
    Path file = GOLDEN.resolve(name + ".yaml");
    String yaml = new KubernetesSerialization().asYaml(status);
    if (Boolean.getBoolean("golden.write")) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, yaml);
    }
    assertThat(yaml).isEqualTo(Files.readString(file));
  }
}
