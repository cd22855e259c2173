package io.virtquorum.vote;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/**
 * Whole clusters vote: 1 to 9 members with weights, some absent, perhaps a primary, the witness.
 */
class MembersVoteProperties {
  private static final Digest COMMITTED = new Digest(1, 0, 0, 0);
  private static final Digest FRESH = new Digest(2, 0, 0, 0);
  private static final Digest OTHER = new Digest(3, 0, 0, 0);

  @Property
  void whoIsCalledWhatAndListedWhereNeverChangesTheResult(
      @ForAll VotingRule rule, @ForAll("clusters") List<Member> cluster, @ForAll long seed) {
    List<Member> shuffled = new ArrayList<>(cluster);
    Collections.shuffle(shuffled, new Random(seed));
    assertThat(winner(rule, shuffled)).isEqualTo(winner(rule, cluster));
  }

  @Property
  void boyerMooreElectsExactlyWhatAMapOfWeightsDoes(@ForAll("clusters") List<Member> cluster) {
    Election election = election(VotingRule.STRICT_MAJORITY, cluster);
    Map<Digest, Long> weights = new HashMap<>();
    List<Vote> votes = votes(cluster);
    votes.forEach(vote -> weights.merge(vote.root(), (long) vote.weight(), Long::sum));
    List<Digest> majorities =
        weights.keySet().stream().filter(root -> 2 * weights.get(root) > election.total()).toList();
    assertThat(majorities).hasSizeLessThanOrEqualTo(1);
    assertThat(winner(election.count(votes))).isEqualTo(majorities.stream().findFirst());
  }

  @Property
  void whatAStrictMajorityElectedNoAbsentMemberCanOverturn(
      @ForAll("clusters") List<Member> cluster) {
    Optional<Digest> elected = winner(VotingRule.STRICT_MAJORITY, cluster);
    for (Digest late : List.of(COMMITTED, FRESH, OTHER)) {
      List<Member> allThere =
          cluster.stream().map(m -> m.root().isPresent() ? m : m.holding(late)).toList();
      if (elected.isPresent()) {
        assertThat(winner(VotingRule.STRICT_MAJORITY, allThere)).isEqualTo(elected);
      }
    }
  }

  @Property
  void aFreshPrimaryWinsAgainstAllOthersTogetherWithTheWitness(
      @ForAll VotingRule rule, @ForAll("clusters") List<Member> cluster) {
    List<Member> others =
        cluster.stream().map(m -> new Member(m.weight(), false, Optional.of(COMMITTED))).toList();
    List<Member> all = new ArrayList<>(others);
    all.set(0, new Member(others.getFirst().weight(), true, Optional.of(FRESH)));
    assertThat(winner(rule, all)).contains(FRESH);
  }

  @Property
  void withoutAPrimaryTwoHalvesNeverBothLose(@ForAll("halves") List<Member> cluster) {
    assertThat(winner(VotingRule.STRICT_MAJORITY, cluster)).contains(COMMITTED);
  }

  @Example
  void givenWeights311ThenTheHeavyMemberAloneDecides() {
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(heavy(FRESH), of(OTHER), of(OTHER))))
        .contains(FRESH);
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(of(OTHER), heavy(FRESH), of(OTHER))))
        .contains(FRESH);
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(heavy(FRESH), absent(), absent())))
        .contains(FRESH);
  }

  @Example
  void givenWeights311AndTheHeavyMemberAwayThenTheOthersDoNotDecideWithoutIt() {
    Member away = new Member(3, false, Optional.empty());
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(away, of(OTHER), of(OTHER)))).isEmpty();
    assertThat(winner(VotingRule.AT_LEAST_HALF, members(away, of(OTHER), of(OTHER)))).isEmpty();
    assertThat(winner(VotingRule.PLURALITY, members(away, of(OTHER), of(OTHER)))).contains(OTHER);
  }

  @Example
  void oneMemberIsItsOwnMajority() {
    for (VotingRule rule : VotingRule.values()) {
      assertThat(winner(rule, members(of(FRESH)))).contains(FRESH);
      assertThat(winner(rule, members(absent()))).isEmpty();
    }
  }

  @Example
  void ofTwoMembersTheWitnessSidesWithTheCommittedState() {
    for (VotingRule rule : VotingRule.values()) {
      assertThat(winner(rule, members(of(FRESH), of(COMMITTED)))).contains(COMMITTED);
      assertThat(winner(rule, members(of(COMMITTED), of(FRESH)))).contains(COMMITTED);
    }
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(of(FRESH), absent()))).isEmpty();
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(of(COMMITTED), absent())))
        .contains(COMMITTED);
    assertThat(winner(VotingRule.STRICT_MAJORITY, members(of(FRESH), of(FRESH)))).contains(FRESH);
  }

  private static Optional<Digest> winner(VotingRule rule, List<Member> cluster) {
    return winner(election(rule, cluster).count(votes(cluster)));
  }

  private static Optional<Digest> winner(Tally tally) {
    return tally instanceof Tally.Elected elected ? Optional.of(elected.root()) : Optional.empty();
  }

  private static Election election(VotingRule rule, List<Member> cluster) {
    long total = weightsOf(cluster).values().stream().mapToLong(Integer::longValue).sum();
    return new Election(rule, total + weights(cluster).witness(), Optional.of(COMMITTED));
  }

  private static List<Vote> votes(List<Member> cluster) {
    Map<String, Integer> weights = weightsOf(cluster);
    List<Vote> votes = new ArrayList<>();
    for (int i = 0; i < cluster.size(); i++) {
      String name = "m" + i;
      cluster.get(i).root().ifPresent(root -> votes.add(new Vote(name, root, weights.get(name))));
    }
    if (weights(cluster).witness() > 0) {
      votes.add(new Vote(Vote.WITNESS, COMMITTED, Weights.WITNESS));
    }
    return votes;
  }

  /** What each vote weighs, the primary's bonus included. */
  private static Map<String, Integer> weightsOf(List<Member> cluster) {
    Optional<String> primary = Optional.empty();
    for (int i = 0; i < cluster.size(); i++) {
      primary = cluster.get(i).primary() ? Optional.of("m" + i) : primary;
    }
    return weights(cluster).inElection(primary);
  }

  private static Weights weights(List<Member> cluster) {
    Map<String, Integer> base = new HashMap<>();
    cluster.forEach(member -> base.put("m" + base.size(), member.weight()));
    return new Weights(base, OptionalInt.empty());
  }

  /**
   * One member.
   *
   * @param root what it votes for; empty: it is absent
   */
  record Member(int weight, boolean primary, Optional<Digest> root) {
    Member holding(Digest late) {
      return new Member(weight, primary, Optional.of(late));
    }
  }

  private static List<Member> members(Member... members) {
    return List.of(members);
  }

  private static Member of(Digest root) {
    return new Member(1, false, Optional.of(root));
  }

  private static Member heavy(Digest root) {
    return new Member(3, false, Optional.of(root));
  }

  private static Member absent() {
    return new Member(1, false, Optional.empty());
  }

  /** 1 to 9 members, perhaps one of them the primary. */
  @Provide
  Arbitrary<List<Member>> clusters() {
    Arbitrary<Member> member =
        Combinators.combine(
                Arbitraries.frequency(
                    Tuple.of(5, 1), Tuple.of(1, 0), Tuple.of(1, 2), Tuple.of(1, 3)),
                Arbitraries.of(COMMITTED, FRESH, OTHER).optional(0.8))
            .as((weight, root) -> new Member(weight, false, root));
    return Combinators.combine(
            member.list().ofMinSize(1).ofMaxSize(9), Arbitraries.integers().between(-1, 8))
        .as(
            (members, primary) -> {
              List<Member> all = new ArrayList<>(members);
              if (primary >= 0 && primary < all.size()) {
                Member chosen = all.get(primary);
                all.set(primary, new Member(chosen.weight(), true, chosen.root()));
              }
              return all;
            });
  }

  /** 2 to 8 members of weight 1: one half holds the committed state and the other a fresh one. */
  @Provide
  Arbitrary<List<Member>> halves() {
    return Arbitraries.integers()
        .between(1, 4)
        .flatMap(
            half -> {
              List<Member> members = new ArrayList<>(Collections.nCopies(half, of(COMMITTED)));
              members.addAll(Collections.nCopies(half, of(FRESH)));
              return Arbitraries.shuffle(members);
            });
  }
}
