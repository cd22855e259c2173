package io.virtquorum.simulate;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.LoggerFactory;

/**
 * Runs many seeds and reports. {@code make simulate} starts it; properties: {@code seeds} (how
 * many), {@code first} (the first one), {@code minutes} (instead of a number of seeds), {@code
 * seed} (one alone, with its story), {@code off} (kinds of events, separated by commas), {@code
 * kind} and {@code theme} (of clusters and runs, leaving out seeds of others), {@code compare} (how
 * many seeds to run once more with our method and with the original one, to count what each loses).
 */
public final class Simulation {
  private final Set<Event.Kind> off;
  private final Method method;
  private final boolean counting;
  private final Figures figures = new Figures();
  private final List<String> failures = new ArrayList<>();
  private final AtomicBoolean stopped = new AtomicBoolean();

  Simulation(Set<Event.Kind> off) {
    this(off, Method.OURS, false);
  }

  /**
   * @param counting invariants that are broken are counted and end nothing
   */
  Simulation(Set<Event.Kind> off, Method method, boolean counting) {
    this.off = off;
    this.method = method;
    this.counting = counting;
  }

  /** Starts it; ends with 1 if an invariant did not hold. */
  public static void main(String[] arguments) throws InterruptedException {
    quiet();
    Set<Event.Kind> off = off();
    Long seed = Long.getLong("seed");
    if (seed != null) {
      System.exit(replay(Schedule.of(seed, off)) ? 0 : 1);
    }
    Simulation simulation = new Simulation(off);
    simulation.run(
        Long.getLong("first", 1), Long.getLong("seeds", 1_000), Long.getLong("minutes", 0));
    System.out.println(simulation.report());
    long compared = Long.getLong("compare", 0);
    if (compared > 0) {
      System.out.print(Losses.compare(Long.getLong("first", 1), compared, off));
    }
    System.exit(simulation.failures.isEmpty() ? 0 : 1);
  }

  private static Set<Event.Kind> off() {
    Set<Event.Kind> off = EnumSet.noneOf(Event.Kind.class);
    for (String name : System.getProperty("off", "").split(",")) {
      if (!name.isBlank()) {
        off.add(Event.Kind.valueOf(name.trim().toUpperCase(Locale.ROOT).replace(' ', '_')));
      }
    }
    return off;
  }

  /** The production code's own log is not wanted: it speaks of thousands of runs at once. */
  static void quiet() {
    ((Logger) LoggerFactory.getLogger("io.virtquorum")).setLevel(Level.OFF);
  }

  private static boolean replay(Schedule schedule) {
    Run.Result result = Run.of(schedule, true);
    result.story().forEach(System.out::println);
    System.out.printf(
        "seed %d: %s; trace %016x%n",
        schedule.seed(),
        result.failure().map(Throwable::toString).orElse("all invariants held"),
        result.trace());
    return result.failure().isEmpty();
  }

  /** Runs seeds on two threads until there are enough, or one failed. */
  void run(long first, long seeds, long minutes) throws InterruptedException {
    AtomicLong next = new AtomicLong(first);
    long end = minutes == 0 ? Long.MAX_VALUE : System.nanoTime() + minutes * 60_000_000_000L;
    long last = minutes == 0 ? first + seeds : Long.MAX_VALUE;
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      threads.add(
          Thread.ofPlatform()
              .name("simulation-" + i)
              .start(
                  () -> {
                    while (!stopped.get()
                        && (end == Long.MAX_VALUE || System.nanoTime() - end < 0)) {
                      long seed = next.getAndIncrement();
                      if (seed >= last) {
                        break;
                      }
                      one(seed);
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private void one(long seed) {
    Schedule schedule = Schedule.of(seed, off);
    String theme = System.getProperty("theme", "");
    if (!schedule.shape().text().startsWith(System.getProperty("kind", ""))
        || !(theme.isEmpty() || Theme.in(seed).stream().anyMatch(t -> t.text().equals(theme)))) {
      return;
    }
    long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    Run.Result result = Run.of(schedule, false, method, counting);
    long took = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before;
    result.figures().took(took, schedule.shape());
    synchronized (this) {
      figures.add(result.figures());
    }
    if (result.failure().isPresent() && !counting) {
      String story = tell(schedule, result);
      synchronized (this) {
        failures.add(story);
        if (failures.size() >= Integer.getInteger("failures", 1)) {
          stopped.set(true);
        }
      }
    }
  }

  private String tell(Schedule schedule, Run.Result failed) {
    Schedule shortest = new Shrinker().shrink(schedule, failed.kind());
    Run.Result result = Run.of(shortest, true);
    Throwable failure = result.failure().or(failed::failure).orElseThrow();
    StringBuilder out = new StringBuilder();
    out.append(
        "seed %d, %s: %s%n  cut to %d of %d events; repeat it with: make simulate SEED=%d%n"
            .formatted(
                schedule.seed(),
                schedule.shape(),
                failure,
                shortest.events().size(),
                schedule.events().size(),
                schedule.seed()));
    shortest
        .events()
        .forEach(e -> out.append("  %7.3f s %s%n".formatted(e.at() / 1e9, e.kind().text())));
    List<String> story = result.story();
    story
        .subList(Math.max(0, story.size() - 150), story.size())
        .forEach(line -> out.append("    ").append(line).append('\n'));
    if (!(failure instanceof Violation)) {
      for (StackTraceElement at : failure.getStackTrace()) {
        out.append("      at ").append(at).append('\n');
      }
    }
    return out.toString();
  }

  Optional<String> failure() {
    return failures.isEmpty() ? Optional.empty() : Optional.of(String.join("\n", failures));
  }

  /** What was counted, where invariants are only counted. */
  Map<String, Long> broken() {
    return figures.broken;
  }

  String report() {
    StringBuilder out = new StringBuilder();
    failures.forEach(out::append);
    out.append(figures.speed());
    out.append("trace of all: %016x%n".formatted(figures.trace));
    out.append("kinds of clusters:");
    figures.kinds.forEach(
        (kind, n) -> out.append(" ").append(kind).append(' ').append(n).append(','));
    out.append("%nevents:".formatted());
    figures.faults.forEach(
        (kind, n) -> out.append(" ").append(kind).append(' ').append(n).append(','));
    out.append(
        "%nrot that can be told from a write: %d injected, %d detected (the rest was written over or lost with its disk first)%n"
            .formatted(figures.rotInjected, figures.rotDetected));
    out.append("epochs committed: ").append(figures.epochs);
    out.append("; wrong-way repairs: ").append(count("RotSpread", "PrimaryOverwritten"));
    out.append("; committed changes lost: ").append(count("Lost"));
    out.append("; confirmed to who waited: ").append(figures.confirmed);
    out.append(", confirmed and missing: ").append(count("ConfirmedLost")).append('\n');
    out.append("slowest rest after calm: %d s%n".formatted(figures.slowestRest / Timeline.SECOND));
    out.append("orders ended: ").append(figures.orders).append('\n');
    out.append("told: ").append(figures.said).append('\n');
    out.append(failures.isEmpty() ? "all invariants held" : failures.size() + " seeds FAILED");
    return out.toString();
  }

  private long count(String... invariants) {
    return failures.stream()
        .filter(f -> List.of(invariants).stream().anyMatch(f::contains))
        .count();
  }
}
