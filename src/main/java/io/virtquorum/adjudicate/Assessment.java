package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.vote.Tally;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the ballots amount to at one moment.
 *
 * @param classes each member's class, and why
 * @param verdict which state is right
 * @param chosenPrimary whose state the first epoch is to be; empty after it
 * @param disagreeing members that changed alike and are a majority by count against the primary
 * @param outputs the features beside the files that differ, or whose command failed: who has what
 *     (rule 1)
 * @param holds what is held back
 */
public record Assessment(
    Map<String, Classification> classes,
    Verdict verdict,
    Optional<String> chosenPrimary,
    Set<String> disagreeing,
    Map<String, Map<Output, List<String>>> outputs,
    List<Hold> holds) {

  public Assessment {
    classes = Map.copyOf(classes);
    disagreeing = Set.copyOf(disagreeing);
    outputs = Map.copyOf(outputs);
    holds = List.copyOf(holds);
  }

  /** The class of a member. */
  public MemberClass classOf(String member) {
    Classification found = classes.get(member);
    return found == null ? MemberClass.UNKNOWN : found.memberClass();
  }

  /** What everyone is to hold; empty: nothing may be repaired. */
  public Optional<Target> target() {
    return elected().map(Verdict.Elected::target);
  }

  /** True if the votes elected another root by themselves, or none. */
  public boolean outvotes(Digest root) {
    return switch (verdict) {
      case Verdict.Elected elected ->
          elected.target().ground() == Target.Ground.VOTED && !elected.target().root().equals(root);
      case Verdict.NoMajority _ -> true;
    };
  }

  /** The verdict, if it names a state. */
  public Optional<Verdict.Elected> elected() {
    return verdict instanceof Verdict.Elected elected ? Optional.of(elected) : Optional.empty();
  }

  /** The counted votes; empty while there is nobody to vote. */
  public Optional<Tally> tally() {
    return verdict.count().tally();
  }

  /** What a member's vote weighs, the primary's bonus included. */
  public int weightOf(String member) {
    return verdict.count().weights().getOrDefault(member, 0);
  }
}
