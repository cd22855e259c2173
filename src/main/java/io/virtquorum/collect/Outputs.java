package io.virtquorum.collect;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The features of a member that are no files: what commands say, and what the guest is. They are
 * looked at more seldom than files, so that they never take more than a tenth of the guest's time.
 * For one thread.
 */
public final class Outputs {
  /** Most bytes that a command may say. */
  public static final int MOST = 4 * 1024 * 1024;

  private static final Duration LONGEST = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final Duration EVERY = Duration.ofSeconds(20);
  private static final int SHARE = 10;
  private static final int WORDS = 200;

  private final Shell shell;
  private final FingerprintKey key;
  private final Map<String, Feature> commands = new TreeMap<>();
  private final List<String> facts;
  private final Script output = Script.of(Outputs.class, "output.sh");
  private final Script tell = Script.of(Outputs.class, "facts.sh");
  private final Map<String, Output> last = new TreeMap<>();
  private final Map<String, Long> due = new HashMap<>();

  /**
   * A command.
   *
   * @param run program and arguments; what it says is compared
   * @param apply program and arguments that make it say what comes on its standard input; empty:
     *     there are none
   */
  public record Feature(String name, List<String> run, List<String> apply) {
    public Feature {
      run = List.copyOf(run);
      apply = List.copyOf(apply);
    }
  }

  /**
   * @param facts of {@code timezone}, {@code os} and {@code kernel}
   */
  public Outputs(Shell shell, FingerprintKey key, List<Feature> commands, List<String> facts) {
    this.shell = shell;
    this.key = key;
    this.facts = List.copyOf(facts);
    commands.forEach(command -> this.commands.put(command.name(), command));
  }

  /**
   * Looks at what is due.
   *
   * @param all look at everything now
   * @return everything, as it was last seen
   */
  public Map<String, Output> look(boolean all) throws GuestException {
    for (Feature command : commands.values()) {
      if (all || isDue(command.name())) {
        look(command);
      }
    }
    if (!facts.isEmpty() && (all || isDue(""))) {
      long began = shell.nanoTime();
      lookAtFacts();
      delay("", began);
    }
    return Map.copyOf(last);
  }

  /**
   * A command by its name.
   *
   * @throws Trouble if the configuration has none of that name
   */
  public Feature command(String name) throws Trouble {
    Feature command = commands.get(name);
    if (command == null) {
      throw new Trouble(
          Trouble.Reason.GuestCommandFailed, "This member knows no command named " + name);
    }
    return command;
  }

  /** Has a command say what it says now. */
  public byte[] say(Feature command) throws GuestException, Trouble {
    String[] arguments = new String[command.run().size() + 2];
    arguments[0] = Long.toString(LONGEST.toSeconds());
    arguments[1] = Integer.toString(MOST);
    for (int i = 0; i < command.run().size(); i++) {
      arguments[i + 2] = command.run().get(i);
    }
    return shell.run(output, shell.deadline(LONGEST.plus(ANSWER)), new byte[0], arguments);
  }

  /** The fingerprint of what a command said. */
  public Digest digest(Feature command, byte[] said) {
    return key.fingerprint(List.of("output", command.name(), Shell.text(said)));
  }

  /** What a command says is seen anew at the next look. */
  public void expire(Feature command) {
    due.remove(command.name());
  }

  private void look(Feature command) throws GuestException {
    long began = shell.nanoTime();
    try {
      Digest digest = digest(command, say(command));
      Output.Kind kind =
          command.apply().isEmpty() ? Output.Kind.COMPARED : Output.Kind.REPAIRABLE;
      last.put(command.name(), new Output(digest, "", kind));
    } catch (Trouble trouble) {
      last.put(command.name(), failed(command.name(), trouble));
    }
    delay(command.name(), began);
  }

  private void lookAtFacts() throws GuestException {
    Map<String, String> told = new HashMap<>();
    try {
      for (String line :
          Shell.text(shell.run(tell, shell.deadline(ANSWER), new byte[0])).split("\n")) {
        int equals = line.indexOf('=');
        if (equals > 0) {
          told.put(line.substring(0, equals), line.substring(equals + 1));
        }
      }
    } catch (Trouble trouble) {
      facts.forEach(fact -> last.put(fact, failed(fact, trouble)));
      return;
    }
    for (String fact : facts) {
      String value = told.getOrDefault(fact, "");
      last.put(
          fact,
          new Output(
              key.fingerprint(List.of("fact", fact, value)),
              value.isEmpty() ? "unknown" : cut(value),
              Output.Kind.COMPARED));
    }
  }

  private Output failed(String feature, Trouble trouble) {
    String why = trouble.getMessage();
    return new Output(
        key.fingerprint(List.of("failed", feature, latin(why))), cut(why), Output.Kind.FAILED);
  }

  private boolean isDue(String name) {
    Long at = due.get(name);
    return at == null || shell.nanoTime() - at >= 0;
  }

  private void delay(String name, long began) {
    long now = shell.nanoTime();
    due.put(name, now + Math.max(EVERY.toNanos(), (now - began) * SHARE));
  }

  private static String cut(String words) {
    String line = words.strip();
    return line.length() <= WORDS ? line : line.substring(0, WORDS - 1) + "…";
  }

  private static String latin(String text) {
    return Shell.text(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}
