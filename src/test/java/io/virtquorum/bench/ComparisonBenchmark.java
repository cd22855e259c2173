package io.virtquorum.bench;

import io.virtquorum.fingerprint.DigestColumn;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Which of 1,000,000 rows five members do not have alike. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ComparisonBenchmark {
  /** The share of rows that the members do not agree on. */
  @Param({"0", "0.01", "1"})
  public double contested;

  private List<DigestColumn> columns;

  /** Makes the members. */
  @Setup
  public void members() {
    columns = Columns.make(5, 1_000_000, contested);
  }

  /** The rows. */
  @Benchmark
  public BitSet compare() {
    return DigestColumn.differing(columns);
  }
}
