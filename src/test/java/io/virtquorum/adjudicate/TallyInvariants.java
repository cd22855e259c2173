package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.VotingRule;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What must be so of every count, in words of its own (rules 1, 5 and 6). */
final class TallyInvariants {
  private final SimulatedCluster cluster;

  TallyInvariants(SimulatedCluster cluster) {
    this.cluster = cluster;
  }

  void check(State state, Assessment assessment) {
    assessment.tally().ifPresent(tally -> counted(state, assessment, tally));
    outputs(state, assessment);
    unit(state);
  }

  private void counted(State state, Assessment assessment, Tally tally) {
    int base = state.record().members().values().stream().mapToInt(Integer::intValue).sum();
    check(tally.total() >= base, "%s leaves out who is absent", tally);
    boolean strict = state.config().orElseThrow().voting().rule() == VotingRule.STRICT_MAJORITY;
    if (strict && tally instanceof Tally.Elected elected) {
      check(
          2 * tally.weightOf(elected.root()) > tally.total(),
          "%s is elected without a majority",
          elected);
    }
    tally.votes().stream()
        .filter(v -> assessment.classOf(v.voter()) == MemberClass.BEHIND)
        .forEach(v -> check(false, "%s is behind and votes", v.voter()));
    boolean even = state.record().members().size() % 2 == 0;
    long witnesses =
        tally.votes().stream()
            .filter(v -> !state.record().members().containsKey(v.voter()))
            .count();
    check(
        state.record().committed().isEmpty() || witnesses == (even ? 1 : 0),
        "%d witnesses among %d members",
        witnesses,
        state.record().members().size());
  }

  /** Whatever differs beside the files is told, and so is a command that failed. */
  private void outputs(State state, Assessment assessment) {
    Map<String, Set<Output>> seen = new HashMap<>();
    for (String name : state.record().members().keySet()) {
      MemberState member = state.member(name);
      if (member.usable()) {
        member
            .ballot()
            .get()
            .outputs()
            .forEach((f, d) -> seen.computeIfAbsent(f, x -> new HashSet<>()).add(d));
      }
    }
    seen.forEach(
        (feature, outputs) -> {
          boolean tell =
              outputs.size() > 1 || outputs.stream().anyMatch(o -> o.kind() == Output.Kind.FAILED);
          check(
              tell == assessment.outputs().containsKey(feature),
              "%s differs (%d states) or failed, and it is not told",
              feature,
              outputs.size());
        });
  }

  /** The VM specs, say: whatever is written to the primary's is right. */
  private void unit(State state) {
    Map<String, Digest> roots = new TreeMap<>();
    int number = 0;
    for (String name : state.record().members().keySet()) {
      roots.put(name, new Digest(number++ % 2, 0, 0, 0));
    }
    if (state.record().primary().filter(roots::containsKey).isEmpty()) {
      return;
    }
    String primary = state.record().primary().get();
    roots.put(primary, new Digest(7, 7, 7, 7));
    UnitVerdict verdict = UnitVerdict.of(state.record(), state.config().orElseThrow(), roots);
    check(
        verdict.losers().size() == roots.size() - 1 && !verdict.losers().contains(primary),
        "what was written to the primary %s loses: %s",
        primary,
        verdict);
  }

  private void check(boolean holds, String format, Object... arguments) {
    cluster.invariants.check(holds, format, arguments);
  }
}
