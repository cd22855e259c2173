package io.virtquorum.bench;

import io.virtquorum.vote.RowElection;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A vote with its verifying pass over each of 10,000 rows of 7 members. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RowVoteBenchmark {
  private static final int ROWS = 10_000;

  /** The share of rows that the members do not agree on. */
  @Param({"0", "0.01", "1"})
  public double contested;

  private RowElection election;

  /** Makes the members. */
  @Setup
  public void members() {
    election =
        new RowElection(Columns.make(7, ROWS, contested), new int[] {1, 1, 1, 1, 1, 1, 1}, 7);
  }

  /** The sum of the winners, so that no vote can be left out. */
  @Benchmark
  public long vote() {
    long sum = 0;
    for (int row = 0; row < ROWS; row++) {
      sum += election.elect(row);
    }
    return sum;
  }
}
