package io.virtquorum.wire;

/** The largest of everything that passes between a member and its adjudicator. */
public final class WireLimits {
  /** Bytes in one message; both ends refuse more before they read it. */
  public static final int MESSAGE = 16 * 1024 * 1024;

  /** Changes named in a ballot; {@code changes_total} counts all of them. */
  public static final int CHANGES = 1_000;

  /** Rows in an offer: about 10 MiB at ordinary path lengths, so that {@link #MESSAGE} holds it. */
  public static final int ROWS = 100_000;

  /** Chars in a feature's name, as for any Kubernetes label. */
  public static final int FEATURE = 63;

  /** Features beside the files: 32 commands and three facts. */
  public static final int OUTPUTS = 35;

  /** Processes that still write into files that a repair replaced. */
  public static final int STALE = 20;

  /** What a member may say of its health at once. */
  public static final int AILMENTS = 8;

  /** Other members: fifteen in all at most. */
  public static final int PEERS = 16;

  /** Bytes in the path of an item: Linux's PATH_MAX. */
  public static final int ITEM = 4_096;

  /** Chars in a sentence for people. */
  public static final int SENTENCE = 1_024;

  /** Chars in an id, a reason, an address or a password. */
  public static final int WORD = 256;

  /**
   * Bytes on their way that nobody has read yet. Fixed, because a window that adapts itself asks
   * the other end with a ping for each beat, which costs a sidecar as much as the beat.
   */
  public static final int WINDOW = 1024 * 1024;

  private WireLimits() {}
}
