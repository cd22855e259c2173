package io.virtquorum.wire;

import java.util.List;

/**
 * What keeps a member from its work, beside what its ballots say. Immutable.
 *
 * @param ailments what a person must mend, at most {@link WireLimits#AILMENTS}
 * @param silentPeers members that do not answer this one over the sync network
 */
public record HealthContent(List<BallotContent.Trouble> ailments, List<String> silentPeers) {
  /** Nothing is wrong. */
  public static final HealthContent GOOD = new HealthContent(List.of(), List.of());

  public HealthContent {
    ailments = List.copyOf(ailments);
    silentPeers = List.copyOf(silentPeers);
  }
}
