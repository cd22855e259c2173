package io.virtquorum.simulate;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/** The bytes of a file, and how they came to be. Copies of a file share one. */
final class Content {
  /** Where bytes come from. */
  enum Origin {
    /** There from the beginning. */
    IMAGE,
    /** A user wrote them. */
    USER,
    /** Software in the guest wrote them. */
    JOB,
    /** VirtQuorum's own files. */
    OWN,
    /** The disk lost what was written. */
    ROT,
    /** A power cut left a part of what was written. */
    TORN
  }

  final byte[] bytes;
  final Origin origin;

  /** On a disk's platter, or was until VirtQuorum took it away: no power cut may take the last. */
  boolean wasDurable;

  /** The same of a place in a tree, where users see it. */
  boolean wasLive;

  /** Part of a state that was committed. */
  boolean committed;

  /** Seen on a disk outside of VirtQuorum's own directory, as what somebody wrote. */
  boolean held;

  /** Replaced or removed by a user, or by software on the member that users were led to. */
  boolean superseded;

  /** Its last copy was taken away by somebody or something other than VirtQuorum. */
  boolean released;

  /** Its last copy in a tree was taken away so; there may be some in archives. */
  boolean archived;

  /** Written by a user whom nobody can know of. */
  boolean unseen;

  /** The member that users are not led to on which a user wrote it whom no sidecar saw yet. */
  String unseenOn;

  /** Rot that the member's memory was able to tell from a write when it happened. */
  boolean detectable;

  private String sha;
  private Object meaning;

  Content(byte[] bytes, Origin origin) {
    this.bytes = bytes;
    this.origin = origin;
  }

  /**
   * True if a disk lost what was written.
   *
   * @param content null: there is none
   */
  static boolean isRot(Content content) {
    return content != null && content.origin == Origin.ROT;
  }

  static Content of(String text, Origin origin) {
    return new Content(text.getBytes(StandardCharsets.ISO_8859_1), origin);
  }

  /** As sha256sum prints it. */
  String sha() {
    if (sha == null) {
      sha = sha(bytes);
    }
    return sha;
  }

  /** A file of VirtQuorum's own that is whole only with these bytes. */
  static Content own(byte[] bytes, Object meaning) {
    Content content = new Content(bytes, Origin.OWN);
    content.meaning = meaning;
    return content;
  }

  /** What it says if it is such a file, and whole. */
  <T> Optional<T> as(Class<T> kind) {
    return kind.isInstance(meaning) ? Optional.of(kind.cast(meaning)) : Optional.empty();
  }

  /** What it says if it is a memory file. */
  Optional<MemoryFile> memory() {
    return as(MemoryFile.class);
  }

  static String sha(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  String text() {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @Override
  public String toString() {
    return origin + ":" + (bytes.length > 40 ? text().substring(0, 40) + "..." : text());
  }
}
