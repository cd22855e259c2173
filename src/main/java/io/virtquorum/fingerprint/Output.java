package io.virtquorum.fingerprint;

import java.util.List;

/**
 * What a member has of a feature that is no file: the output of a command, or a fact that the guest
 * tells about itself (design, rule 1). Immutable.
 *
 * @param digest equal where members have the same
 * @param words what people read: the fact, or why the command failed; empty: the digest must do
 * @param kind what may be done about a difference
 */
public record Output(Digest digest, String words, Kind kind) {
  /** What may be done about a difference. */
  public enum Kind {
    /** It is told. */
    COMPARED,
    /** It is voted on, and repaired by a command. */
    REPAIRABLE,
    /** The command did not end well, so nobody knows what the member has. */
    FAILED
  }

  /** For people: the words, or else the digest in short. */
  public String display() {
    return words.isEmpty() ? digest.brief() : words;
  }

  /** What a sample offers of a feature: one row. */
  public static Matrix matrix(String feature, Digest digest) {
    return Matrix.of(List.of(new Row(new RowKey(feature, "output"), digest)));
  }
}
