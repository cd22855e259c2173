package io.virtquorum.fingerprint;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * Several members' matrices row by row: the rows that any of them has, in order, and for each
 * member a column of digests. Made for a comparison and then dropped: a {@link Matrix} itself stays
 * a list of rows, because whoever collects it holds their digests anyhow. Immutable; safe on any
 * thread.
 *
 * @param keys the key of each row, in the order of the keys
 * @param columns one for each matrix, in the order in which they were given
 */
public record Alignment(List<RowKey> keys, List<DigestColumn> columns) {
  /**
   * @throws IllegalArgumentException if a column has another number of rows than there are keys
   */
  public Alignment {
    keys = List.copyOf(keys);
    columns = List.copyOf(columns);
    for (DigestColumn column : columns) {
      if (column.rows() != keys.size()) {
        throw new IllegalArgumentException(
            "a column has " + column.rows() + " rows, not " + keys.size());
      }
    }
  }

  /** Puts matrices side by side; n log k comparisons of keys for k matrices of n rows together. */
  public static Alignment of(List<Matrix> matrices) {
    List<RowKey> keys =
        matrices.stream()
            .flatMap(matrix -> matrix.rows().stream())
            .map(Row::key)
            .sorted() // k sorted runs: the sort only merges them
            .distinct()
            .toList();
    return new Alignment(keys, matrices.stream().map(matrix -> column(keys, matrix)).toList());
  }

  /** The rows, by their place in {@link #keys}, that the matrices do not all have alike. */
  public BitSet differing() {
    return DigestColumn.differing(columns);
  }

  private static DigestColumn column(List<RowKey> keys, Matrix matrix) {
    List<Row> rows = matrix.rows();
    int[] next = {0};
    return DigestColumn.of(
        keys.size(),
        place ->
            next[0] < rows.size() && rows.get(next[0]).key().equals(keys.get(place))
                ? Optional.of(rows.get(next[0]++).digest())
                : Optional.empty());
  }
}
