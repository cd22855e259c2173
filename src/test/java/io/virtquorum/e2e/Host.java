package io.virtquorum.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs programs on the machine that the testbed runs on, as a person at its shell would.
 *
 * @param project where {@code testbed/testbed} is
 */
public record Host(Path project) {

  /** One that was run to its end. */
  public record Outcome(int exit, String output) {}

  /** In the project that is being built. */
  public static Host here() {
    return new Host(Path.of("").toAbsolutePath());
  }

  /** {@code testbed/testbed VERB...}; a failure is an exception with its output. */
  String testbed(Duration deadline, String... words) {
    return checked(deadline, testbedCommand(words));
  }

  /** {@code testbed/testbed VERB...} that may fail. */
  Outcome attemptTestbed(Duration deadline, String... words) {
    return attempt(deadline, testbedCommand(words));
  }

  private List<String> testbedCommand(String... words) {
    List<String> command = new ArrayList<>(List.of(project.resolve("testbed/testbed").toString()));
    command.addAll(List.of(words));
    return command;
  }

  /** A program; a failure is an exception with its output. */
  String run(Duration deadline, String... words) {
    return checked(deadline, List.of(words));
  }

  private String checked(Duration deadline, List<String> command) {
    Outcome outcome = attempt(deadline, command);
    if (outcome.exit() != 0) {
      throw new IllegalStateException(
          "%s ended with %d: %s"
              .formatted(String.join(" ", command), outcome.exit(), outcome.output()));
    }
    return outcome.output();
  }

  /** A program that may fail. */
  public Outcome attempt(Duration deadline, List<String> command) {
    try {
      Path output = Files.createTempFile("e2e-", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .directory(project.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
          throw new IllegalStateException(
              "%s did not end within %s".formatted(String.join(" ", command), deadline));
        }
        return new Outcome(
            process.exitValue(), Files.readString(output, StandardCharsets.UTF_8).strip());
      } finally {
        Files.deleteIfExists(output);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
