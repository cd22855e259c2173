package io.virtquorum.fingerprint;

/**
 * Where an elected root stands in the cluster's history: the sequence number within a primary's
 * tenure. Later is greater.
 *
 * @param tenure counts primaries, from 1
 * @param sequence counts elected roots within the tenure, from 1
 */
public record Position(long tenure, long sequence) implements Comparable<Position> {
  @Override
  public int compareTo(Position other) {
    int order = Long.compare(tenure, other.tenure);
    return order != 0 ? order : Long.compare(sequence, other.sequence);
  }

  /** The next root of the same tenure. */
  public Position next() {
    return new Position(tenure, sequence + 1);
  }

  /** True if this is later than the other. */
  public boolean isAfter(Position other) {
    return compareTo(other) > 0;
  }

  @Override
  public String toString() {
    return tenure + "." + sequence;
  }
}
