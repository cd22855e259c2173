package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The guest program as it is built for this machine, on a socket as QEMU has it. */
public final class RealProgram implements AutoCloseable {
  /** Its port. */
  public final Path socket;

  private final Path program;
  private final Path directory;
  private final List<String> around;
  private Process process;

  /**
   * Starts it.
   *
   * @param directory for its socket, its log and what it keeps
   * @param around what it is run by, such as nsenter with its arguments
   */
  public RealProgram(Path directory, String... around) throws IOException, InterruptedException {
    this(built(""), directory, around);
  }

  /**
   * Starts another one.
   *
   * @param program to be run
   */
  public RealProgram(Path program, Path directory, String... around)
      throws IOException, InterruptedException {
    this.program = program.toAbsolutePath();
    this.directory = directory;
    this.socket = directory.resolve("port");
    this.around = List.of(around);
    start();
  }

  /** The architecture of this machine, as the program has it. */
  public static String architecture() {
    return System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
  }

  /**
   * The program as it is built for this machine.
   *
   * @param kind {@code ""}, or {@code older} for version 0.0.1
   */
  public static Path built(String kind) {
    return Path.of("target/guest", kind, "virtquorum-guest-" + architecture());
  }

  void start() throws IOException, InterruptedException {
    assumeTrue(Files.isExecutable(program), "no guest program here: tools/guest programs makes it");
    assumeTrue(run("id", "-u").strip().equals("0"), "the guest program needs root");
    Path log = directory.resolve("log");
    List<String> command = new ArrayList<>(around);
    command.addAll(
        List.of(
            program.toString(),
            "run",
            "--port",
            "unix:" + socket,
            "--state",
            directory.resolve("state").toString()));
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
  }

  /** Runs the program's command that waits for a commit, and says its exit code. */
  public int commit(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.addAll(
        List.of("commit", "--socket", directory.resolve("state/commit.sock").toString()));
    command.addAll(List.of(arguments));
    Process commit = new ProcessBuilder(command).redirectErrorStream(true).start();
    commit.getInputStream().readAllBytes();
    return commit.waitFor();
  }

  /** It stands still from now on, or goes on. */
  public void stop(boolean is) throws IOException, InterruptedException {
    run("kill", is ? "-STOP" : "-CONT", Long.toString(process.pid()));
  }

  /** It ends, and begins anew. */
  public void beginAnew() throws IOException, InterruptedException {
    kill();
    start();
  }

  /** Ends it as a power cut does. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
  }

  /** What a command says that ends well. */
  public static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s: %s", List.of(command), said).isZero();
    return said;
  }
}
