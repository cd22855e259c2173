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
  long seeds;
  long nanos;
  long epochs;
  long slowestRest;

  /** Of runs with three members: how many, how long, and what they took of a processor. */
  long threes;

  long threesNanos;
  long threesCpuNanos;
  long cpuNanos;

  /** Equal only for the same runs, in whatever order. */
  long trace;

  /** Rows that ballots called rot. */
  final Set<Digest> detected = new HashSet<>();

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

  /** What this one run took of a processor. */
  void took(long nanosOfCpu, Shape shape) {
    cpuNanos = nanosOfCpu;
    if (shape.weights().size() == 3) {
      threes = 1;
      threesNanos = nanos;
      threesCpuNanos = nanosOfCpu;
    }
  }

  void add(Figures other) {
    other.kinds.forEach((k, v) -> kinds.merge(k, v, Long::sum));
    other.broken.forEach((k, v) -> broken.merge(k, v, Long::sum));
    other.faults.forEach((k, v) -> faults.merge(k, v, Long::sum));
    other.said.forEach((k, v) -> said.merge(k, v, Long::sum));
    other.orders.forEach((k, v) -> orders.merge(k, v, Long::sum));
    rotInjected += other.rotInjected;
    rotDetected += other.rotDetected;
    seeds += other.seeds;
    nanos += other.nanos;
    threes += other.threes;
    threesNanos += other.threesNanos;
    threesCpuNanos += other.threesCpuNanos;
    cpuNanos += other.cpuNanos;
    trace += other.trace;
    epochs += other.epochs;
    slowestRest = Math.max(slowestRest, other.slowestRest);
  }
}
