package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.vote.Election;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import io.virtquorum.vote.Weights;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Finds out which state is right: counts the votes (rules 5 and 6) and has the rule applied that
 * the moment asks for ({@link FirstEpoch}, {@link LeadingPrimary}, {@link VotesAlone}). A pure
 * function of what is known.
 */
final class Assessor {
  private Assessor() {}

  /** Assesses a state whose config is known. */
  static Assessment assess(State state, Map<String, Classification> classes, Instant now) {
    Config config = state.config().orElseThrow();
    ClusterRecord record = state.record();
    Map<String, Integer> weights = weights(state, config, classes);
    Optional<Tally> tally =
        record.members().isEmpty()
            ? Optional.empty()
            : Optional.of(tally(state, config, classes, weights));
    var count = new Verdict.Count(config.voting().rule(), tally, weights, record.primary());
    var picture = new Picture(state, config, classes, count, now);
    Ruling ruling =
        record.committed().isEmpty()
            ? FirstEpoch.rule(picture)
            : config.authority() == Authority.VOTES
                ? VotesAlone.rule(picture, record.committed().get())
                : LeadingPrimary.rule(picture, record.committed().get());
    return new Assessment(
        classes,
        ruling.verdict(),
        ruling.chosenPrimary(),
        ruling.disagreeing(),
        compared(picture),
        ruling.holds());
  }

  /** Rule 5: the bonus is the recorded primary's, or, where votes alone decide, every user's. */
  private static Map<String, Integer> weights(
      State state, Config config, Map<String, Classification> classes) {
    ClusterRecord record = state.record();
    Weights weights = config.weights(record);
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
    return weights.inElection(favoured);
  }

  /**
   * Rule 6. Absent members count in the total at their base weight; those behind, and the
   * unhealthy, do not vote.
   */
  private static Tally tally(
      State state,
      Config config,
      Map<String, Classification> classes,
      Map<String, Integer> weights) {
    ClusterRecord record = state.record();
    List<Vote> votes = new ArrayList<>();
    for (String name : record.members().keySet()) {
      MemberState member = state.member(name);
      if (member.usable() && classes.get(name).memberClass() != MemberClass.BEHIND) {
        votes.add(new Vote(name, member.ballot().get().root(), weights.get(name)));
      }
    }
    int witness = config.weights(record).witness();
    record
        .committed()
        .filter(c -> witness > 0)
        .ifPresent(c -> votes.add(new Vote(Vote.WITNESS, c.root(), witness)));
    long total = weights.values().stream().mapToLong(Integer::longValue).sum() + witness;
    return new Election(config.voting().rule(), total, record.committed().map(Committed::root))
        .count(votes);
  }

  /** Rule 1: what can only be compared never votes; it is told where it differs. */
  private static Map<String, Map<Digest, List<String>>> compared(Picture picture) {
    Map<String, Map<Digest, List<String>>> holders = new TreeMap<>();
    picture
        .usable()
        .forEach(
            name ->
                picture
                    .ballot(name)
                    .compared()
                    .forEach(
                        (feature, digest) ->
                            holders
                                .computeIfAbsent(feature, f -> new TreeMap<>())
                                .computeIfAbsent(digest, d -> new ArrayList<>())
                                .add(name)));
    return holders.entrySet().stream()
        .filter(e -> e.getValue().size() > 1)
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }
}
