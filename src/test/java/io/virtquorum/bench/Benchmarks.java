package io.virtquorum.bench;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs all benchmarks of the core, one after another on one thread, and prints each figure beside
 * its goal. The mean is what counts; on a machine that does other things too, the best is nearer to
 * the truth. Arguments: a directory for JMH's own report, and perhaps a pattern of the names of
 * those to run.
 */
public final class Benchmarks {
  private static final String LINE = "%-52s %18s %10s  %-14s %s%n";

  private final Collection<RunResult> results;

  private Benchmarks(Collection<RunResult> results) {
    this.results = results;
  }

  /** Runs them. */
  public static void main(String[] arguments) throws RunnerException {
    String directory = arguments[0];
    String pattern = arguments.length > 1 ? arguments[1] : ".*Benchmark";
    var options =
        new OptionsBuilder()
            .include(Benchmarks.class.getPackageName() + "." + pattern)
            .jvmArgs("-XX:+UseSerialGC", "-Xms1g", "-Xmx1g")
            .threads(1)
            .forks(2)
            .warmupIterations(5)
            .warmupTime(TimeValue.seconds(1))
            .measurementIterations(25)
            .measurementTime(TimeValue.milliseconds(200))
            .output(directory + "/bench.log")
            .result(directory + "/bench.json")
            .resultFormat(ResultFormatType.JSON)
            .build();
    new Benchmarks(new Runner(options).run()).print();
  }

  private void print() {
    System.out.printf(LINE, "what, on one thread", "mean ± 99.9 %", "best", "goal", "");
    for (String share : List.of("0", "0.01", "1")) {
      time("vote on 10,000 rows of 7 members", "vote", share, 0.6);
    }
    for (String share : List.of("0", "0.01", "1")) {
      time("compare 1,000,000 rows of 5 members", "compare", share, 60);
    }
    for (String size : List.of("0", "1024", "65536", "1048576")) {
      rate(size);
    }
  }

  private void time(String what, String benchmark, String contested, double goal) {
    find(benchmark, "contested", contested)
        .ifPresent(
            result -> {
              double millis = result.getScore() / 1e6;
              System.out.printf(
                  LINE,
                  "%s, %.0f %% contested".formatted(what, 100 * Double.parseDouble(contested)),
                  format("%.3f ± %.3f ms", millis, result.getScoreError() / 1e6),
                  format("%.3f ms", best(result) / 1e6),
                  "at most " + goal + " ms",
                  verdict(millis <= goal));
            });
  }

  private void rate(String size) {
    Optional<Result<?>> ours = find("fingerprint", "size", size);
    Optional<Result<?>> bare = find("bareMac", "size", size);
    if (ours.isPresent() && bare.isPresent()) {
      double share = bare.get().getScore() / ours.get().getScore();
      String bytes =
          size.equals("0") ? "a file's row, 110 B" : format("%,d B", Integer.parseInt(size));
      System.out.printf(
          LINE,
          "fingerprints beside a bare Mac, " + bytes,
          format("%.0f %%", 100 * share),
          format("%.0f %%", 100 * best(bare.get()) / best(ours.get())),
          "90 % or more",
          verdict(share >= 0.9));
    }
  }

  /** The shortest of the measured times: what a machine that does other things does not disturb. */
  private static double best(Result<?> result) {
    return result.getStatistics().getMin();
  }

  private Optional<Result<?>> find(String benchmark, String parameter, String value) {
    for (RunResult result : results) {
      var parameters = result.getParams();
      if (parameters.getBenchmark().endsWith("." + benchmark)
          && value.equals(parameters.getParam(parameter))) {
        return Optional.of(result.getPrimaryResult());
      }
    }
    return Optional.empty();
  }

  private static String verdict(boolean met) {
    return met ? "met" : "MISSED";
  }

  private static String format(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
