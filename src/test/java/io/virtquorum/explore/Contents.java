package io.virtquorum.explore;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The contents of a small world: {@value #ROWS} rows, each with one of 16 values, four bits a row
 * in one int. Value 0 is what everybody begins with, 1 to {@value #LAST_WRITTEN} were written, and
 * what comes after rotted.
 */
final class Contents {
  static final int ROWS = 2;
  static final int LAST_WRITTEN = 11;
  static final int VALUES = 16;
  private static final List<RowKey> KEYS =
      List.of(new RowKey("site", "data"), new RowKey("site", "index.html"));
  private static final List<Digest> DIGESTS = digests();
  private static final List<Matrix> MATRICES = matrices();
  private static final Map<Digest, Integer> BY_ROOT = byRoot();

  private Contents() {}

  static int value(int rows, int row) {
    return rows >> (4 * row) & 15;
  }

  static int with(int rows, int row, int value) {
    return rows & ~(15 << (4 * row)) | value << (4 * row);
  }

  static boolean isRot(int value) {
    return value > LAST_WRITTEN;
  }

  static boolean hasRot(int rows) {
    return isRot(value(rows, 0)) || isRot(value(rows, 1));
  }

  /** One bit a row and value, for sets of contents. */
  static int bit(int row, int value) {
    return 1 << (VALUES * row + value);
  }

  /** The bits of all rows. */
  static int bits(int rows) {
    return bit(0, value(rows, 0)) | bit(1, value(rows, 1));
  }

  static RowKey key(int row) {
    return KEYS.get(row);
  }

  static int row(RowKey key) {
    return KEYS.indexOf(key);
  }

  static Digest digest(int value) {
    return DIGESTS.get(value);
  }

  static int value(Digest digest) {
    return DIGESTS.indexOf(digest);
  }

  static Matrix matrix(int rows) {
    return MATRICES.get(rows);
  }

  static Digest root(int rows) {
    return MATRICES.get(rows).root();
  }

  /** The rows that a root stands for. */
  static int rows(Digest root) {
    return BY_ROOT.get(root);
  }

  static String name(int value) {
    return value == 0 ? "v" : isRot(value) ? "rot" + (value - LAST_WRITTEN) : "w" + value;
  }

  static String words(int rows) {
    return "data=" + name(value(rows, 0)) + " index=" + name(value(rows, 1));
  }

  private static List<Digest> digests() {
    Digest[] digests = new Digest[VALUES];
    for (int value = 0; value < VALUES; value++) {
      byte[] name = name(value).getBytes(StandardCharsets.US_ASCII);
      digests[value] = Digest.of(Arrays.copyOf(name, Digest.BYTES));
    }
    return List.of(digests);
  }

  private static List<Matrix> matrices() {
    Matrix[] matrices = new Matrix[VALUES * VALUES];
    for (int rows = 0; rows < matrices.length; rows++) {
      matrices[rows] =
          Matrix.of(
              List.of(
                  new Row(KEYS.get(0), DIGESTS.get(value(rows, 0))),
                  new Row(KEYS.get(1), DIGESTS.get(value(rows, 1)))));
    }
    return List.of(matrices);
  }

  private static Map<Digest, Integer> byRoot() {
    Map<Digest, Integer> byRoot = new HashMap<>();
    for (int rows = 0; rows < MATRICES.size(); rows++) {
      byRoot.put(MATRICES.get(rows).root(), rows);
    }
    return Map.copyOf(byRoot);
  }
}
