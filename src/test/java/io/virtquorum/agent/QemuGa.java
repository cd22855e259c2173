package io.virtquorum.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real QEMU guest agent as a process of this machine, listening on a unix socket. */
public final class QemuGa implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/qemu-ga");

  private final Path directory;
  private final List<String> options;
  private Process process;

  public QemuGa(Path directory, String... options) {
    assertThat(PROGRAM)
        .withFailMessage("This test needs the Debian package qemu-guest-agent (%s)", PROGRAM)
        .isExecutable();
    this.directory = directory;
    this.options = List.of(options);
  }

  public Path socket() {
    return directory.resolve("agent.sock");
  }

  /** Starts it; its environment has {@code AGENTS_OWN=kept}. */
  public QemuGa start() {
    var command = new ArrayList<String>();
    command.addAll(List.of(PROGRAM.toString(), "-m", "unix-listen", "-p", socket().toString()));
    command.addAll(List.of("-t", directory.toString()));
    command.addAll(options);
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(directory.resolve("agent.log").toFile());
    builder.environment().put("AGENTS_OWN", "kept");
    try {
      Files.deleteIfExists(socket());
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  long pid() {
    return process.pid();
  }

  /** Ends it before the programs that it runs, so that it tells nobody how they ended. */
  void kill() {
    try {
      List<ProcessHandle> programs = process.descendants().toList();
      process.destroyForcibly();
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      programs.forEach(ProcessHandle::destroyForcibly);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    if (process != null) {
      kill();
    }
  }
}
