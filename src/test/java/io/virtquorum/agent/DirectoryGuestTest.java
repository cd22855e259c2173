package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryGuestTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);

  @TempDir Path directory;
  @AutoClose private DirectoryGuest guest;

  @BeforeEach
  void openGuest() {
    guest = new DirectoryGuest(directory, "boot-1");
  }

  @Test
  void aScriptReceivesInputArgumentsAndEnvironmentAndItsExitCodeComesBack() throws Exception {
    var exec =
        new GuestAgent.Exec(
            List.of("/bin/sh", "-c", "cat; echo \"$1 $WORD\"; echo oops >&2; exit 3", "x", "one"),
            "in\n".getBytes(UTF_8),
            Map.of("WORD", "two"),
            DEADLINE);

    var result = guest.run(exec);

    assertThat(new String(result.output(), UTF_8)).isEqualTo("in\none two\n");
    assertThat(new String(result.error(), UTF_8)).isEqualTo("oops\n");
    assertThat(result.exit()).isEqualTo(3);
    assertThat(result.truncated()).isFalse();
  }

  @Test
  void aProgramKilledByASignalExitsWith128PlusTheSignal() throws Exception {
    assertThat(guest.run(script("kill -9 $$")).exit()).isEqualTo(137);
  }

  @Test
  void inputAndOutputLargerThanAPipeDoNotDeadlock() throws Exception {
    byte[] input = new byte[3_000_000];

    var result = guest.run(GuestAgent.Exec.script(DEADLINE, "tee /dev/stderr", input));

    assertThat(result.output()).isEqualTo(input);
    assertThat(result.error()).isEqualTo(input);
  }

  @Test
  void outputAboveTheLimitIsCutAndSaysSo() throws Exception {
    var result = guest.run(script("head -c 17000000 /dev/zero"));

    assertThat(result.truncated()).isTrue();
    assertThat(result.ok()).isFalse();
    assertThat(result.output()).hasSize(GuestAgent.MAX_OUTPUT);
  }

  @Test
  void aProgramPastItsDeadlineIsATimeOut() {
    assertThatThrownBy(
            () ->
                guest.run(GuestAgent.Exec.script(Duration.ofMillis(100), "sleep 60", new byte[0])))
        .isInstanceOf(GuestException.TimedOut.class)
        .hasMessageContaining("100 ms");
  }

  @Test
  void aMissingProgramOrFileIsRefused() {
    assertThatThrownBy(() -> guest.run(GuestAgent.Exec.of(DEADLINE, "no-such-program")))
        .isInstanceOf(GuestException.Refused.class);
    assertThatThrownBy(() -> guest.read("no-such-file", 10, DEADLINE))
        .isInstanceOf(GuestException.Refused.class);
  }

  @Test
  void aWrittenFileIsReadBackAndTheLimitHolds() throws Exception {
    byte[] content = {0, -1, 10, 13};
    guest.write("file", content, DEADLINE);

    assertThat(guest.read("file", 4, DEADLINE)).isEqualTo(content);
    assertThatThrownBy(() -> guest.read("file", 3, DEADLINE))
        .isInstanceOf(GuestException.Refused.class);
  }

  @Test
  void aRebootEndsWhatRunsAndChangesTheBootId() throws Exception {
    var call =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return guest.run(script("touch started; sleep 60"));
              } catch (GuestException e) {
                throw new IllegalStateException(e);
              }
            },
            Thread::startVirtualThread);
    Awaitility.await().until(() -> directory.resolve("started").toFile().exists());

    guest.reboot("boot-2");

    assertThatThrownBy(call::join).hasRootCauseInstanceOf(GuestException.Rebooted.class);
    assertThat(guest.bootId(DEADLINE)).isEqualTo("boot-2");
  }

  @Test
  void aSilentGuestTimesOutAndAGoneOneIsUnreachable() {
    guest.become(Guest.State.SILENT);
    assertThatThrownBy(() -> guest.run(script("true"))).isInstanceOf(GuestException.TimedOut.class);
    assertThat(guest.presence().state()).isEqualTo(Guest.State.SILENT);

    guest.become(Guest.State.GONE);
    assertThatThrownBy(() -> guest.bootId(DEADLINE)).isInstanceOf(GuestException.Unreachable.class);
  }

  private static GuestAgent.Exec script(String script) {
    return GuestAgent.Exec.script(DEADLINE, script, new byte[0]);
  }
}
