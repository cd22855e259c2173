package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a real qemu-ga that runs on this machine. */
class QemuGuestAgentTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final byte[] NOTHING = {};

  @TempDir Path directory;
  private QemuGa agent;
  private QemuGuestAgent guest;

  @BeforeEach
  void startAgent() throws Exception {
    agent = new QemuGa(directory).start();
    guest = new QemuGuestAgent(agent.socket());
    guest.bootId(DEADLINE); // so that short deadlines below are not spent on connecting
  }

  @AfterEach
  void stopAgent() {
    guest.close();
    agent.close();
  }

  @Test
  void aProgramReceivesInputAndArgumentsAndItsOutputsAndExitCodeComeBack() throws Exception {
    var exec =
        GuestAgent.Exec.script(
            DEADLINE, "cat; echo \"$1|$2\"; echo oops >&2; exit 3", bytes("in\n"), "a b", "ü\n\"");

    var result = guest.run(exec);

    assertThat(new String(result.output(), UTF_8)).isEqualTo("in\na b|ü\n\"\n");
    assertThat(new String(result.error(), UTF_8)).isEqualTo("oops\n");
    assertThat(result.exit()).isEqualTo(3);
    assertThat(result.truncated()).isFalse();
  }

  @Test
  void aProgramWithoutOutputSucceedsEmpty() throws Exception {
    var result = guest.run(GuestAgent.Exec.of(DEADLINE, "true"));

    assertThat(result.ok()).isTrue();
    assertThat(result.output()).isEmpty();
    assertThat(result.error()).isEmpty();
  }

  @Test
  void aProgramKilledByASignalExitsWith128PlusTheSignal() throws Exception {
    assertThat(guest.run(script("kill -9 $$")).exit()).isEqualTo(137);
  }

  @Test
  void environmentEntriesAreAddedToTheAgentsOwn() throws Exception {
    var exec =
        new GuestAgent.Exec(
            List.of("/bin/sh", "-c", "echo $AGENTS_OWN $GIVEN $HOME; command -v ls"),
            NOTHING,
            Map.of("GIVEN", "new=1", "HOME", "/replaced"),
            DEADLINE);

    var lines = new String(guest.run(exec).output(), UTF_8).lines().toList();

    assertThat(lines.get(0)).isEqualTo("kept new=1 /replaced");
    assertThat(lines.get(1)).endsWith("/ls");
  }

  @Test
  void binaryInputLargerThanAnyBufferComesBackUnchanged() throws Exception {
    byte[] input = random(3_000_001);

    var result = guest.run(GuestAgent.Exec.script(DEADLINE, "cat", input));

    assertThat(result.ok()).isTrue();
    assertThat(result.output()).isEqualTo(input);
  }

  @Test
  void outputAboveTheLimitIsCutAndSaysSo() throws Exception {
    var result = guest.run(script("head -c 17000000 /dev/zero"));

    assertThat(result.truncated()).isTrue();
    assertThat(result.ok()).isFalse();
    assertThat(result.output()).hasSize(guest.largestOutput());
    assertThat(guest.run(script("echo next")).ok()).isTrue();
  }

  @Test
  void inputAboveTheLimitIsRefusedBeforeItIsSent() {
    var exec = GuestAgent.Exec.script(DEADLINE, "cat", new byte[QemuGuestAgent.LARGEST_INPUT + 1]);

    assertThatThrownBy(() -> guest.run(exec)).isInstanceOf(GuestException.Refused.class);
  }

  @Test
  void aProgramPastItsDeadlineIsATimeOutAndTheNextOneRuns() throws Exception {
    assertThatThrownBy(
            () ->
                guest.run(
                    GuestAgent.Exec.script(
                        Duration.ofSeconds(3),
                        "echo $$ > $1; sleep 60",
                        NOTHING,
                        directory.resolve("pid").toString())))
        .isInstanceOf(GuestException.TimedOut.class)
        .hasMessageContaining("/bin/sh")
        .hasMessageContaining("3000 ms");

    assertThat(new String(guest.run(script("echo on")).output(), UTF_8)).isEqualTo("on\n");
    assertThat(guest.presence().state()).isEqualTo(Guest.State.ANSWERING);
  }

  @Test
  void aMissingProgramIsRefusedWithItsName() {
    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "no-such-program")))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("no-such-program");
  }

  @Test
  void filesOfAnyContentAreWrittenAndReadBack() throws Exception {
    for (int size : new int[] {0, 1, 128 * 1024, 300_007}) {
      byte[] content = random(size);
      String path = directory.resolve("file-" + size).toString();

      guest.write(path, content, DEADLINE);

      assertThat(Files.readAllBytes(Path.of(path))).isEqualTo(content);
      assertThat(guest.read(path, size, DEADLINE)).isEqualTo(content);
    }
  }

  @Test
  void aFileIsReplacedAndNotOverwritten() throws Exception {
    Path file = directory.resolve("file");
    Files.writeString(file, "a longer text");

    guest.write(file.toString(), bytes("short"), DEADLINE);

    assertThat(file).hasContent("short");
  }

  @Test
  void aFileAboveTheLimitOrMissingIsRefused() throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[200_000]);

    assertThatThrownBy(() -> guest.read(file.toString(), 199_999, DEADLINE))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("199999");
    assertThatThrownBy(() -> guest.read("/no/such/file", 10, DEADLINE))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("/no/such/file");
  }

  @Test
  void aFullDiskIsRefusedAndNotTakenForSuccess() {
    assertThatThrownBy(() -> guest.write("/dev/full", bytes("x"), DEADLINE))
        .isInstanceOf(GuestException.Refused.class)
        .hasMessageContaining("/dev/full");
  }

  @Test
  void theAgentsFilesAreClosedAfterUse() throws Exception {
    for (int i = 0; i < 20; i++) {
      guest.read("/proc/uptime", 1000, DEADLINE);
    }

    Awaitility.await()
        .untilAsserted(
            () -> assertThat(openFiles()).noneMatch(name -> name.equals("/proc/uptime")));
  }

  @Test
  void theBootIdIsTheKernels() throws Exception {
    assertThat(guest.bootId(DEADLINE))
        .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip());
  }

  @Test
  void unfinishedJsonOfAnEarlierClientDoesNoHarm() throws Exception {
    guest.close();
    // Until the agent takes the place of the client that left, a connect may be refused, and one
    // that blocks may wait for ever (see AgentSocket).
    try (AgentSocket earlier =
            Awaitility.await()
                .atMost(DEADLINE)
                .ignoreExceptionsInstanceOf(java.io.IOException.class)
                .until(() -> AgentSocket.connect(agent.socket()), Objects::nonNull);
        OutputStream out = earlier.sender(System.nanoTime() + DEADLINE.toNanos())) {
      out.write(bytes("{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\""));
      out.flush();
    }

    guest = new QemuGuestAgent(agent.socket());

    assertThat(guest.run(script("echo on")).ok()).isTrue();
  }

  @Test
  void manyThreadsEachReceiveTheirOwnAnswer() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<String>> tasks =
          IntStream.range(0, 100)
              .mapToObj(
                  i ->
                      (Callable<String>)
                          () ->
                              new String(
                                  guest.run(script("sleep 0." + i % 10 + "; echo " + i)).output(),
                                  UTF_8))
              .toList();
      var answers = threads.invokeAll(tasks);
      for (int i = 0; i < answers.size(); i++) {
        assertThat(answers.get(i).get()).isEqualTo(i + "\n");
      }
    }
  }

  @Test
  void aShortProgramIsNotHeldUpByALongOne() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Path gate = directory.resolve("gate");
      var slow =
          threads.submit(
              () ->
                  guest.run(script("until test -e " + gate + "; do sleep 0.05; done; echo slow")));

      assertThat(guest.run(script("echo quick; touch " + gate)).ok()).isTrue();

      assertThat(slow.get().output()).isEqualTo(bytes("slow\n"));
    }
  }

  @Test
  void anIdleAgentIsAskedSoThatItsAgeStaysFresh() throws Exception {
    guest.bootId(DEADLINE);

    Awaitility.await()
        .during(Duration.ofSeconds(2))
        .atMost(Duration.ofSeconds(10))
        .until(() -> guest.presence().state() == Guest.State.ANSWERING);
  }

  @Test
  void theResultOfAProgramNobodyWaitsForIsFetchedFromTheAgent() throws Exception {
    Path gate = directory.resolve("gate");
    String wait = "until test -e " + gate + "; do sleep 0.05; done";
    assertThatThrownBy(
            () -> guest.run(GuestAgent.Exec.script(Duration.ofSeconds(3), wait, NOTHING)))
        .isInstanceOf(GuestException.TimedOut.class);

    Files.createFile(gate);

    // The agent keeps an ended child as a zombie until its status was fetched.
    Awaitility.await()
        .until(() -> ProcessHandle.of(agent.pid()).orElseThrow().children().count() == 0);
  }

  private List<String> openFiles() throws Exception {
    try (var links = Files.list(Path.of("/proc/" + agent.pid() + "/fd"))) {
      return links.map(QemuGuestAgentTest::target).toList();
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (java.io.IOException closedMeanwhile) {
      return "";
    }
  }

  private static GuestAgent.Exec script(String script) {
    return GuestAgent.Exec.script(DEADLINE, script, NOTHING);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private static byte[] random(int size) {
    byte[] content = new byte[size];
    new Random(size).nextBytes(content);
    return content;
  }
}
