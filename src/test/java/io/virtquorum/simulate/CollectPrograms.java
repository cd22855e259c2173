package io.virtquorum.simulate;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.agent.GuestAgent.Result;
import io.virtquorum.simulate.SimulatedGuest.Place;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the scripts of package collect do in a simulated guest. For one thread. */
final class CollectPrograms {
  private static final String OWN = "/.virtquorum";

  private final SimulatedGuest guest;
  private final Map<String, Listing> listings = new HashMap<>();

  /** A listing of a tree, good as long as the tree's version is the same. */
  private record Listing(Volume volume, long version, byte[] bytes, String digest) {}

  CollectPrograms(SimulatedGuest guest) {
    this.guest = guest;
  }

  Result run(String program, List<String> arguments, byte[] input) {
    if (!Set.of("scan.sh", "get.sh", "hash.sh", "written.sh", "users.sh").contains(program)) {
      listings.keySet().removeIf(tree -> tree.contains(OWN));
      if (guest.sprung()) {
        return SimulatedGuest.ok(""); // nobody hears it
      }
    }
    if (guest.at(arguments.getFirst()).volume().isFailing()) {
      return failing(program, arguments.getFirst());
    }
    try {
      return switch (program) {
        case "tools.sh" -> tools(arguments.getFirst());
        case "directory.sh" -> directory(arguments.getFirst());
        case "drop.sh" -> drop(arguments.getFirst());
        case "get.sh" -> get(arguments);
        case "put.sh" -> put(arguments, input);
        case "hash.sh" -> hash(arguments, input);
        case "memory-commit.sh" -> commit(arguments.getFirst());
        case "memory-swap.sh" -> swap(arguments.getFirst());
        case "scan.sh" -> scan(arguments);
        case "written.sh" -> SimulatedGuest.ok(""); // nobody has files open or mapped
        case "users.sh" -> users(arguments);
        case "mkdir" -> {
          Place place = guest.at(arguments.getFirst());
          place.volume().makeDirectories(place.path(), 0700, guest.fileTime());
          yield SimulatedGuest.ok("");
        }
        case "rm" -> {
          Place place = guest.at(arguments.getFirst());
          place.volume().remove(place.path(), guest.fileTime());
          yield SimulatedGuest.ok("");
        }
        default -> throw new IllegalStateException(program);
      };
    } catch (Volume.NoRoom e) {
      return SimulatedGuest.trouble("GuestDiskFull", "No room left: " + e.getMessage());
    }
  }

  /** What cannot be read is left out of what is hashed; everything else says what the disk says. */
  static Result failing(String program, String what) {
    return program.equals("hash.sh") || program.equals("drop.sh")
        ? SimulatedGuest.ok("")
        : SimulatedGuest.trouble(
            "DiskFails", "A disk of the guest fails: " + what + ": Input/output error");
  }

  private Result tools(String run) {
    Place place = guest.at(run);
    place.volume().makeDirectories(place.path(), 0700, guest.fileTime());
    for (String path : List.copyOf(place.volume().below(place.path()).keySet())) {
      if (path.startsWith(place.path() + "/tmp.")) {
        place.volume().remove(path, guest.fileTime());
      }
    }
    StringBuilder out = new StringBuilder();
    for (String tool :
        List.of("find", "xargs", "sha256sum", "stat", "dd", "timeout", "sync", "rsync")) {
      out.append(tool).append("=/usr/bin/").append(tool).append('\n');
    }
    return SimulatedGuest.ok(out.toString());
  }

  private Result directory(String tree) {
    Place own = guest.at(tree + OWN);
    own.volume().makeDirectories(own.path(), 0700, guest.fileTime());
    return SimulatedGuest.ok("");
  }

  private Result drop(String tree) {
    Volume volume = guest.at(tree).volume();
    volume.sync();
    for (Volume mounted : guest.mounts.values()) {
      if (mounted.evictAll()) {
        guest.truth.held(guest);
      }
    }
    return SimulatedGuest.ok("dropped\n");
  }

  private Result get(List<String> arguments) {
    Place place = guest.at(arguments.get(0));
    Node node = place.volume().get(place.path());
    if (node == null || !node.isFile()) {
      return SimulatedGuest.ok("");
    }
    byte[] bytes = place.volume().read(node).bytes;
    int size = Integer.parseInt(arguments.get(2));
    int from = Math.min(bytes.length, Integer.parseInt(arguments.get(1)) * size);
    return SimulatedGuest.ok(Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + size)));
  }

  private Result put(List<String> arguments, byte[] input) {
    Place place = guest.at(arguments.get(0));
    if (!place.volume().exists(Volume.parent(place.path()))) {
      return SimulatedGuest.trouble("GuestDiskFull", arguments.get(0) + " cannot be written");
    }
    byte[] bytes = input;
    if (!arguments.get(1).equals("first")) {
      byte[] before = place.volume().get(place.path()).content.bytes;
      bytes = Arrays.copyOf(before, before.length + input.length);
      System.arraycopy(input, 0, bytes, before.length, input.length);
    }
    long time = guest.fileTime();
    place.volume().write(place.path(), new Content(bytes, Content.Origin.OWN), 0600, time, time);
    return SimulatedGuest.ok("");
  }

  private Result hash(List<String> arguments, byte[] input) {
    Place tree = guest.at(arguments.get(0));
    Volume volume = tree.volume();
    List<String> names = names(input);
    String how = arguments.get(2);
    if (how.equals("device")) {
      throw new IllegalStateException("the simulation has no devices");
    }
    if (Integer.parseInt(arguments.get(3)) > 16) {
      volume.sync();
    } else {
      for (String name : names) {
        volume.sync(join(tree.path(), name));
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(100 * names.size());
    for (String name : names) {
      Node node = volume.get(join(tree.path(), name));
      if (node != null && node.isFile()) {
        if (how.equals("uncached") && volume.evict(node)) {
          guest.truth.held(guest);
        }
        out.writeBytes((volume.read(node).sha() + "  ./" + name + "\0").getBytes(ISO_8859_1));
      }
    }
    return SimulatedGuest.ok(out.toByteArray());
  }

  private Result users(List<String> arguments) {
    Place own = guest.at(arguments.get(0) + OWN);
    long time = guest.fileTime();
    if (arguments.get(1).isEmpty()) {
      own.volume().remove(own.path() + "/users", time);
    } else {
      own.volume().makeDirectories(own.path(), 0700, time);
      Content words = Content.of(arguments.get(1) + "\n", Content.Origin.OWN);
      own.volume().write(own.path() + "/users", words, 0600, time, time);
      own.volume().sync(own.path() + "/users");
    }
    return SimulatedGuest.ok("");
  }

  private Result commit(String tree) {
    guest.at(tree).volume().sync();
    guest.truth.remembered(guest, tree);
    return SimulatedGuest.ok("");
  }

  private Result swap(String tree) {
    Place place = guest.at(tree + OWN);
    Volume volume = place.volume();
    String memory = place.path() + "/memory";
    if (volume.exists(memory + ".new")) {
      volume.move(memory + ".new", memory, guest.fileTime());
    } else if (!volume.exists(memory)) {
      return SimulatedGuest.trouble("Unreadable", tree + "/.virtquorum/memory cannot be renamed");
    }
    volume.sync();
    guest.truth.remembered(guest, tree);
    return SimulatedGuest.ok(mark(volume, memory) + "\n");
  }

  private static String mark(Volume volume, String memory) {
    Node node = volume.get(memory);
    return node == null
        ? "none"
        : node.inode + "-" + node.size() + "-" + Math.floorDiv(node.mtime, Timeline.SECOND);
  }

  private Result scan(List<String> arguments) {
    String tree = arguments.get(0);
    if (!arguments.get(4).equals("/dev/null")) {
      for (String point : guest.mounts.keySet()) {
        if ((tree + "/").startsWith(point + "/") && !guest.isMounted(point)) {
          return SimulatedGuest.trouble(
              "NotMounted", point + " is in /etc/fstab and not mounted; mount it");
        }
      }
    }
    Place place = guest.at(tree);
    if (place.volume().isReadOnly()
        && place.volume().exists(join(place.path(), ".virtquorum/memory"))) {
      return SimulatedGuest.trouble(
          "FileSystemReadOnly", tree + " is mounted read-only; mount it for writing");
    }
    Node root = place.volume().get(place.path());
    if (root == null) {
      return SimulatedGuest.trouble("PathMissing", tree + " does not exist in the guest");
    }
    if (!root.isDirectory()) {
      return SimulatedGuest.trouble("NotADirectory", tree + " is not a directory");
    }
    if (arguments.size() > 6) {
      throw new IllegalStateException("the simulation has no excludes");
    }
    Listing listing = listing(tree, place, tree.contains(OWN));
    String own = join(place.path(), ".virtquorum");
    String head =
        guest.seconds()
            + " "
            + place.volume().device()
            + " "
            + root.inode
            + " "
            + mark(place.volume(), own + "/memory")
            + (place.volume().exists(own + "/applying") ? " 1 " : " 0 ")
            + listing.bytes().length
            + " "
            + listing.digest()
            + "\n";
    if (listing.digest().equals(arguments.get(2))) {
      return SimulatedGuest.ok(head);
    }
    if (listing.bytes().length > Integer.parseInt(arguments.get(3))) {
      throw new IllegalStateException("the simulation has no such large trees");
    }
    byte[] out = Arrays.copyOf(head.getBytes(ISO_8859_1), head.length() + listing.bytes().length);
    System.arraycopy(listing.bytes(), 0, out, head.length(), listing.bytes().length);
    return SimulatedGuest.ok(out);
  }

  private Listing listing(String tree, Place place, boolean inside) {
    Volume volume = place.volume();
    long version = inside ? volume.version() : volume.treeVersion();
    Listing known = listings.get(tree);
    if (known != null && known.volume() == volume && known.version() == version) {
      return known;
    }
    StringBuilder out = new StringBuilder();
    line(out, "", volume.get(place.path()));
    int from = place.path().isEmpty() ? 0 : place.path().length() + 1;
    for (var entry : volume.below(place.path()).entrySet()) {
      String path = entry.getKey().substring(from);
      if (!Volume.isOwn(path)) {
        line(out, path, entry.getValue());
      }
    }
    byte[] bytes = out.toString().getBytes(ISO_8859_1);
    Listing listing = new Listing(volume, version, bytes, Content.sha(bytes));
    listings.put(tree, listing);
    return listing;
  }

  /** As find's {@code %y %m %U %G %s %i %T@ %C@ %P\0%l\0}. */
  private static void line(StringBuilder out, String path, Node node) {
    out.append(node.type).append(' ').append(Integer.toOctalString(node.mode)).append(" 0 0 ");
    out.append(node.size()).append(' ').append(node.inode).append(' ');
    time(out, node.mtime);
    time(out, node.ctime);
    out.append(path).append('\0').append(node.target).append('\0');
  }

  private static void time(StringBuilder out, long nanos) {
    out.append(Math.floorDiv(nanos, Timeline.SECOND)).append('.');
    String fraction = Long.toString(Math.floorMod(nanos, Timeline.SECOND) + Timeline.SECOND);
    out.append(fraction, 1, 10).append("0 ");
  }

  /** Names ended by NUL, without the "./" before each. */
  static List<String> names(byte[] input) {
    List<String> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < input.length; i++) {
      if (input[i] == 0) {
        names.add(new String(input, start + 2, i - start - 2, ISO_8859_1));
        start = i + 1;
      }
    }
    return names;
  }

  static String join(String directory, String name) {
    return directory.isEmpty() ? name : name.isEmpty() ? directory : directory + "/" + name;
  }
}
