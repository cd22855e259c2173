package io.virtquorum.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The image's entrypoint, run by this machine's shell with a program that plays the JVM. */
final class EntrypointTest {
  @TempDir Path home;
  private Path log;
  private Process process;

  @BeforeEach
  void makeHome() throws IOException {
    log = home.resolve("log");
    Files.createFile(log);
    Files.createDirectories(home.resolve("java/bin"));
  }

  @AfterEach
  void kill() {
    if (process != null) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  @Test
  void givenASidecarThatCrashesThenItIsStartedAgainUntilItEndsWell() throws Exception {
    start(
        "[ $(wc -l <$LOG) -ge 3 ] && exit 0; [ $(wc -l <$LOG) -ge 2 ] && kill -9 $$; exit 3",
        "sidecar");
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(Files.readAllLines(log)).hasSize(3);
  }

  @Test
  void givenASidecarWhoseVmIsGoneThenItIsNotStartedAgain() throws Exception {
    start("exit 0", "sidecar");
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(Files.readAllLines(log)).hasSize(1);
  }

  @Test
  void givenASignalThenTheSidecarGetsItAndTheContainerEndsWell() throws Exception {
    start(
        "trap 'echo term >>$LOG; exit 143' TERM; echo ready >>$LOG; while :; do sleep 0.05; done",
        "sidecar");
    awaitLines(2);
    process.destroy();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(Files.readAllLines(log)).endsWith("ready", "term");
  }

  @Test
  void givenASignalBetweenTwoLivesThenItEndsWithoutAnother() throws Exception {
    start("exit 3", "sidecar");
    awaitLines(2); // from here on it waits two seconds and more
    process.destroy();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }

  @Test
  void givenAnOperatorThatFailsThenItsCodeIsTheContainers() throws Exception {
    start("exit 7", "operator", "--port=1");
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(7);
    assertThat(Files.readString(log)).endsWith("io.virtquorum.Main operator --port=1\n");
  }

  private void awaitLines(int lines) {
    await().atMost(Duration.ofSeconds(30)).until(() -> Files.readAllLines(log).size() >= lines);
  }

  private void start(String jvm, String... arguments) throws IOException {
    Path java = home.resolve("java/bin/java");
    Files.writeString(java, "#!/bin/sh\necho \"$*\" >>$LOG\n" + jvm + "\n");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<String> command = new java.util.ArrayList<>(List.of("/bin/sh", "deploy/image/entrypoint"));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(home.resolve("output").toFile());
    builder.environment().put("LOG", log.toString());
    builder.environment().put("VIRTQUORUM_HOME", home.toString());
    builder.environment().remove("JAVA_OPTS");
    process = builder.start();
  }
}
