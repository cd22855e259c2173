package io.virtquorum.adjudicate;

import io.virtquorum.vote.VotingRule;
import io.virtquorum.vote.Weights;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * What the spec of an HACluster asks of its adjudicator.
 *
 * @param members the members wanted and their base weights
 * @param observe vote and report, touch nothing
 * @param bonus the connected bonus; empty means Auto
 * @param settle how long a difference must last before the committed state is restored
 * @param bootstrapFrom whose state becomes the first epoch where members differ
 * @param bootstrapVote the first epoch may be elected by the members present
 */
public record Config(
    Map<String, Integer> members,
    boolean observe,
    VotingRule rule,
    OptionalInt bonus,
    Duration settle,
    Optional<String> bootstrapFrom,
    boolean bootstrapVote) {

  public Config {
    members = java.util.Collections.unmodifiableMap(new TreeMap<>(members));
  }

  Weights weights(ClusterRecord record) {
    return new Weights(record.members(), bonus);
  }
}
