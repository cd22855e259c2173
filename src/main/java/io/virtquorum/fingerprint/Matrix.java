package io.virtquorum.fingerprint;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * The fingerprint matrix of one unit of one member: its rows in order, and their root. Two members
 * are equal exactly when their roots are. Immutable; safe on any thread.
 */
public final class Matrix {
  /** Enough for a row with a path of usual length. */
  private static final int USUAL = 256;

  private final List<Row> rows;
  private final Digest root;

  private Matrix(List<Row> rows) {
    this.rows = rows;
    this.root = hash(rows);
  }

  /**
   * Sorts the rows and hashes them.
   *
   * @throws IllegalArgumentException if two rows have one key
   */
  public static Matrix of(Collection<Row> rows) {
    List<Row> sorted = new ArrayList<>(rows);
    sorted.sort((x, y) -> x.key().compareTo(y.key()));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i).key().equals(sorted.get(i - 1).key())) {
        throw new IllegalArgumentException("two rows for " + sorted.get(i).key());
      }
    }
    return new Matrix(Collections.unmodifiableList(sorted));
  }

  /** The rows in the order of their keys. */
  public List<Row> rows() {
    return rows;
  }

  /** The hash of the rows. */
  public Digest root() {
    return root;
  }

  /** The digest of a row, or empty if there is none; logarithmic time. */
  public Optional<Digest> digest(RowKey key) {
    int low = 0;
    int high = rows.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = rows.get(middle).key().compareTo(key);
      if (order == 0) {
        return Optional.of(rows.get(middle).digest());
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return Optional.empty();
  }

  /** What differs between this matrix and another, in the order of the keys; linear time. */
  public List<Difference> differences(Matrix other) {
    List<Difference> found = new ArrayList<>();
    int i = 0;
    int j = 0;
    while (i < rows.size() || j < other.rows.size()) {
      Row mine = i < rows.size() ? rows.get(i) : null;
      Row theirs = j < other.rows.size() ? other.rows.get(j) : null;
      int order = mine == null ? 1 : theirs == null ? -1 : mine.key().compareTo(theirs.key());
      if (order < 0) {
        found.add(new Difference(mine.key(), Optional.of(mine.digest()), Optional.empty()));
        i++;
      } else if (order > 0) {
        found.add(new Difference(theirs.key(), Optional.empty(), Optional.of(theirs.digest())));
        j++;
      } else {
        if (!mine.digest().equals(theirs.digest())) {
          found.add(
              new Difference(mine.key(), Optional.of(mine.digest()), Optional.of(theirs.digest())));
        }
        i++;
        j++;
      }
    }
    return found;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Matrix matrix && root.equals(matrix.root);
  }

  @Override
  public int hashCode() {
    return root.hashCode();
  }

  @Override
  public String toString() {
    return root.brief() + " (" + rows.size() + " rows)";
  }

  private static Digest hash(List<Row> rows) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      ByteBuffer text = ByteBuffer.allocate(USUAL);
      for (Row row : rows) {
        byte[] feature = row.key().feature().getBytes(StandardCharsets.UTF_8);
        byte[] item = row.key().item().getBytes(StandardCharsets.ISO_8859_1);
        int length = 2 * Integer.BYTES + feature.length + item.length + Digest.BYTES;
        if (length > text.capacity()) {
          text = ByteBuffer.allocate(length);
        }
        text.clear().putInt(feature.length).put(feature).putInt(item.length).put(item);
        row.digest().putInto(text);
        sha.update(text.array(), 0, length);
      }
      return Digest.of(sha.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /**
   * A row that two matrices do not agree on.
   *
   * @param mine the digest in the matrix that was asked, or empty if it lacks the row
   * @param theirs the digest in the other
   */
  public record Difference(RowKey key, Optional<Digest> mine, Optional<Digest> theirs) {}
}
