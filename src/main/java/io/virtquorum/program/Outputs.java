package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Fact;
import io.virtquorum.guest.wire.v1.Facts;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Limit;
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
final class Outputs {
  private static final Duration LONGEST = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final Duration EVERY = Duration.ofSeconds(20);

  /** After so long in one look the rest waits for the next. */
  private static final Duration ENOUGH = Duration.ofSeconds(1);

  private static final int SHARE = 10;
  private static final int WORDS = 200;

  /** The name of no command: the facts are looked at together. */
  private static final String FACTS = "";

  private final Program program;
  private final Commands runner;
  private final FingerprintKey key;
  private final Map<String, CommandFeature> commands = new TreeMap<>();
  private final List<String> facts;
  private final Map<String, Output> last = new TreeMap<>();
  private final Map<String, Long> seen = new HashMap<>();
  private long restUntil;

  Outputs(
      Program program,
      Commands runner,
      FingerprintKey key,
      List<CommandFeature> commands,
      List<String> facts) {
    this.program = program;
    this.restUntil = program.time().nanos();
    this.runner = runner;
    this.key = key;
    this.facts = List.copyOf(facts);
    commands.forEach(command -> this.commands.put(command.name(), command));
  }

  /**
   * Looks at what is due, what was not seen for the longest time first.
   *
   * @param all everything is due now
   * @return everything, as it was last seen; what was never looked at is missing
   */
  Map<String, Output> look(boolean all) throws GuestException {
    long began = program.time().nanos();
    if (all) {
      seen.clear();
      restUntil = began;
    }
    if (began - restUntil >= 0) {
      try {
        look(due(began), program.time().in(ENOUGH));
      } finally {
        long now = program.time().nanos();
        restUntil = now + (now - began) * (SHARE - 1);
      }
    }
    return Map.copyOf(last);
  }

  private void look(List<String> names, Limit enough) throws GuestException {
    for (String name : names) {
      if (name.equals(FACTS)) {
        lookAtFacts();
      } else {
        try {
          say(commands.get(name));
        } catch (Trouble told) {
          // its words are in what was last seen
        }
      }
      if (enough.isOver()) {
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
        .sorted(Comparator.comparingLong((String name) -> age(name, now)).reversed())
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
  CommandFeature command(String name) throws Trouble {
    CommandFeature command = commands.get(name);
    if (command == null) {
      throw new Trouble(
          Trouble.Reason.GuestCommandFailed, "This member knows no command named " + name);
    }
    return command;
  }

  /** Has a command say what it says now: this is from now on what was last seen of it. */
  ByteString say(CommandFeature command) throws GuestException, Trouble {
    Output.Kind kind = command.apply().isEmpty() ? Output.Kind.COMPARED : Output.Kind.REPAIRABLE;
    try {
      ByteString said =
          runner.say(
              command.run(), ByteString.EMPTY, LONGEST, program.time().in(LONGEST.plus(ANSWER)));
      last.put(command.name(), new Output(digest(command, said), "", kind));
      return said;
    } catch (Trouble trouble) {
      last.put(command.name(), failed(command.name(), trouble));
      throw trouble;
    } finally {
      seen.put(command.name(), program.time().nanos());
    }
  }

  /** The fingerprint of what a command said. */
  Digest digest(CommandFeature command, ByteString said) {
    return key.fingerprint(List.of("output", command.name(), said.toString(ISO_8859_1)));
  }

  private void lookAtFacts() throws GuestException {
    seen.put(FACTS, program.time().nanos());
    Map<String, String> told = new HashMap<>();
    try {
      for (Fact fact :
          program
              .demand(
                  Request.newBuilder().setFacts(Facts.newBuilder().addAllNames(facts)),
                  "the facts of the guest",
                  program.time().in(ANSWER))
              .getFacts()
              .getFactsList()) {
        told.put(fact.getName(), fact.getValue());
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
              key.fingerprint(List.of("fact", fact, latin(value))),
              value.isEmpty() ? "unknown" : cut(value),
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
    return new String(text.getBytes(UTF_8), ISO_8859_1);
  }
}
