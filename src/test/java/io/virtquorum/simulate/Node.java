package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;

/**
 * An entry of a file system. Immutable, but for what is derived.
 *
 * @see Volume
 */
final class Node {
  final long inode;
  final char type;
  final int mode;
  final long mtime;
  final long ctime;

  /** What is on the platter; of a file. */
  final Content content;

  /** What the OS wrote last; another than the content only after rot. */
  final Content written;

  /** Of a symbolic link. */
  final String target;

  /** The row's digest by what was written, and by what is on the platter; see {@link Truth}. */
  Digest digestWritten;

  Digest digestContent;

  Node(
      long inode,
      char type,
      int mode,
      long mtime,
      long ctime,
      Content content,
      Content written,
      String target) {
    this.inode = inode;
    this.type = type;
    this.mode = mode;
    this.mtime = mtime;
    this.ctime = ctime;
    this.content = content;
    this.written = written;
    this.target = target;
  }

  static Node file(long inode, int mode, long mtime, long ctime, Content content) {
    return new Node(inode, 'f', mode, mtime, ctime, content, content, "");
  }

  static Node directory(long inode, int mode, long time) {
    return new Node(inode, 'd', mode, time, time, null, null, "");
  }

  static Node link(long inode, long time, String target) {
    return new Node(inode, 'l', 0777, time, time, null, null, target);
  }

  boolean isDirectory() {
    return type == 'd';
  }

  boolean isFile() {
    return type == 'f';
  }

  long size() {
    return type == 'd' ? 4096 : type == 'l' ? target.length() : content.bytes.length;
  }

  Node touched(int newMode, long newMtime, long newCtime) {
    return new Node(inode, type, newMode, newMtime, newCtime, content, written, target);
  }

  /** With what is on the platter as what was written. */
  Node accepted() {
    return new Node(inode, type, mode, mtime, ctime, content, content, target);
  }

  Node rotted(Content rot) {
    return new Node(inode, type, mode, mtime, ctime, rot, written, target);
  }
}
