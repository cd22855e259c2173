package io.virtquorum.adjudicate;

import io.virtquorum.vote.Election;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import io.virtquorum.vote.Weights;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Counts the votes (rules 5 and 6): who votes for what, with which weight. */
final class VoteCount {
  private VoteCount() {}

  static Verdict.Count of(State state, Config config, Map<String, Classification> classes) {
    ClusterRecord record = state.record();
    Weights base = config.weights(record);
    Map<String, Integer> weights = base.inElection(favoured(state, config, classes));
    Optional<Tally> tally =
        record.members().isEmpty()
            ? Optional.empty()
            : Optional.of(tally(state, config, classes, weights, base.witness()));
    return new Verdict.Count(config.voting().rule(), tally, weights, record.primary());
  }

  /** Rule 5: the bonus is the recorded primary's, or, where votes alone decide, every user's. */
  private static Set<String> favoured(
      State state, Config config, Map<String, Classification> classes) {
    ClusterRecord record = state.record();
    Set<String> favoured = new HashSet<>();
    for (String name : record.members().keySet()) {
      MemberClass own = classes.get(name).memberClass();
      boolean leads =
          config.authority() == Authority.VOTES
              ? state.member(name).ballot().filter(b -> b.sessions() > 0).isPresent()
              : record.isPrimary(name);
      if (leads && (own == MemberClass.STEADY || own == MemberClass.ADVANCED)) {
        favoured.add(name);
      }
    }
    return favoured;
  }

  /**
   * Rule 6. Absent members count in the total at their base weight; those behind, and the
   * unhealthy, do not vote.
   */
  private static Tally tally(
      State state,
      Config config,
      Map<String, Classification> classes,
      Map<String, Integer> weights,
      int witness) {
    ClusterRecord record = state.record();
    List<Vote> votes = new ArrayList<>();
    for (String name : record.members().keySet()) {
      MemberState member = state.member(name);
      if (member.usable() && classes.get(name).memberClass() != MemberClass.BEHIND) {
        votes.add(new Vote(name, member.ballot().get().root(), weights.get(name)));
      }
    }
    record
        .committed()
        .filter(c -> witness > 0)
        .ifPresent(c -> votes.add(new Vote(Vote.WITNESS, c.root(), witness)));
    long total = weights.values().stream().mapToLong(Integer::longValue).sum() + witness;
    return new Election(config.voting().rule(), total, record.committed().map(Committed::root))
        .count(votes);
  }
}
