package io.virtquorum;

import io.virtquorum.operator.CheckCommand;
import io.virtquorum.operator.OperatorCommand;
import io.virtquorum.operator.ReleaseCommand;
import io.virtquorum.sidecar.SidecarCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry point of the one jar: every role of VirtQuorum is a subcommand. */
@Command(
    name = "virtquorum",
    description = "Majority-voted high availability for KubeVirt virtual machines.",
    mixinStandardHelpOptions = true,
    subcommands = {
      OperatorCommand.class,
      SidecarCommand.class,
      CheckCommand.class,
      ReleaseCommand.class
    })
public final class Main {
  private Main() {}

  /** Runs one subcommand and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }
}
