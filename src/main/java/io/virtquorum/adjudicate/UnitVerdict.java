package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.vote.Election;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The vote of a unit that stands beside the files, such as the VM spec or the output of a command
 * (design, rule 1): the same tally, without epochs, and the primary always has its bonus, because
 * what is written to it went through the API.
 *
 * @param tally the counted votes
 * @param holders members that hold what was elected, in order
 * @param losers members that hold something else than what was elected, in order; empty where
 *     nothing was
 */
public record UnitVerdict(Tally tally, List<String> holders, List<String> losers) {
  public UnitVerdict {
    holders = List.copyOf(holders);
    losers = List.copyOf(losers);
  }

  /**
   * Holds the vote.
   *
   * @param roots what each member holds of the unit, in order of their names; who is not in the
   *     record is no voter and can be a loser nevertheless
   */
  public static UnitVerdict of(ClusterRecord record, Config config, Map<String, Digest> roots) {
    var weights = config.weights(record);
    Map<String, Integer> inElection = weights.inElection(record.primary());
    List<Vote> votes = new ArrayList<>();
    roots.forEach(
        (name, root) -> {
          if (record.members().containsKey(name)) {
            votes.add(new Vote(name, root, inElection.get(name)));
          }
        });
    long total =
        inElection.values().stream().mapToLong(Integer::longValue).sum() + weights.witness();
    Tally tally = new Election(config.voting().rule(), total, Optional.empty()).count(votes);
    if (!(tally instanceof Tally.Elected elected)) {
      return new UnitVerdict(tally, List.of(), List.of());
    }
    Map<Boolean, List<String>> holding =
        roots.keySet().stream()
            .collect(Collectors.partitioningBy(m -> roots.get(m).equals(elected.root())));
    return new UnitVerdict(tally, holding.get(true), holding.get(false));
  }
}
