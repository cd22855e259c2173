package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a member's trees to one puller at a time and serving: a read-only rsync daemon in the
 * guest, on the sync address, for one client address and one random password, that ends itself. Not
 * safe for use by many threads.
 */
public final class SampleServer implements AutoCloseable {
  private static final Script SERVE = Script.of(SampleServer.class, "serve.sh");
  private static final Script STOP = Script.of(SampleServer.class, "stop.sh");
  private static final Logger LOG = LoggerFactory.getLogger(SampleServer.class);
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,100}");
  private static final Pattern ADDRESS = Pattern.compile("[0-9a-fA-F.:]{2,45}");
  private static final Duration CLOSING = Duration.ofSeconds(5);

  /** The module of a command's output, and its only file. */
  static final String OUTPUT = "output";

  /** Below the kernel's usual ephemeral ports (from 32768), so seldom taken. */
  static final int FIRST_PORT = 20_000;

  private static final int PORTS = 12_000;
  private static final int TRIES = 5;

  private final Shell shell;
  private final List<Tree> trees;
  private final Set<String> serving = new LinkedHashSet<>();

  public SampleServer(Shell shell, List<Tree> trees) {
    this.shell = shell;
    this.trees = List.copyOf(trees);
  }

  /**
   * Starts to serve. An earlier serving of the same id is ended first.
   *
   * @param id 1 to 100 of {@code A-Z a-z 0-9 . _ -}
   * @param address of this member on the sync network
   * @param puller the only address that may connect
   * @param lifetime after which the daemon ends itself, whatever becomes of this sidecar; 1 s at
   *     least
   */
  public Serving start(String id, String address, String puller, Duration lifetime, Duration limit)
      throws GuestException, Trouble {
    StringBuilder modules = new StringBuilder();
    trees.forEach(tree -> modules.append(section(tree.name(), tree.path())));
    return start(id, address, puller, modules.toString(), lifetime, shell.deadline(limit));
  }

  /** As the other, but serves nothing except what a command said. */
  public Serving start(
      String id, String address, String puller, byte[] output, Duration lifetime, Duration limit)
      throws GuestException, Trouble {
    Deadline deadline = shell.deadline(limit);
    String directory = directory(id);
    String served = directory + "/served";
    Serving serving = start(id, address, puller, section(OUTPUT, served), lifetime, deadline);
    shell.put(served + "/" + OUTPUT, output, deadline);
    return serving;
  }

  private Serving start(
      String id,
      String address,
      String puller,
      String modules,
      Duration lifetime,
      Deadline deadline)
      throws GuestException, Trouble {
    if (!ADDRESS.matcher(address).matches() || !ADDRESS.matcher(puller).matches()) {
      throw new IllegalArgumentException("not an address: " + address + ", " + puller);
    }
    shell.needRsync(deadline);
    String directory = directory(id);
    shell.run(STOP, deadline, new byte[0], directory);
    byte[] secret = new byte[24];
    shell.random().nextBytes(secret);
    String password = HexFormat.of().formatHex(secret);
    byte[] input =
        (config(directory, puller) + modules + "\nvirtquorum:" + password + "\n").getBytes(UTF_8);
    serving.add(id);
    for (int i = 0; i < TRIES; i++) {
      int port = FIRST_PORT + shell.random().nextInt(PORTS);
      byte[] said =
          shell.run(
              SERVE,
              deadline,
              input,
              directory,
              address,
              Integer.toString(port),
              Long.toString(Math.max(1, lifetime.toSeconds())));
      if (Shell.text(said).strip().equals("listening")) {
        return new Serving(id, address, port, password);
      }
    }
    throw new Trouble(
        Trouble.Reason.GuestCommandFailed,
        "No free port for rsync on " + address + " in the guest");
  }

  /** Ends a serving, whoever started it; nothing happens if there is none. */
  public void stop(String id, Duration limit) throws GuestException, Trouble {
    shell.run(STOP, shell.deadline(limit), new byte[0], directory(id));
    serving.remove(id);
  }

  /** Ends what this object started, within 5 s; the rest ends itself. */
  @Override
  public void close() {
    for (String id : List.copyOf(serving)) {
      try {
        stop(id, CLOSING);
      } catch (GuestException | Trouble e) {
        LOG.atInfo()
            .addKeyValue("serving", id)
            .addKeyValue("message", e.getMessage())
            .log("A serving could not be ended; it ends by itself");
      }
    }
  }

  private String directory(String id) {
    if (!ID.matcher(id).matches()) {
      throw new IllegalArgumentException("not an id: " + id);
    }
    return shell.runDirectory() + "/serve-" + id;
  }

  private static String section(String feature, String path) {
    return "[" + module(feature) + "]\npath = " + path + "\n";
  }

  /** Where a feature is served. Sidecars of other versions must find it by the same name. */
  static String module(String feature) {
    // Of this name alone rsyncd.conf has a section already. No feature has the other name.
    return feature.equals("global") ? "global_" : feature;
  }

  private static String config(String directory, String puller) {
    return """
        pid file = %1$s/rsyncd.pid
        lock file = %1$s/rsyncd.lock
        log file = %1$s/log
        secrets file = %1$s/secrets
        auth users = virtquorum
        hosts allow = %2$s
        hosts deny = *
        reverse lookup = no
        forward lookup = no
        uid = 0
        gid = 0
        read only = yes
        list = no
        use chroot = no
        munge symlinks = no
        numeric ids = yes
        max connections = 4
        timeout = 30
        exclude = /.virtquorum
        """
        .formatted(directory, puller);
  }
}
