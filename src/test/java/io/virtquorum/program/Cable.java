package io.virtquorum.program;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.port.LinkTiming;
import io.virtquorum.port.PortLink;
import io.virtquorum.port.Time;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/** Two network namespaces on one cable, as two guests on the sync network; needs root. */
public final class Cable implements AutoCloseable {
  /** A guest that stands still is given up after seconds. */
  private static final LinkTiming IMPATIENT =
      new LinkTiming(
          Duration.ofSeconds(1),
          Duration.ofMillis(500),
          Duration.ofSeconds(2),
          Duration.ofSeconds(5),
          Duration.ofSeconds(5),
          Duration.ofMillis(50),
          Duration.ofSeconds(1),
          Duration.ofSeconds(20));

  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Map<Integer, RealProgram> programs = new HashMap<>();
  private final String name = "vq" + ProcessHandle.current().pid() % 100_000;
  private final Path directory;

  /**
   * Lays it.
   *
   * @param directory for what its guests keep
   */
  public Cable(Path directory) throws IOException, InterruptedException {
    this.directory = directory;
    assumeTrue(RealProgram.run("id", "-u").strip().equals("0"), "network namespaces need root");
    for (int end = 0; end < 2; end++) {
      String namespace = namespace(end);
      RealProgram.run("ip", "netns", "add", namespace);
      open.push(() -> RealProgram.run("ip", "netns", "delete", namespace));
    }
    RealProgram.run(
        "ip",
        "link",
        "add",
        "sync0",
        "address",
        mac(0),
        "netns",
        namespace(0),
        "type",
        "veth",
        "peer",
        "name",
        "sync0",
        "address",
        mac(1),
        "netns",
        namespace(1));
  }

  private String namespace(int end) {
    return name + "-" + end;
  }

  /** Of the NIC at an end, 0 or 1. */
  public static String mac(int end) {
    return "02:76:71:00:00:0" + end;
  }

  /** Runs {@code ip} at an end. */
  public void ip(int end, String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("ip", "-n", namespace(end)));
    command.addAll(List.of(words));
    RealProgram.run(command.toArray(String[]::new));
  }

  /** What a command says at an end. */
  public String run(int end, String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", namespace(end)));
    command.addAll(List.of(words));
    return RealProgram.run(command.toArray(String[]::new));
  }

  /** A guest at an end, in which the real program runs. */
  public ProgramGuest guest(int end) throws IOException, InterruptedException {
    Path own = Files.createDirectories(directory.resolve("end-" + end));
    var program = new RealProgram(own, "nsenter", "--net=/run/netns/" + namespace(end));
    open.push(program);
    programs.put(end, program);
    AtomicReference<ProgramGuest> told = new AtomicReference<>();
    SecureRandom random = new SecureRandom();
    PortLink link =
        new PortLink(
            program.socket,
            () -> 3,
            "test",
            IMPATIENT,
            random,
            push -> Optional.ofNullable(told.get()).ifPresent(ProgramGuest::hear));
    ProgramGuest guest = new ProgramGuest(link, Time.MACHINE, random);
    open.push(guest);
    told.set(guest);
    return guest;
  }

  /** The program at an end stands still from now on, or goes on. */
  public void stop(int end, boolean is) throws IOException, InterruptedException {
    programs.get(end).stop(is);
  }

  /** A look into a guest at an end that has one empty tree. */
  public Watch watch(int end) throws IOException, InterruptedException {
    ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree-" + end));
    open.push(tree);
    Watch watch =
        guest(end)
            .watch(
                new WatchSettings(
                    "web-" + end,
                    new FingerprintKey(new byte[32]),
                    List.of(Tree.of("site", tree.path.toString())),
                    List.of(),
                    List.of(),
                    List.of(),
                    Set.of(),
                    new ArchiveLimits(20, 1 << 30),
                    50_000_000,
                    false));
    open.push(watch);
    return watch;
  }

  @Override
  public void close() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }
}
