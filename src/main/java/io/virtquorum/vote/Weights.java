package io.virtquorum.vote;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;

/**
 * What each member's vote weighs (design, rule 5).
 *
 * @param base weight of each member of the record by name; 0 or more
 * @param bonus added to the primary while it is steady or advanced; empty means Auto
 */
public record Weights(Map<String, Integer> base, OptionalInt bonus) {
  /** Weight of the witness, where there is one. */
  public static final int WITNESS = 1;

  public Weights {
    base = Map.copyOf(base);
  }

  /**
   * An even number of members has the committed state itself as a witness, so that two halves
   * cannot stand against each other.
   */
  public int witness() {
    return base.size() % 2 == 0 ? WITNESS : 0;
  }

  /** The sum of all base weights and the witness: W without the bonus. */
  public int sum() {
    return base.values().stream().mapToInt(Integer::intValue).sum() + witness();
  }

  /**
   * The smallest bonus with which the primary outvotes all others together: their base weights, the
   * witness, and 1.
   */
  public int smallestBonus(String primary) {
    return sum() - base.getOrDefault(primary, 0) + 1;
  }

  /** The bonus of this primary. */
  public int bonusOf(String primary) {
    return bonus.orElse(smallestBonus(primary));
  }

  /**
   * Weights in an election.
   *
   * @param favoured the primary if it is steady or advanced
   */
  public Map<String, Integer> inElection(Optional<String> favoured) {
    return inElection(favoured.map(Set::of).orElse(Set.of()));
  }

  /**
   * Weights in an election.
   *
   * @param favoured the members that have the bonus, each its own
   */
  public Map<String, Integer> inElection(Set<String> favoured) {
    Map<String, Integer> weights = new TreeMap<>(base);
    favoured.forEach(name -> weights.merge(name, bonusOf(name), Integer::sum));
    return weights;
  }
}
