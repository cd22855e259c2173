package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Command;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.wire.v1.Change;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Progress;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What one run, or many together, came to. For one thread. */
final class Figures {
  final Map<String, Long> faults = new TreeMap<>();
  final Map<String, Long> kinds = new TreeMap<>();

  /** Invariants that were broken, where they are only counted; and what became of data. */
  final Map<String, Long> broken = new TreeMap<>();

  final Map<String, Long> said = new TreeMap<>();
  final Map<String, Long> orders = new TreeMap<>();
  long rotInjected;
  long rotDetected;
  long epochs;

  /** How often a commit was confirmed to who waited for it. */
  long confirmed;

  long slowestRest;
  Effort effort = Effort.NONE;

  /** Of runs with three members. */
  Effort ofThree = Effort.NONE;

  /** Equal only for the same runs, in whatever order. */
  long trace;

  /** Rows that ballots called rot. */
  final Set<Digest> detected = new HashSet<>();

  /**
   * What running took.
   *
   * @param seeds how many runs
   * @param nanos simulated
   * @param cpuNanos of a processor
   */
  record Effort(long seeds, long nanos, long cpuNanos) {
    static final Effort NONE = new Effort(0, 0, 0);

    Effort plus(Effort other) {
      return new Effort(seeds + other.seeds, nanos + other.nanos, cpuNanos + other.cpuNanos);
    }

    private String words(String what) {
      double hours = nanos / 3.6e12;
      double cpu = cpuNanos / 1e9;
      return "%d %s, %.1f simulated cluster-hours in %.1f CPU seconds: %.0f cluster-hours per CPU hour%n"
          .formatted(seeds, what, hours, cpu, hours / cpu * 3600);
    }
  }

  /** How fast it was, in lines. */
  String speed() {
    return effort.words("seeds") + ofThree.words("of them with three members");
  }

  void fault(String kind) {
    faults.merge(kind, 1L, Long::sum);
  }

  void told(Command.Tell tell) {
    said.merge(tell.reason(), 1L, Long::sum);
  }

  void said(SimulatedVm vm, FromMember message) {
    for (Change change : message.getBallot().getChangesList()) {
      if (change.getKind() == Change.Kind.KIND_ROT && !change.getNow().isEmpty()) {
        detected.add(Digest.of(change.getNow().toByteArray()));
      }
    }
    if (message.hasProgress()) {
      Progress progress = message.getProgress();
      orders.merge(
          progress.getOutcome().name().substring("OUTCOME_".length())
              + (progress.getReason().isEmpty() ? "" : " " + progress.getReason()),
          1L,
          Long::sum);
      if (progress.getReason().equals("SidecarFailed")) {
        throw new Violation("SidecarFailed", vm.name + ": " + progress.getMessage());
      }
    }
  }

  /** One run ended. */
  void ran(long nanos) {
    effort = new Effort(1, nanos, 0);
  }

  /** What that took of a processor. */
  void took(long cpuNanos, Shape shape) {
    effort = effort.plus(new Effort(0, 0, cpuNanos));
    ofThree = shape.weights().size() == 3 ? effort : Effort.NONE;
  }

  void add(Figures other) {
    other.kinds.forEach((k, v) -> kinds.merge(k, v, Long::sum));
    other.broken.forEach((k, v) -> broken.merge(k, v, Long::sum));
    other.faults.forEach((k, v) -> faults.merge(k, v, Long::sum));
    other.said.forEach((k, v) -> said.merge(k, v, Long::sum));
    other.orders.forEach((k, v) -> orders.merge(k, v, Long::sum));
    rotInjected += other.rotInjected;
    rotDetected += other.rotDetected;
    effort = effort.plus(other.effort);
    ofThree = ofThree.plus(other.ofThree);
    trace += other.trace;
    epochs += other.epochs;
    confirmed += other.confirmed;
    slowestRest = Math.max(slowestRest, other.slowestRest);
  }
}
