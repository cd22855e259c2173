package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.stream.Collectors;

/** The steps of a repair in one tree of the guest. For one thread. */
final class TreeRepair {
  private static final Script MAKE = new Script("mkdir", "umask 077; mkdir -p \"$1\"");
  private static final Script SETTLE = Script.of(TreeRepair.class, "settle.sh");
  private static final Script PREPARE = SETTLE.then(TreeRepair.class, "prepare.sh");
  private static final Script STAGE = Script.of(TreeRepair.class, "stage.sh");
  private static final Script APPLY = Script.of(TreeRepair.class, "apply.sh");
  private static final Script UNKEEP = Script.of(TreeRepair.class, "unkeep.sh");
  private static final Script FINISH = Script.of(TreeRepair.class, "finish.sh");
  private static final Script COMMAND = Script.of(TreeRepair.class, "command.sh");

  private final Shell shell;

  TreeRepair(Shell shell) {
    this.shell = shell;
  }

  /** Ends and removes what an earlier repair left. */
  void settle(Tree tree, Deadline deadline) throws GuestException, Trouble {
    shell.run(SETTLE, deadline, new byte[0], tree.path());
  }

  /**
   * Ends and removes what an earlier repair left, and finds a name for this one's archive entry: a
   * second repair must not replace what the first archived.
   */
  String entry(String wanted, List<Tree> trees, Deadline deadline) throws GuestException, Trouble {
    String name = wanted.replaceAll("[^A-Za-z0-9._-]", "-").replaceAll("^[.-]+", "");
    name = name.isEmpty() ? "repair" : name.substring(0, Math.min(100, name.length()));
    for (int i = 1; ; i++) {
      String entry = i == 1 ? name : name + "." + i;
      boolean free = true;
      for (Tree tree : trees) {
        free &= prepare(tree, entry, deadline);
      }
      if (free) {
        return entry;
      }
    }
  }

  /** False if the archive has the entry already. */
  private boolean prepare(Tree tree, String entry, Deadline deadline)
      throws GuestException, Trouble {
    return shell.run(PREPARE, deadline, new byte[0], tree.path(), entry).length == 0;
  }

  /** Fetches the wanted rows from the sample into the stage. */
  RsyncReport stage(
      Tree tree, Offer offer, NavigableMap<RowKey, Optional<Digest>> wanted, Deadline deadline)
      throws GuestException, Trouble {
    List<RowKey> fetch =
        wanted.entrySet().stream()
            .filter(row -> row.getValue().isPresent())
            .map(Map.Entry::getKey)
            .toList();
    shell.put(tree.own() + "/stage/fetch", names(fetch), deadline);
    byte[] said =
        shell.run(
            STAGE,
            deadline,
            new byte[0],
            Map.of("RSYNC_PASSWORD", offer.password()),
            tree.path(),
            url(offer, tree.name()),
            Long.toString(deadline.leftSeconds()),
            root(wanted));
    return RsyncReport.parse(Shell.text(said));
  }

  /** The rows that are staged. */
  FileTrees.Reading staged(FileTrees trees, Tree tree, Deadline deadline)
      throws GuestException, Trouble {
    return trees.read(Tree.of(tree.name(), tree.own() + "/stage/tree"), deadline.left());
  }

  /** Makes the archive's entry with its manifest. */
  void archive(Tree tree, String entry, byte[] manifest, Deadline deadline)
      throws GuestException, Trouble {
    String directory = directory(tree, entry);
    shell.run(MAKE, deadline, new byte[0], directory);
    shell.put(directory + "/manifest", manifest, deadline);
  }

  /**
   * Replaces and deletes, archiving; durable on return.
   *
   * @param staged what {@link #staged} said
   */
  void apply(
      Tree tree,
      String entry,
      NavigableMap<RowKey, Optional<Digest>> wanted,
      FileTrees.Reading staged,
      Deadline deadline)
      throws GuestException, Trouble {
    List<RowKey> coming = new ArrayList<>();
    List<RowKey> going = new ArrayList<>();
    wanted.forEach(
        (key, digest) -> {
          if (digest.isPresent()) {
            coming.add(key);
          } else if (!goesWithParent(key, wanted, staged)) {
            going.add(key);
          }
        });
    replace(tree, entry, coming, going, root(wanted), "stage/tree", deadline);
  }

  /** What a repair replaced. */
  FileTrees.Reading archived(FileTrees trees, Tree tree, String entry, Deadline deadline)
      throws GuestException, Trouble {
    return trees.read(Tree.of(tree.name(), directory(tree, entry) + "/files"), deadline.left());
  }

  /**
   * Makes rows what they were when a repair replaced them; what that replaces goes to an entry of
   * its own.
   *
   * @param rows empty: it was not there
   */
  void putBack(
      Tree tree,
      String entry,
      String other,
      NavigableMap<RowKey, Optional<Digest>> rows,
      Deadline deadline)
      throws GuestException, Trouble {
    Map<Boolean, List<RowKey>> there =
        rows.keySet().stream().collect(Collectors.partitioningBy(row -> rows.get(row).isPresent()));
    if (!there.get(true).isEmpty()) {
      String files = "archive/" + entry + "/files";
      replace(tree, other, there.get(true), List.of(), "0", files, deadline);
    }
    if (!there.get(false).isEmpty()) {
      replace(tree, other, List.of(), there.get(false), "0", "stage/gone", deadline);
    }
  }

  private void replace(
      Tree tree,
      String entry,
      Collection<RowKey> coming,
      Collection<RowKey> going,
      String root,
      String from,
      Deadline deadline)
      throws GuestException, Trouble {
    shell.put(tree.own() + "/stage/apply", names(coming), deadline);
    shell.put(tree.own() + "/stage/remove", names(going), deadline);
    shell.run(
        APPLY,
        deadline,
        new byte[0],
        tree.path(),
        entry,
        Long.toString(deadline.leftSeconds()),
        root,
        from);
  }

  /** Where an archive entry is. */
  static String directory(Tree tree, String entry) {
    return tree.own() + "/archive/" + entry;
  }

  /** True if a directory above a row is deleted or becomes something else: it goes with it. */
  private static boolean goesWithParent(
      RowKey key, NavigableMap<RowKey, Optional<Digest>> wanted, FileTrees.Reading staged) {
    for (RowKey at = Plan.parent(key); !at.item().isEmpty(); at = Plan.parent(at)) {
      Optional<Digest> above = wanted.get(at);
      if (above != null && (above.isEmpty() || !staged.isDirectory(at.item()))) {
        return true;
      }
    }
    return false;
  }

  /** Takes files out of an archive entry. */
  void unkeep(Tree tree, String entry, Collection<RowKey> rows, Deadline deadline)
      throws GuestException, Trouble {
    shell.put(tree.own() + "/stage/unkept", names(rows), deadline);
    shell.run(UNKEEP, deadline, new byte[0], tree.path(), entry);
  }

  /**
   * Removes the stage, and the archive entry of a repair that only added.
   *
   * @param half what a repair brought may be there in part: its journal stays
   */
  void finish(Tree tree, boolean half, Deadline deadline) throws GuestException, Trouble {
    shell.run(FINISH, deadline, new byte[0], tree.path(), half ? "half" : "");
  }

  /** Runs the tree's command for after a repair; a sentence if it failed. */
  Optional<String> afterRepair(Tree tree, long seconds, Deadline deadline) throws GuestException {
    if (tree.afterRepair().isEmpty()) {
      return Optional.empty();
    }
    var arguments = new ArrayList<>(List.of(Long.toString(seconds)));
    arguments.addAll(tree.afterRepair());
    try {
      shell.run(COMMAND, deadline, new byte[0], arguments.toArray(String[]::new));
      return Optional.empty();
    } catch (Trouble trouble) {
      return Optional.of(
          String.join(" ", tree.afterRepair())
              + " failed after the repair: "
              + trouble.getMessage());
    }
  }

  /** The root itself goes another way: naming it would make rsync take all that is in it. */
  private static byte[] names(Collection<RowKey> keys) {
    var bytes = new ByteArrayOutputStream();
    for (RowKey key : keys) {
      if (!key.item().isEmpty()) {
        // rsync takes a name that begins with # or ; for a comment
        bytes.writeBytes(("./" + key.item() + "\0").getBytes(ISO_8859_1));
      }
    }
    return bytes.toByteArray();
  }

  private static String root(NavigableMap<RowKey, Optional<Digest>> wanted) {
    return !wanted.isEmpty() && wanted.firstKey().item().isEmpty() ? "1" : "0";
  }

  /** Where a sample serves a feature. */
  static String url(Offer offer, String feature) {
    String host = offer.address().contains(":") ? "[" + offer.address() + "]" : offer.address();
    String module = SampleServer.module(feature);
    return "rsync://virtquorum@" + host + ":" + offer.port() + "/" + module + "/";
  }
}
