package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.e2e.Host;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Where a reader types: bash in the root of the project, with some programs in the path. */
final class Terminal {
  private static final Duration DEADLINE = Duration.ofMinutes(5);

  private final List<String> environment = new ArrayList<>(List.of("env"));

  /**
   * @param programs goes before the path
   * @param variables more of the environment
   */
  Terminal(Path programs, Map<String, String> variables) {
    environment.add("PATH=" + programs.toAbsolutePath() + ":" + System.getenv("PATH"));
    variables.forEach((name, value) -> environment.add(name + "=" + value));
  }

  /** Runs a line as it is typed, and returns what it printed; it must not fail. */
  String type(String line) {
    List<String> command = new ArrayList<>(environment);
    command.addAll(List.of("bash", "-c", line));
    Host.Outcome outcome = Host.here().attempt(DEADLINE, command);
    assertThat(outcome.exit()).as("%s said: %s", line, outcome.output()).isZero();
    return outcome.output();
  }
}
