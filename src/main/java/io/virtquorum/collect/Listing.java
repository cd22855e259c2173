package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One look at a tree's metadata.
 *
 * @param seconds the guest's clock before it began
 * @param device that the tree's root is on
 * @param memoryMark changes when the memory file does; "none" without one
 * @param interrupted a repair was begun and not ended
 * @param digest of the listing's bytes
 * @param entries empty if the digest is the one that the caller knew
 */
record Listing(
    long seconds,
    long device,
    String memoryMark,
    boolean interrupted,
    String digest,
    Optional<List<Entry>> entries) {
  private static final Script SCAN =
      Script.of(Listing.class, "look.sh").then(Listing.class, "scan.sh");
  private static final Script REMOVE = new Script("rm", "rm -f \"$1\"");
  private static final int INLINE = Shell.PIECE;

  /** Lists trees. Stateless apart from the shell. */
  record Reader(Shell shell, String fstab) {
    /**
     * @param known the digest of the listing that the caller has; may be empty
     * @param device on which the tree was at the last look; 0: there was none
     * @param most entries that are accepted
     */
    Listing read(Tree tree, String known, long device, int most, Deadline deadline)
        throws GuestException, Trouble {
      String file = shell.fresh("list.");
      List<String> arguments =
          new ArrayList<>(
              List.of(
                  tree.path(),
                  file,
                  known,
                  Integer.toString(INLINE),
                  fstab,
                  Long.toString(device)));
      arguments.addAll(expression(tree));
      byte[] output = shell.run(SCAN, deadline, new byte[0], arguments.toArray(String[]::new));
      int end = 0;
      while (output[end] != '\n') {
        end++;
      }
      String[] words = new String(output, 0, end, ISO_8859_1).split(" ");
      String digest = words[6];
      Optional<List<Entry>> entries = Optional.empty();
      if (!digest.equals(known)) {
        entries =
            Optional.of(
                entries(tree, file, Long.parseLong(words[5]), output, end + 1, most, deadline));
      }
      return new Listing(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          words[3],
          words[4].equals("1"),
          digest,
          entries);
    }

    private List<Entry> entries(
        Tree tree, String file, long size, byte[] output, int from, int most, Deadline deadline)
        throws GuestException, Trouble {
      List<Entry> found = new ArrayList<>();
      var parser = new ListingParser(found::add);
      try {
        if (size <= INLINE) {
          parser.feed(output, from, output.length);
        } else {
          try {
            shell.get(
                file,
                deadline,
                piece -> {
                  parser.feed(piece, 0, piece.length);
                  atMost(tree, found, most);
                });
          } finally {
            shell.run(REMOVE, deadline, new byte[0], file);
          }
        }
        parser.end();
      } catch (IllegalArgumentException e) {
        throw new Trouble(
            Trouble.Reason.GuestCommandFailed,
            "The listing of " + tree.path() + " cannot be read: " + e.getMessage());
      }
      atMost(tree, found, most);
      return found;
    }

    private static void atMost(Tree tree, List<Entry> found, int most) throws Trouble {
      if (found.size() > most) {
        throw new Trouble(
            Trouble.Reason.TreeTooLarge,
            tree.path()
                + " brings the member's trees above the "
                + "limit of entries; exclude what need not be equal");
      }
    }
  }

  /** The excludes as a tail of find's expression: the matching is find's, here and everywhere. */
  private static List<String> expression(Tree tree) {
    List<String> words = new ArrayList<>();
    for (String exclude : tree.excludes()) {
      String pattern = exclude.endsWith("/") ? exclude.substring(0, exclude.length() - 1) : exclude;
      if (pattern.isEmpty()) {
        continue;
      }
      boolean whole = exclude.indexOf('/') >= 0;
      words.add("-o");
      words.add(whole ? "-path" : "-name");
      words.add(whole ? (pattern.startsWith("/") ? "." : "./") + pattern : pattern);
    }
    return words;
  }
}
