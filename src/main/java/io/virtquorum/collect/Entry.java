package io.virtquorum.collect;

/**
 * One line of a tree's listing: what the guest's file system says of an entry, without its content.
 *
 * @param path below the tree, a Latin-1 view of its bytes; the root is the empty string
 * @param type as find's {@code %y}: f, d, l, p, s, b, c
 * @param mode permission bits, octal digits
 * @param size in bytes
 * @param mtime nanoseconds of the guest's clock since 1970
 * @param ctime the same, of the last change of content or attributes
 * @param target of a symbolic link, else empty
 */
public record Entry(
    String path,
    char type,
    String mode,
    long uid,
    long gid,
    long size,
    long inode,
    long mtime,
    long ctime,
    String target) {
  /** True for a regular file. */
  public boolean isFile() {
    return type == 'f';
  }

  /** True for a directory. */
  public boolean isDirectory() {
    return type == 'd';
  }

  /** True if a digest needs more than the listing. */
  boolean hasContent() {
    return type == 'f' || type == 'b' || type == 'c';
  }

  /**
   * True if nothing wrote to one of two listings' entries since the other: their ctimes and paths
   * may differ, because a link or a rename changes those.
   */
  public boolean isSameAs(Entry other) {
    return type == other.type
        && mode.equals(other.mode)
        && uid == other.uid
        && gid == other.gid
        && size == other.size
        && inode == other.inode
        && mtime == other.mtime
        && target.equals(other.target);
  }
}
