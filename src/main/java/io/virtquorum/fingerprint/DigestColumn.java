package io.virtquorum.fingerprint;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * One member's digests of numbered rows, side by side in one array: what is compared row by row
 * among members without an object for each digest. A row that the member lacks is four zeros, which
 * no hash is but by a chance of 2^-256. Immutable; safe on any thread.
 */
public final class DigestColumn {
  private static final int WORDS = Digest.BYTES / Long.BYTES;
  private static final Digest ABSENT = new Digest(0, 0, 0, 0);
  private static final int BLOCK = Long.SIZE;

  private final long[] words;

  private DigestColumn(long[] words) {
    this.words = words;
  }

  /**
   * A column of this many rows.
   *
   * @param digests the digest of a row, or empty: the member lacks it
   */
  public static DigestColumn of(int rows, IntFunction<Optional<Digest>> digests) {
    long[] words = new long[Math.multiplyExact(rows, WORDS)];
    for (int row = 0, at = 0; row < rows; row++) {
      Digest digest = digests.apply(row).orElse(ABSENT);
      words[at++] = digest.a();
      words[at++] = digest.b();
      words[at++] = digest.c();
      words[at++] = digest.d();
    }
    return new DigestColumn(words);
  }

  /** How many rows it has, those that the member lacks included. */
  public int rows() {
    return words.length / WORDS;
  }

  /** The digest of a row, or empty if the member lacks it. */
  public Optional<Digest> digest(int row) {
    int at = row * WORDS;
    return Optional.of(new Digest(words[at], words[at + 1], words[at + 2], words[at + 3]))
        .filter(digest -> !digest.equals(ABSENT));
  }

  /**
   * 1 if both have the same digest of a row, or both lack it, and 0 if not: a number to count with,
   * because a processor cannot foresee which it is, and a branch would cost more than the rest.
   */
  public long agreement(int row, DigestColumn other) {
    return 1 - difference(other, row);
  }

  /**
   * The rows in which not all of the columns are the same; empty for fewer than two columns. Linear
   * time, one pass through the memory.
   *
   * @throws IllegalArgumentException if the columns are of different lengths
   */
  public static BitSet differing(List<DigestColumn> columns) {
    if (columns.isEmpty()) {
      return new BitSet();
    }
    DigestColumn first = columns.getFirst();
    int rows = first.rows();
    for (DigestColumn other : columns) {
      if (other.rows() != rows) {
        throw new IllegalArgumentException(
            "columns of " + rows + " and " + other.rows() + " rows cannot be compared");
      }
    }
    long[] found = new long[(rows + BLOCK - 1) / BLOCK];
    // A block of rows of one column stays in the nearest cache while the others are held against
    // it, and its answer is one word: no branch depends on the data.
    for (int block = 0; block < found.length; block++) {
      for (DigestColumn other : columns.subList(1, columns.size())) {
        found[block] |= first.differing(other, block * BLOCK, Math.min(rows, (block + 1) * BLOCK));
      }
    }
    return BitSet.valueOf(found);
  }

  private long differing(DigestColumn other, int from, int to) {
    long found = 0;
    for (int row = from; row < to; row++) {
      found |= difference(other, row) << (row - from);
    }
    return found;
  }

  private long difference(DigestColumn other, int row) {
    long[] mine = words;
    long[] theirs = other.words;
    int at = row * WORDS;
    long bits =
        (mine[at] ^ theirs[at])
            | (mine[at + 1] ^ theirs[at + 1])
            | (mine[at + 2] ^ theirs[at + 2])
            | (mine[at + 3] ^ theirs[at + 3]);
    return (bits | -bits) >>> (Long.SIZE - 1); // the sign of one of the two is set, unless it is 0
  }
}
