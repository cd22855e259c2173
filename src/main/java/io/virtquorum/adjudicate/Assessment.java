package io.virtquorum.adjudicate;

import io.virtquorum.vote.Tally;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the ballots amount to at one moment: the verdict, with all that it rests on.
 *
 * @param classes each member's class, and why
 * @param weights what each member's vote weighs, the primary's bonus included
 * @param tally the counted votes; empty while there is nobody to vote
 * @param target what everyone is to hold; empty: nothing may be repaired
 * @param chosenPrimary whose state the first epoch is to be; empty after it
 * @param disagreeing members that changed alike and are a majority by count against the primary
 * @param holds what is held back
 */
public record Assessment(
    Map<String, Classification> classes,
    Map<String, Integer> weights,
    Optional<Tally> tally,
    Optional<Target> target,
    Optional<String> chosenPrimary,
    Set<String> disagreeing,
    List<Hold> holds) {

  /** The class of a member. */
  public MemberClass classOf(String member) {
    Classification found = classes.get(member);
    return found == null ? MemberClass.UNKNOWN : found.memberClass();
  }
}
