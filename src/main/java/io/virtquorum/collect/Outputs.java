package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The features of a member that are no files: what commands say, and what the guest is. They are
 * looked at more seldom than files: all together they take no more than a tenth of the time, and
 * hold up a look at the files for no longer than one command may take. For one thread.
 */
public final class Outputs {
  private static final Script OUTPUT = Script.of(Outputs.class, "output.sh");
  private static final Script TELL = Script.of(Outputs.class, "facts.sh");

  /** Most bytes that a command may say. */
  public static final int MOST = 4 * 1024 * 1024;

  private static final Duration LONGEST = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final Duration EVERY = Duration.ofSeconds(20);

  /** After so long in one look the rest waits for the next. */
  private static final Duration ENOUGH = Duration.ofSeconds(1);

  private static final int SHARE = 10;
  private static final int WORDS = 200;

  /** The name of no command: the facts are looked at together. */
  private static final String FACTS = "";

  private final Shell shell;
  private final FingerprintKey key;
  private final Map<String, CommandFeature> commands = new TreeMap<>();
  private final List<String> facts;
  private final Map<String, Output> last = new TreeMap<>();
  private final Map<String, Long> seen = new HashMap<>();
  private long restUntil;

  /**
   * @param facts of {@code timezone}, {@code os} and {@code kernel}
   */
  public Outputs(
      Shell shell, FingerprintKey key, List<CommandFeature> commands, List<String> facts) {
    this.shell = shell;
    this.key = key;
    this.facts = List.copyOf(facts);
    this.restUntil = shell.nanoTime();
    commands.forEach(command -> this.commands.put(command.name(), command));
  }

  /** True if an output can be made another member's. */
  public boolean canApply() {
    return commands.values().stream().anyMatch(command -> !command.apply().isEmpty());
  }

  /**
   * Looks at what is due, what was not seen for the longest time first.
   *
   * @param all everything is due now
   * @return everything, as it was last seen; what was never looked at is missing
   */
  public Map<String, Output> look(boolean all) throws GuestException {
    if (all) {
      seen.clear();
      restUntil = shell.nanoTime();
    }
    long began = shell.nanoTime();
    if (began - restUntil >= 0) {
      try {
        look(due(began), began + ENOUGH.toNanos());
      } finally {
        long now = shell.nanoTime();
        restUntil = now + (now - began) * (SHARE - 1);
      }
    }
    return Map.copyOf(last);
  }

  private void look(List<String> names, long end) throws GuestException {
    for (String name : names) {
      if (name.equals(FACTS)) {
        lookAtFacts();
      } else {
        look(commands.get(name));
      }
      if (shell.nanoTime() - end >= 0) {
        return;
      }
    }
  }

  private List<String> due(long now) {
    List<String> names = new ArrayList<>(commands.keySet());
    if (!facts.isEmpty()) {
      names.add(FACTS);
    }
    return names.stream()
        .filter(name -> age(name, now) >= EVERY.toNanos())
        .sorted(Comparator.comparing((String name) -> age(name, now)).reversed())
        .toList();
  }

  private long age(String name, long now) {
    Long at = seen.get(name);
    return at == null ? Long.MAX_VALUE : now - at;
  }

  /**
   * A command by its name.
   *
   * @throws Trouble if the configuration has none of that name
   */
  public CommandFeature command(String name) throws Trouble {
    CommandFeature command = commands.get(name);
    if (command == null) {
      throw new Trouble(
          Trouble.Reason.GuestCommandFailed, "This member knows no command named " + name);
    }
    return command;
  }

  /** Has a command say what it says now: this is from now on what was last seen of it. */
  public byte[] say(CommandFeature command) throws GuestException, Trouble {
    List<String> arguments = new ArrayList<>();
    arguments.add(Long.toString(LONGEST.toSeconds()));
    arguments.add(Integer.toString(MOST));
    arguments.addAll(command.run());
    Deadline deadline = shell.deadline(LONGEST.plus(ANSWER));
    Output.Kind kind = command.apply().isEmpty() ? Output.Kind.COMPARED : Output.Kind.REPAIRABLE;
    try {
      byte[] said = shell.run(OUTPUT, deadline, new byte[0], arguments.toArray(String[]::new));
      last.put(command.name(), new Output(digest(command, said), "", kind));
      return said;
    } catch (Trouble trouble) {
      last.put(command.name(), failed(command.name(), trouble));
      throw trouble;
    } finally {
      seen.put(command.name(), shell.nanoTime());
    }
  }

  /** The fingerprint of what a command said. */
  public Digest digest(CommandFeature command, byte[] said) {
    return key.fingerprint(List.of("output", command.name(), Shell.text(said)));
  }

  private void look(CommandFeature command) throws GuestException {
    try {
      say(command);
    } catch (Trouble told) {
      // its words are in what was last seen
    }
  }

  private void lookAtFacts() throws GuestException {
    Map<String, String> told = new HashMap<>();
    seen.put(FACTS, shell.nanoTime());
    try {
      for (String line :
          Shell.text(shell.run(TELL, shell.deadline(ANSWER), new byte[0])).split("\n")) {
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
              value.isEmpty() ? "unknown" : cut(new String(value.getBytes(ISO_8859_1), UTF_8)),
              Output.Kind.COMPARED));
    }
  }

  private Output failed(String feature, Trouble trouble) {
    String why = trouble.getMessage();
    return new Output(
        key.fingerprint(List.of("failed", feature, latin(why))), cut(why), Output.Kind.FAILED);
  }

  /** One line of people's words: a guest may say anything. */
  private static String cut(String words) {
    String line = words.replaceAll("\\p{Cntrl}+", " ").strip();
    return line.length() <= WORDS ? line : line.substring(0, WORDS - 1) + "…";
  }

  private static String latin(String text) {
    return Shell.text(text.getBytes(UTF_8));
  }
}
