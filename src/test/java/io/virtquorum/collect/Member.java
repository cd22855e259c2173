package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.agent.DirectoryGuest;
import io.virtquorum.agent.GuestAgent;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A member of a test: real directories, no VM. */
public final class Member implements AutoCloseable {
  public static final Duration LIMIT = Duration.ofSeconds(60);
  public static final FingerprintKey KEY = new FingerprintKey("0123456789abcdef".getBytes(UTF_8));
  public static final CollectSettings AT_ONCE =
      new CollectSettings(20_000, Duration.ZERO, "/etc/fstab");

  public final Path home;
  public final DirectoryGuest guest;
  public final List<Tree> trees;
  private FileTrees fileTrees;

  /** With one tree, "site", in the home directory. */
  public Member(Path home) throws IOException {
    this(home, List.of(Tree.of("site", home.resolve("site").toString())));
  }

  public Member(Path home, List<Tree> trees) throws IOException {
    this.home = home;
    this.trees = trees;
    Files.createDirectories(home);
    for (Tree tree : trees) {
      Files.createDirectories(Path.of(tree.path()));
    }
    guest = new DirectoryGuest(home, "boot-1");
    restart();
  }

  /** A new sidecar for the same guest. */
  public FileTrees restart() {
    return restart(AT_ONCE);
  }

  public FileTrees restart(CollectSettings settings) {
    var shell = new Shell(guest, home.resolve("run").toString());
    fileTrees = new FileTrees(shell, KEY, trees, settings);
    return fileTrees;
  }

  public FileTrees files() {
    return fileTrees;
  }

  public Path path(String name) {
    return Path.of(trees.getFirst().path()).resolve(name);
  }

  public Member write(String name, String content) throws IOException {
    Files.createDirectories(path(name).getParent());
    Files.writeString(path(name), content);
    return this;
  }

  /** Runs a shell command in the first tree, as root. */
  public String sh(String command) throws Exception {
    var result =
        guest.run(
            GuestAgent.Exec.script(
                LIMIT, "cd \"$1\" || exit\n" + command, new byte[0], trees.getFirst().path()));
    if (!result.ok()) {
      throw new AssertionError(command + ": " + new String(result.error(), UTF_8));
    }
    return new String(result.output(), UTF_8);
  }

  public Snapshot quick() throws Exception {
    return fileTrees.quick(LIMIT);
  }

  public Snapshot audit() throws Exception {
    return fileTrees.audit(LIMIT);
  }

  /** Remembers what it holds. */
  public Snapshot remember(long tenure, long sequence) throws Exception {
    Snapshot snapshot = quick();
    fileTrees.remember(new Position(tenure, sequence), snapshot, LIMIT);
    return snapshot;
  }

  /** Makes all files' times lie well before any scan, so that their ctimes can be relied on. */
  public void settle() throws Exception {
    String newest =
        "/usr/bin/find . -path ./.virtquorum -prune -o -printf '%C@\\n' | sort -n | tail -1 | cut -d. -f1";
    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .pollInterval(Duration.ofMillis(200))
        .until(() -> System.currentTimeMillis() / 1000 > Long.parseLong(sh(newest).strip()) + 2);
  }

  @Override
  public void close() {
    guest.close();
  }
}
