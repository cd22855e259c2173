package io.virtquorum.guest;

import java.util.List;
import java.util.regex.Pattern;

/**
 * A file tree of a member: one feature of the main unit.
 *
 * <p>Never part of it: {@code .virtquorum} at its root, what an exclude matches (with all below),
 * and other file systems mounted below it (of those only the mount point itself is a row).
 *
 * @param name the feature's name: 1 to 63 of {@code a-z 0-9 -}
 * @param path absolute, in the guest
 * @param excludes shell patterns ({@code * ? [abc]}, where {@code *} also matches slashes and
 *     leading dots). Without a slash a pattern is compared with the last part of a path, else with
 *     the whole path from the tree's root; a slash at its start or end only says which of the two.
 * @param afterRepair program and arguments to run after files of it were replaced; may be empty
 * @param quiesce program and arguments that make its files hold still; may be empty
 * @param quiesceUnits units of systemd that stand still meanwhile; may be empty
 */
public record Tree(
    String name,
    String path,
    List<String> excludes,
    List<String> afterRepair,
    List<String> quiesce,
    List<String> quiesceUnits) {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  /**
   * @throws IllegalArgumentException if the name or path is none
   */
  public Tree {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a feature's name: " + name);
    }
    if (!path.startsWith("/") || path.indexOf('\0') >= 0 || path.indexOf('\n') >= 0) {
      throw new IllegalArgumentException("not an absolute path: " + path);
    }
    excludes = List.copyOf(excludes);
    afterRepair = List.copyOf(afterRepair);
    quiesce = List.copyOf(quiesce);
    quiesceUnits = List.copyOf(quiesceUnits);
  }

  /** True if something keeps its writers still. */
  public boolean canQuiesce() {
    return !quiesce.isEmpty() || !quiesceUnits.isEmpty();
  }

  /** No unit of which stands still. */
  public Tree(
      String name,
      String path,
      List<String> excludes,
      List<String> afterRepair,
      List<String> quiesce) {
    this(name, path, excludes, afterRepair, quiesce, List.of());
  }

  /** A tree without excludes and commands. */
  public static Tree of(String name, String path) {
    return new Tree(name, path, List.of(), List.of(), List.of());
  }

  /** The directory for VirtQuorum's own files, on the tree's file system. */
  public String own() {
    return (path.endsWith("/") ? path : path + "/") + ".virtquorum";
  }
}
