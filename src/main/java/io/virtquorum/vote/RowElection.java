package io.virtquorum.vote;

import io.virtquorum.fingerprint.DigestColumn;
import java.util.Arrays;
import java.util.List;

/**
 * Holds one vote for each row: what does the strict majority of the members have there (design,
 * rule 6)? It elects what {@link Election} would by {@link VotingRule#STRICT_MAJORITY}, and makes
 * no object for a row, so that it can be asked of every row. A member that lacks a row votes for
 * its absence. For tools that explain a difference: the adjudicator decides by whole states.
 * Immutable; safe on any thread.
 */
public final class RowElection {
  /** No digest of the row has a strict majority. */
  public static final int NOBODY = -1;

  private final DigestColumn[] columns;
  private final long[] weights;
  private final long total;

  /**
   * @param columns one for each member that votes, all of the same rows
   * @param weights of their votes, in the same order; 0 or more
   * @param total the weight of all that may vote; at least the sum of the weights
   * @throws IllegalArgumentException if a number is out of its range or a column of another length
   */
  public RowElection(List<DigestColumn> columns, int[] weights, long total) {
    if (columns.size() != weights.length) {
      throw new IllegalArgumentException(
          columns.size() + " columns, " + weights.length + " weights");
    }
    if (columns.stream().mapToInt(DigestColumn::rows).distinct().count() > 1) {
      throw new IllegalArgumentException("the columns are not of the same rows");
    }
    long given = 0;
    for (int weight : weights) {
      if (weight < 0) {
        throw new IllegalArgumentException("a vote cannot weigh " + weight);
      }
      given += weight;
    }
    if (given > total) {
      throw new IllegalArgumentException("votes weigh " + given + " of " + total);
    }
    this.columns = columns.toArray(DigestColumn[]::new);
    this.weights = Arrays.stream(weights).asLongStream().toArray();
    this.total = total;
  }

  /**
   * Holds the vote of one row.
   *
   * @param row counted from 0
   * @return the place of the first column that has what was elected, or {@link #NOBODY}
   */
  public int elect(int row) {
    if (columns.length == 0) {
      return NOBODY;
    }
    // 1. Most rows are alike: then one count of the first member's digest says it all.
    if (isElected(row, columns[0])) {
      return 0;
    }
    // 2. In most of the others one digest stands against one other.
    int other = firstUnlike(row, columns[0]);
    if (other == NOBODY || isElected(row, columns[other])) {
      return other;
    }
    // 3. Otherwise Boyer-Moore finds the only one that can have a majority, and a second pass
    // counts it.
    DigestColumn candidate = candidate(row);
    return isElected(row, candidate) ? first(row, candidate) : NOBODY;
  }

  private DigestColumn candidate(int row) {
    DigestColumn candidate = columns[0];
    long lead = 0;
    for (int voter = 0; voter < columns.length; voter++) {
      DigestColumn column = columns[voter];
      lead += weights[voter] * (2 * column.agreement(row, candidate) - 1);
      candidate = lead < 0 ? column : candidate;
      lead = Math.abs(lead);
    }
    return candidate;
  }

  private boolean isElected(int row, DigestColumn candidate) {
    long weight = 0;
    for (int voter = 0; voter < columns.length; voter++) {
      weight += weights[voter] * columns[voter].agreement(row, candidate);
    }
    return 2 * weight > total;
  }

  private int firstUnlike(int row, DigestColumn column) {
    for (int voter = 0; voter < columns.length; voter++) {
      if (columns[voter].agreement(row, column) == 0) {
        return voter;
      }
    }
    return NOBODY;
  }

  private int first(int row, DigestColumn elected) {
    int first = 0;
    while (columns[first].agreement(row, elected) == 0) {
      first++;
    }
    return first;
  }
}
