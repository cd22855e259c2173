package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import java.io.ByteArrayOutputStream;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/**
 * Runs VirtQuorum's scripts in a guest: finds the tools once a boot, turns a script's own complaint
 * into {@link Trouble}, and moves long lists in pieces. Not safe for use by many threads.
 */
public final class Shell {
  private static final Script FIND = Script.of(Shell.class, "tools.sh");
  private static final Script PUT = Script.of(Shell.class, "put.sh");
  private static final Script GET = Script.of(Shell.class, "get.sh");

  /** Bytes a piece: what the agent moves best and a small heap bears (facts: 64 to 256 KiB). */
  static final int PIECE = 256 * 1024;

  private static final int TROUBLE = 90;
  private static final Map<String, String> PACKAGES =
      Map.of("find", "findutils", "xargs", "findutils", "rsync", "rsync");

  private final GuestAgent agent;
  private final String runDirectory;
  private final LongSupplier nanoTime;
  private final RandomGenerator random;
  private Map<String, String> tools = Map.of();
  private Map<String, String> environment = Map.of();
  private String bootId = "";

  /**
   * @param runDirectory absolute, for passing files; lost at a reboot; {@code /run/virtquorum} in a
   *     real guest
   */
  public Shell(GuestAgent agent, String runDirectory) {
    this(agent, runDirectory, System::nanoTime, new SecureRandom());
  }

  /**
   * As the other, with a clock and chance of one's own, as a simulation has.
   *
   * @param nanoTime as {@link System#nanoTime}
   * @param random names files and makes passwords
   */
  public Shell(
      GuestAgent agent, String runDirectory, LongSupplier nanoTime, RandomGenerator random) {
    this.agent = agent;
    this.runDirectory = runDirectory;
    this.nanoTime = nanoTime;
    this.random = random;
  }

  /** The clock of all work through this shell, as {@link System#nanoTime}. */
  public long nanoTime() {
    return nanoTime.getAsLong();
  }

  /** A deadline that counts from now. */
  public Deadline deadline(Duration whole) {
    return new Deadline(whole, nanoTime);
  }

  /** Chance, good enough for passwords. */
  public RandomGenerator random() {
    return random;
  }

  /** The agent of the guest that the scripts run in. */
  public GuestAgent agent() {
    return agent;
  }

  /** The directory for passing files. */
  public String runDirectory() {
    return runDirectory;
  }

  /** A path in the run directory that nothing else uses. */
  public String fresh() {
    return fresh("");
  }

  /**
   * As the other.
   *
   * @param kind what its name begins with
   */
  String fresh(String kind) {
    return runDirectory + "/tmp." + kind + Long.toHexString(random.nextLong());
  }

  /**
   * Asks for the boot id and, if it is another than last time, finds the tools.
   *
   * @return the boot id
   */
  public String boot(Deadline deadline) throws GuestException, Trouble {
    String now = agent.bootId(deadline.left());
    if (!now.equals(bootId)) {
      var none =
          new GuestAgent.Exec(command(FIND, runDirectory), new byte[0], Map.of(), deadline.left());
      Map<String, String> found = new HashMap<>();
      for (String line : text(check(FIND, agent.run(none))).split("\n")) {
        int equals = line.indexOf('=');
        if (equals > 0 && equals < line.length() - 1) {
          found.put(line.substring(0, equals), line.substring(equals + 1));
        }
      }
      for (String tool : List.of("find", "xargs", "sha256sum", "stat", "dd", "timeout")) {
        need(found, tool);
      }
      tools = Map.copyOf(found);
      environment = environment(found);
      bootId = now;
    }
    return bootId;
  }

  /**
   * Says whether the guest can be synchronised at all. Somebody may have installed what was
   * missing.
   *
   * @throws Trouble with {@code ToolMissing} if it lacks rsync
   */
  public void needRsync(Deadline deadline) throws GuestException, Trouble {
    if (!tools.containsKey("rsync")) {
      bootId = "";
    }
    boot(deadline);
    need(tools, "rsync");
  }

  /**
   * Runs a script to its end.
   *
   * @param input its standard input; at most a few hundred KiB
   * @param arguments text, not bytes: names of files go by input
   * @return its standard output
   */
  public byte[] run(Script script, Deadline deadline, byte[] input, String... arguments)
      throws GuestException, Trouble {
    return run(script, deadline, input, Map.of(), arguments);
  }

  /** As the other, with secrets in the environment, where only root sees them. */
  public byte[] run(
      Script script,
      Deadline deadline,
      byte[] input,
      Map<String, String> secrets,
      String... arguments)
      throws GuestException, Trouble {
    if (tools.isEmpty()) {
      boot(deadline);
    }
    Map<String, String> all = new HashMap<>(secrets);
    all.putAll(environment);
    // What nobody waits for any more can end itself.
    all.put("VQ_SECONDS", Long.toString(deadline.leftSeconds()));
    return check(
        script,
        agent.run(new GuestAgent.Exec(command(script, arguments), input, all, deadline.left())));
  }

  /** What every script may rely on. */
  private Map<String, String> environment(Map<String, String> found) {
    Map<String, String> variables = new HashMap<>();
    found.forEach((tool, path) -> variables.put("VQ_" + tool.toUpperCase(Locale.ROOT), path));
    variables.putIfAbsent("VQ_SYNC", "sync");
    variables.put("VQ_RUN", runDirectory);
    return Map.copyOf(variables);
  }

  /** Writes a file of the guest in pieces. */
  public void put(String path, byte[] content, Deadline deadline) throws GuestException, Trouble {
    for (int from = 0; from == 0 || from < content.length; from += PIECE) {
      byte[] piece = Arrays.copyOfRange(content, from, Math.min(content.length, from + PIECE));
      run(PUT, deadline, piece, path, from == 0 ? "first" : "next");
    }
  }

  /** Reads a file of the guest piece by piece; nothing if it does not exist. */
  void get(String path, Deadline deadline, Sink sink) throws GuestException, Trouble {
    for (int skip = 0; ; skip++) {
      byte[] piece =
          run(GET, deadline, new byte[0], path, Integer.toString(skip), Integer.toString(PIECE));
      sink.accept(piece);
      if (piece.length < PIECE) {
        return;
      }
    }
  }

  /** Reads a small file of the guest; nothing if it does not exist. */
  public byte[] get(String path, Deadline deadline) throws GuestException, Trouble {
    var bytes = new ByteArrayOutputStream();
    get(path, deadline, bytes::writeBytes);
    return bytes.toByteArray();
  }

  /** Output as text, one char a byte. */
  public static String text(byte[] output) {
    return new String(output, ISO_8859_1);
  }

  private static List<String> command(Script script, String... arguments) {
    return GuestAgent.Exec.script(Duration.ZERO, script.text(), new byte[0], arguments).command();
  }

  private static void need(Map<String, String> found, String tool) throws Trouble {
    if (!found.containsKey(tool)) {
      throw new Trouble(
          Trouble.Reason.ToolMissing,
          "The guest lacks the program "
              + tool
              + "; install the package "
              + PACKAGES.getOrDefault(tool, "coreutils")
              + " in it");
    }
  }

  private static byte[] check(Script script, GuestAgent.Result result) throws Trouble {
    if (result.truncated()) {
      throw new Trouble(
          Trouble.Reason.TreeTooLarge,
          script.name() + " said more than " + GuestAgent.MAX_OUTPUT + " bytes");
    }
    if (result.exit() == 0) {
      return result.output();
    }
    String said = new String(result.output(), UTF_8);
    if (result.exit() == TROUBLE) {
      int end = said.indexOf('\n');
      for (var reason : Trouble.Reason.values()) {
        if (end > 0 && reason.name().equals(said.substring(0, end))) {
          throw new Trouble(reason, said.substring(end + 1).strip());
        }
      }
    }
    String error = new String(result.error(), UTF_8).strip();
    throw new Trouble(
        Trouble.Reason.GuestCommandFailed,
        script.name()
            + " ended with "
            + result.exit()
            + " in the guest: "
            + error.substring(0, Math.min(300, error.length())));
  }

  /** Takes the pieces of a file. */
  interface Sink {
    void accept(byte[] piece) throws Trouble;
  }
}
