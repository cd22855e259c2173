package io.virtquorum.agent;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A guest agent: runs programs in a VM's guest, and reads and writes its files. Real: a QEMU guest
 * agent; for tests and simulation: a plain directory.
 *
 * <p>Calls block up to their deadline and may come from any thread; an implementation puts them in
 * order. A mutation whose deadline passed is <em>unknown</em>, not failed: it may still be executed
 * later, so callers make it idempotent.
 */
public interface GuestAgent extends AutoCloseable {
  /** Longest output of a command that is kept, in bytes (16 MiB, the guest agent's own limit). */
  int MAX_OUTPUT = 16 * 1024 * 1024;

  /**
   * Runs a program to its end.
   *
   * @throws GuestException.Unreachable if nothing answers; {@link GuestException.TimedOut} if the
   *     answer is late; {@link GuestException.Refused} if the agent does not allow or know what was
   *     asked
   */
  Result run(Exec exec) throws GuestException;

  /**
   * Reads a whole file.
   *
   * @param limit most bytes to read; more is an error
   * @throws GuestException.Refused if it is missing, unreadable or larger
   */
  byte[] read(String path, int limit, Duration deadline) throws GuestException;

  /** Replaces a file's content (not atomic: write beside it and rename where that matters). */
  void write(String path, byte[] content, Duration deadline) throws GuestException;

  /** The kernel's random id of this boot, from {@code /proc/sys/kernel/random/boot_id}. */
  String bootId(Duration deadline) throws GuestException;

  /** What is known of the guest without asking it: never blocks. */
  Guest.Presence presence();

  /** Ends the connection; the guest itself is left alone. */
  @Override
  void close();

  /**
   * A program to run in the guest.
   *
   * @param command program (absolute, or found in the guest's PATH) and arguments; bytes as Latin-1
   *     chars are not supported here: pass such names by {@code input}
   * @param input standard input; may be empty
   * @param environment added to the guest agent's own
   * @param deadline for the whole run
   */
  record Exec(
      List<String> command, byte[] input, Map<String, String> environment, Duration deadline) {
    public static Exec of(Duration deadline, String... command) {
      return new Exec(List.of(command), new byte[0], Map.of(), deadline);
    }

    /** A shell script with arguments ({@code $1}...) and standard input. */
    public static Exec script(Duration deadline, String script, byte[] input, String... arguments) {
      String[] command = new String[4 + arguments.length];
      command[0] = "/bin/sh";
      command[1] = "-c";
      command[2] = script;
      command[3] = "virtquorum";
      System.arraycopy(arguments, 0, command, 4, arguments.length);
      return new Exec(List.of(command), input, Map.of(), deadline);
    }
  }

  /**
   * @param exit the exit code, or 128 + signal
   * @param output standard output, at most {@link #MAX_OUTPUT}
   * @param error standard error
   * @param truncated some output was lost
   */
  record Result(int exit, byte[] output, byte[] error, boolean truncated) {
    public boolean ok() {
      return exit == 0 && !truncated;
    }
  }
}
