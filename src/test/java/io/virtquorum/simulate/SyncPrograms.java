package io.virtquorum.simulate;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.agent.GuestAgent.Result;
import io.virtquorum.simulate.SimulatedGuest.Place;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What the scripts of package sync do in a simulated guest, and the rsync that they run: its exit
 * codes, its order, its backups. For one thread; stage and apply are called by a process of the
 * guest.
 */
final class SyncPrograms {
  private static final long CONNECT = 2 * Timeline.MILLISECOND;

  private final SimulatedGuest guest;

  SyncPrograms(SimulatedGuest guest) {
    this.guest = guest;
  }

  Result run(String program, List<String> arguments, byte[] input) {
    if (guest.sprung()) {
      return SimulatedGuest.ok(""); // nobody hears it
    }
    if (program.matches("(prepare|settle|finish|unkeep|archive-.*)\\.sh")) {
      Volume volume = own(arguments.get(0)).volume();
      if (volume.isFailing()) {
        return CollectPrograms.failing(program, arguments.get(0));
      }
      if (volume.isReadOnly() && program.matches("(settle|finish)\\.sh")) {
        return SimulatedGuest.ok(
            ""); // where nothing can be written, nothing can be replaced either
      }
    }
    try {
      return switch (program) {
        case "prepare.sh" -> prepare(own(arguments.get(0)), arguments.get(0), arguments.get(1));
        case "settle.sh" -> settle(own(arguments.get(0)), arguments.get(0));
        case "finish.sh" -> finish(own(arguments.get(0)), !arguments.get(1).isEmpty());
        case "reach.sh" -> reach(arguments);
        case "serve.sh" -> serve(arguments, input);
        case "stop.sh" -> stop(arguments);
        case "unkeep.sh" -> unkeep(own(arguments.get(0)), arguments.get(0), arguments.get(1));
        case "archive-list.sh" -> list(own(arguments.get(0)));
        case "archive-remove.sh" -> {
          Place own = own(arguments.get(0));
          String entry = own.path() + "/archive/" + arguments.get(1);
          guest.truth.repairs.pruning(guest, own.volume(), entry);
          own.volume().remove(entry, guest.fileTime());
          yield SimulatedGuest.ok("");
        }
        default -> throw new IllegalStateException(program);
      };
    } catch (Volume.NoRoom e) {
      return SimulatedGuest.trouble("GuestDiskFull", "No room left: " + e.getMessage());
    }
  }

  private Place own(String tree) {
    return guest.at(tree + "/.virtquorum");
  }

  private Result prepare(Place own, String tree, String entry) {
    Volume volume = own.volume();
    long time = guest.fileTime();
    settle(own, tree);
    volume.makeDirectories(own.path() + "/stage", 0700, time);
    volume.makeDirectories(own.path() + "/tmp", 0700, time);
    volume.makeDirectories(own.path() + "/archive", 0700, time);
    return SimulatedGuest.ok(volume.exists(own.path() + "/archive/" + entry) ? "taken\n" : "");
  }

  private Result settle(Place own, String tree) {
    Timeline.Task earlier = guest.rsyncs.remove(tree);
    if (earlier != null) {
      earlier.kill();
    }
    for (String name : List.of("stage", "tmp", "pid")) {
      own.volume().remove(own.path() + "/" + name, guest.fileTime());
    }
    return SimulatedGuest.ok("");
  }

  private Result finish(Place own, boolean half) {
    Volume volume = own.volume();
    if (volume.exists(own.path())) {
      Node journal = volume.get(own.path() + "/applying");
      if (journal != null) {
        forget(volume, own.path() + "/archive/" + journal.content.text().strip());
      }
      for (String name : List.of("stage", "tmp", "pid", "applying")) {
        if (!half || !name.equals("applying")) {
          volume.remove(own.path() + "/" + name, guest.fileTime());
        }
      }
      volume.sync();
    }
    return SimulatedGuest.ok("");
  }

  /** An archive entry goes if nothing old is in it. */
  private void forget(Volume volume, String entry) {
    Node manifest = volume.get(entry + "/manifest");
    boolean old =
        manifest != null
            && manifest
                .content
                .text()
                .lines()
                .anyMatch(line -> line.matches("(-|user) (replaced|deleted|moved|superseded) .*"));
    if (!old && volume.below(entry + "/files").isEmpty()) {
      volume.remove(entry, guest.fileTime());
    }
  }

  private Result unkeep(Place own, String tree, String entry) {
    Volume volume = own.volume();
    Node list = volume.get(own.path() + "/stage/unkept");
    for (String name :
        list == null ? List.<String>of() : CollectPrograms.names(list.content.bytes)) {
      String path = own.path() + "/archive/" + entry + "/files/" + name;
      if (volume.exists(path)) {
        guest.truth.repairs.unkept(guest, tree, name, volume.get(path));
        volume.remove(path, guest.fileTime());
      }
    }
    return SimulatedGuest.ok("");
  }

  private Result list(Place own) {
    Volume volume = own.volume();
    String archive = own.path() + "/archive";
    if (!volume.exists(archive)) {
      return SimulatedGuest.ok("");
    }
    StringBuilder out = new StringBuilder();
    for (var entry : volume.below(archive).entrySet()) {
      String name = entry.getKey().substring(archive.length() + 1);
      if (name.indexOf('/') < 0 && entry.getValue().isDirectory()) {
        long size =
            volume.below(entry.getKey()).values().stream().mapToLong(Node::size).sum() + 4096;
        Node manifest = volume.get(entry.getKey() + "/manifest");
        String first =
            manifest == null ? "" : manifest.content.text().lines().findFirst().orElse("");
        out.append(name).append('\n').append((size + 1023) / 1024).append('\n');
        out.append(first).append('\n');
      }
    }
    return SimulatedGuest.ok(out.toString());
  }

  private Result serve(List<String> arguments, byte[] input) {
    String directory = arguments.get(0);
    String allowed = "";
    String password = "";
    Map<String, String> modules = new HashMap<>();
    String module = "";
    for (String line : new String(input, ISO_8859_1).split("\n")) {
      if (line.startsWith("hosts allow = ")) {
        allowed = line.substring(14);
      } else if (line.startsWith("[")) {
        module = line.substring(1, line.length() - 1);
      } else if (line.startsWith("path = ")) {
        modules.put(module, line.substring(7));
      } else if (line.startsWith("virtquorum:")) {
        password = line.substring(11);
      }
    }
    int port = Integer.parseInt(arguments.get(2));
    long until = guest.timeline.now() + Long.parseLong(arguments.get(3)) * Timeline.SECOND;
    if (!arguments.get(1).equals(guest.address) || !guest.hasAddress()) {
      return SimulatedGuest.trouble(
          "GuestCommandFailed", "The rsync daemon ended at once: cannot assign the address");
    }
    guest.daemons.removeIf(d -> d.directory().equals(directory));
    if (guest.daemons.stream().anyMatch(d -> d.port() == port)) {
      return SimulatedGuest.ok("taken\n");
    }
    guest.daemons.add(
        new SyncNetwork.Daemon(guest, directory, port, password, allowed, modules, until));
    return SimulatedGuest.ok("listening\n");
  }

  private Result reach(List<String> arguments) {
    return SimulatedGuest.ok(
        arguments.stream()
            .skip(2)
            .filter(peer -> !guest.network.passes(guest.address, peer))
            .map(peer -> peer + "\n")
            .collect(Collectors.joining()));
  }

  private Result stop(List<String> directories) {
    guest.daemons.removeIf(d -> directories.contains(d.directory()));
    return SimulatedGuest.ok("");
  }

  // rsync

  /** An rsync that ended badly. */
  private static final class Exit extends RuntimeException {
    final int code;

    Exit(int code, String message) {
      super(message, null, false, false);
      this.code = code;
    }
  }

  /** Where a fetch reads from. */
  private record Source(SimulatedGuest sample, Place tree, SyncNetwork.Daemon daemon) {}

  Result stage(List<String> arguments, String password) {
    String tree = arguments.get(0);
    Place own = own(tree);
    Volume volume = own.volume();
    String stage = own.path() + "/stage";
    long seconds = Long.parseLong(arguments.get(2));
    long end = guest.timeline.now() + seconds * Timeline.SECOND;
    StringBuilder said = new StringBuilder();
    try {
      volume.makeDirectories(stage + "/tree", 0700, guest.fileTime());
      Node list = volume.get(stage + "/fetch");
      List<String> names = list == null ? List.of() : CollectPrograms.names(list.content.bytes);
      if (!names.isEmpty()) {
        Source source = connect(arguments.get(1), password, end);
        long need = 2 * sizes(source, names) + (1 << 20);
        if (need > volume.free()) {
          return SimulatedGuest.ok("room " + need + " " + volume.free() + "\n");
        }
        source = connect(arguments.get(1), password, end);
        long bytes = fetch(source, names, volume, stage + "/tree", end);
        said.append("Total transferred file size: ").append(bytes).append(" bytes\n");
        said.append("Total bytes sent: ").append(50 + 20 * names.size()).append('\n');
        said.append("Total bytes received: ").append(bytes + 80).append('\n');
      }
      if (arguments.get(3).equals("1")) {
        Source source = connect(arguments.get(1), password, end);
        Node root = source.tree().volume().get(source.tree().path());
        if (root == null) {
          throw new Exit(23, "rsync: change_dir failed: No such file or directory (2)");
        }
        volume.attributes(stage + "/tree", root.mode, root.mtime, guest.fileTime());
        said.append("Total bytes sent: 60\nTotal bytes received: 90\n");
      }
    } catch (Exit exit) {
      return SimulatedGuest.ok("exit " + exit.code + "\n" + exit.getMessage());
    } catch (Volume.NoRoom e) {
      return SimulatedGuest.ok("exit 11\nrsync: write failed: " + e.getMessage() + " (28)");
    }
    return SimulatedGuest.ok(said + "exit 0\n");
  }

  /** rsync://virtquorum@HOST:PORT/MODULE/ */
  private Source connect(String url, String password, long end) {
    String[] parts = url.substring(url.indexOf('@') + 1).split("[:/]");
    String host = parts[0];
    pass(host, 10, 35, end);
    guest.work(CONNECT + guest.network.delay(guest.address, host));
    pass(host, 10, 35, end);
    SimulatedGuest sample = guest.network.guest(host);
    long now = guest.timeline.now();
    sample.daemons.removeIf(d -> d.until() <= now);
    SyncNetwork.Daemon daemon =
        sample.daemons.stream()
            .filter(d -> d.port() == Integer.parseInt(parts[1]))
            .findFirst()
            .orElseThrow(() -> new Exit(10, "rsync: failed to connect: Connection refused (111)"));
    sample.people.opened();
    if (!daemon.puller().equals(guest.address)) {
      throw new Exit(5, "@ERROR: access denied to " + parts[2]);
    }
    if (!daemon.password().equals(password)) {
      throw new Exit(5, "@ERROR: auth failed on module " + parts[2]);
    }
    return new Source(sample, sample.at(daemon.modules().get(parts[2])), daemon);
  }

  /** Waits for a network that is cut until the time-out, or goes on at once. */
  private void pass(String host, long timeout, int code, long end) {
    long since = guest.timeline.now();
    while (!guest.network.passes(guest.address, host)
        || guest.network.guest(host).hindrances.hangs()) {
      if (guest.timeline.now() - since >= timeout * Timeline.SECOND) {
        throw new Exit(code, "rsync error: timeout waiting for daemon");
      }
      guest.work(Timeline.SECOND);
    }
    if (guest.timeline.now() >= end) {
      throw new Exit(124, "");
    }
  }

  private static long sizes(Source source, List<String> names) {
    long size = 0;
    for (String name : names) {
      Node node = source.tree().volume().get(CollectPrograms.join(source.tree().path(), name));
      size += node != null && node.isFile() ? node.size() : 0;
    }
    return size;
  }

  private long fetch(Source source, List<String> names, Volume into, String stage, long end) {
    Volume theirs = source.tree().volume();
    String root = source.tree().path();
    long bytes = 0;
    boolean missing = false;
    for (String name : new TreeSet<>(names)) {
      guest.work(guest.copying() + guest.network.delay(guest.address, source.sample().address));
      pass(source.sample().address, 20, 30, end);
      if (!source.sample().daemons.contains(source.daemon())) {
        throw new Exit(12, "rsync: connection unexpectedly closed");
      }
      Node node = theirs.get(CollectPrograms.join(root, name));
      if (node == null || theirs.isFailing()) {
        missing = true;
        continue;
      }
      for (String parent : parents(name)) {
        Node directory = theirs.get(CollectPrograms.join(root, parent));
        if (directory != null && directory.isDirectory()) {
          put(into, stage + "/" + parent, directory, null);
        }
      }
      put(into, stage + "/" + name, node, node.isFile() ? theirs.read(node) : null);
      bytes += node.isFile() ? node.size() : 0;
    }
    if (missing) {
      throw new Exit(23, "rsync: link_stat failed: No such file or directory (2)");
    }
    return bytes;
  }

  /** Writes an entry as rsync does: beside, then renamed into place. */
  private void put(Volume volume, String path, Node like, Content content) {
    long time = guest.fileTime();
    Node old = volume.get(path);
    if (like.isDirectory()) {
      if (old == null) {
        volume.create(path, Node.directory(volume.inode(), like.mode, like.mtime), time);
      }
      volume.attributes(path, like.mode, like.mtime, time);
    } else if (like.type == 'l') {
      volume.create(path, Node.link(volume.inode(), time, like.target), time);
    } else {
      Node node = Node.file(volume.inode(), like.mode, like.mtime, time, content);
      volume.unsynced(node.inode);
      volume.create(path, node, time);
    }
  }

  private static List<String> parents(String name) {
    List<String> parents = new ArrayList<>();
    for (int i = name.indexOf('/'); i >= 0; i = name.indexOf('/', i + 1)) {
      parents.add(name.substring(0, i));
    }
    return parents;
  }

  /**
   * @param asked when the sidecar asked for it
   */
  Result apply(List<String> arguments, long asked) {
    String tree = arguments.get(0);
    String entry = arguments.get(1);
    Place own = own(tree);
    Volume volume = own.volume();
    String base = own.path();
    if (!volume.exists(base + "/stage/apply")) {
      return SimulatedGuest.trouble("GuestCommandFailed", "This repair was given up meanwhile");
    }
    try {
      long time = guest.fileTime();
      volume.makeDirectories(base + "/archive/" + entry + "/files", 0700, time);
      volume.write(
          base + "/applying", Content.of(entry + "\n", Content.Origin.OWN), 0600, time, time);
      step();
      volume.sync();
      TreeSet<String> names = new TreeSet<>();
      for (String list : List.of("remove", "apply")) {
        Node named = volume.get(base + "/stage/" + list);
        if (named != null) {
          names.addAll(CollectPrograms.names(named.content.bytes));
        }
      }
      guest.truth.repairs.begins(guest);
      String from = base + "/" + arguments.get(4);
      String archive = base + "/archive/" + entry + "/files";
      replace(tree, volume, from, archive, names, asked);
      if (arguments.get(3).equals("1")) {
        Node staged = volume.get(base + "/stage/tree");
        Place root = guest.at(tree);
        if (staged == null) {
          return SimulatedGuest.trouble("Unreadable", "The attributes cannot be set");
        }
        Node live = root.volume().get(root.path());
        root.volume().attributes(root.path(), staged.mode, live.mtime, guest.fileTime());
        guest.truth.applied(guest);
      }
      step();
      volume.sync();
      return SimulatedGuest.ok("");
    } catch (Volume.NoRoom e) {
      return SimulatedGuest.trouble("GuestDiskFull", "No room left while replacing files");
    }
  }

  /** A crash between two steps of a repair leaves what was done. */
  private void step() {
    guest.work(guest.copying());
    if (guest.sprung()) {
      guest.timeline.sleep(Timeline.SECOND); // this process is dead and never goes on
    }
  }

  private void replace(
      String tree, Volume volume, String stage, String archive, TreeSet<String> names, long asked) {
    String root = guest.at(tree).path();
    // The list is made before anything is done: what is missing then is to be deleted.
    Set<String> missing = new HashSet<>();
    for (String name : names) {
      if (!volume.exists(stage + "/" + name)) {
        missing.add(name);
      }
    }
    for (String name : names) {
      step();
      String path = CollectPrograms.join(root, name);
      Node old = volume.get(path);
      Node staged = volume.get(stage + "/" + name);
      if (missing.contains(name)) {
        if (old != null) {
          backUp(volume, path, archive, name);
          guest.truth.promises.changes(guest, name, asked);
          guest.truth.replaced(guest, tree, name, old, null);
          remove(volume, path);
          guest.truth.applied(guest);
        }
        continue;
      }
      if (staged == null) {
        continue; // vanished meanwhile: rsync says so and goes on
      }
      if (old != null && (old.type != staged.type || !old.isDirectory())) {
        backUp(volume, path, archive, name);
      }
      guest.truth.promises.changes(guest, name, asked);
      guest.truth.replaced(guest, tree, name, old, staged.isFile() ? volume.read(staged) : null);
      if (old != null && old.type != staged.type) {
        remove(volume, path);
      }
      if (volume.exists(Volume.parent(path))) {
        put(volume, path, staged, staged.isFile() ? volume.read(staged) : null);
      }
      guest.truth.applied(guest);
    }
    guest.truth.applied(guest);
  }

  private void remove(Volume volume, String path) {
    volume.remove(path, guest.fileTime());
  }

  /** The old version, with all below it, is linked into the archive before it goes. */
  private void backUp(Volume volume, String path, String archive, String name) {
    long time = guest.fileTime();
    List<String> paths = new ArrayList<>(List.of(path));
    paths.addAll(volume.below(path).keySet());
    for (String one : paths) {
      Node node = volume.get(one);
      if (!node.isDirectory()) {
        String to = archive + "/" + name + one.substring(path.length());
        volume.makeDirectories(Volume.parent(to), 0700, time);
        // rsync links first; the entry in the archive is the same file then.
        volume.create(to, node, time);
      }
    }
  }
}
