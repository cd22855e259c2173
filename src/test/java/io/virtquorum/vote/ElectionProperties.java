package io.virtquorum.vote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class ElectionProperties {
  private static final Digest X = new Digest(1, 0, 0, 0);
  private static final Digest Y = new Digest(2, 0, 0, 0);
  private static final Digest Z = new Digest(3, 0, 0, 0);
  private static final List<Digest> ROOTS = List.of(X, Y, Z);

  @Property
  void theWinnerIsTheOneThatASlowCountFinds(
      @ForAll VotingRule rule,
      @ForAll("votes") List<Vote> votes,
      @ForAll @IntRange(max = 5) int absent,
      @ForAll("incumbents") Optional<Digest> incumbent) {
    long total = weight(votes) + absent;
    Tally tally = new Election(rule, total, incumbent).count(votes);
    assertThat(winner(tally)).isEqualTo(slowCount(rule, votes, total, incumbent));
    assertThat(tally.total()).isEqualTo(total);
    assertThat(tally.votes()).isEqualTo(votes);
    if (tally instanceof Tally.Elected elected) {
      assertThat(elected.weight()).isEqualTo(elected.weightOf(elected.root())).isPositive();
    }
  }

  @Property
  void theOrderOfTheVotesDoesNotMatter(
      @ForAll VotingRule rule,
      @ForAll("votes") List<Vote> votes,
      @ForAll @IntRange(max = 5) int absent,
      @ForAll("incumbents") Optional<Digest> incumbent,
      @ForAll long seed) {
    Election election = new Election(rule, weight(votes) + absent, incumbent);
    List<Vote> shuffled = new ArrayList<>(votes);
    Collections.shuffle(shuffled, new Random(seed));
    assertThat(winner(election.count(shuffled))).isEqualTo(winner(election.count(votes)));
  }

  @Property
  void aStrictMajorityIsAlsoTheWinnerUnderTheOtherRules(
      @ForAll("votes") List<Vote> votes, @ForAll @IntRange(max = 5) int absent) {
    long total = weight(votes) + absent;
    Optional<Digest> strict =
        winner(new Election(VotingRule.STRICT_MAJORITY, total, Optional.empty()).count(votes));
    if (strict.isPresent()) {
      for (VotingRule rule : VotingRule.values()) {
        assertThat(winner(new Election(rule, total, Optional.of(Y)).count(votes)))
            .isEqualTo(strict);
      }
    }
  }

  @Example
  void givenXYZXThenHalfOfTheVotesElectXUnderTheOriginalRuleAlthoughBoyerMooreWouldMissIt() {
    List<Vote> votes = votes(X, Y, Z, X);
    assertThat(winner(election(VotingRule.AT_LEAST_HALF, 4, null).count(votes))).contains(X);
    assertThat(winner(election(VotingRule.STRICT_MAJORITY, 4, null).count(votes))).isEmpty();
    assertThat(winner(election(VotingRule.PLURALITY, 4, null).count(votes))).contains(X);
  }

  @Example
  void aTieGoesToTheCommittedRootAndOtherwiseToNobody() {
    List<Vote> votes = votes(X, Y, X, Y);
    for (VotingRule rule : List.of(VotingRule.AT_LEAST_HALF, VotingRule.PLURALITY)) {
      assertThat(winner(election(rule, 4, Y).count(votes))).contains(Y);
      assertThat(winner(election(rule, 4, Z).count(votes))).isEmpty();
      assertThat(winner(election(rule, 4, null).count(votes))).isEmpty();
    }
    assertThat(winner(election(VotingRule.STRICT_MAJORITY, 4, Y).count(votes))).isEmpty();
  }

  @Example
  void thoseWhoAreAbsentCountAgainstEveryMajorityButNotAgainstAPlurality() {
    List<Vote> votes = votes(X, X);
    assertThat(winner(election(VotingRule.STRICT_MAJORITY, 4, null).count(votes))).isEmpty();
    assertThat(winner(election(VotingRule.AT_LEAST_HALF, 4, null).count(votes))).contains(X);
    assertThat(winner(election(VotingRule.AT_LEAST_HALF, 5, null).count(votes))).isEmpty();
    assertThat(winner(election(VotingRule.PLURALITY, 9, null).count(votes))).contains(X);
  }

  @Example
  void votesOfNoWeightElectNobody() {
    List<Vote> votes = List.of(new Vote("a", X, 0), new Vote("b", X, 0));
    for (VotingRule rule : VotingRule.values()) {
      assertThat(winner(new Election(rule, 0, Optional.of(X)).count(votes))).isEmpty();
    }
  }

  @Example
  void moreVotesThanThereAreAreRefused() {
    Election election = election(VotingRule.PLURALITY, 1, null);
    List<Vote> votes = votes(X, X);
    assertThatThrownBy(() -> election.count(votes)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Vote("a", X, -1)).isInstanceOf(IllegalArgumentException.class);
  }

  private static Optional<Digest> slowCount(
      VotingRule rule, List<Vote> votes, long total, Optional<Digest> incumbent) {
    List<Digest> winners = new ArrayList<>();
    for (Digest root : ROOTS) {
      long own = weightOf(votes, root);
      boolean wins =
          switch (rule) {
            case STRICT_MAJORITY -> 2 * own > total;
            case AT_LEAST_HALF -> 2 * own >= total && isHeaviest(votes, root);
            case PLURALITY -> isHeaviest(votes, root);
          };
      if (own > 0 && wins) {
        winners.add(root);
      }
    }
    return winners.size() == 1
        ? Optional.of(winners.getFirst())
        : incumbent.filter(winners::contains);
  }

  private static boolean isHeaviest(List<Vote> votes, Digest root) {
    return ROOTS.stream().allMatch(other -> weightOf(votes, other) <= weightOf(votes, root));
  }

  private static long weightOf(List<Vote> votes, Digest root) {
    long sum = 0;
    for (Vote vote : votes) {
      sum += vote.root().equals(root) ? vote.weight() : 0;
    }
    return sum;
  }

  private static long weight(List<Vote> votes) {
    return votes.stream().mapToLong(Vote::weight).sum();
  }

  private static Optional<Digest> winner(Tally tally) {
    return tally instanceof Tally.Elected elected ? Optional.of(elected.root()) : Optional.empty();
  }

  private static Election election(VotingRule rule, long total, Digest incumbent) {
    return new Election(rule, total, Optional.ofNullable(incumbent));
  }

  private static List<Vote> votes(Digest... roots) {
    List<Vote> votes = new ArrayList<>();
    for (Digest root : roots) {
      votes.add(new Vote("m" + votes.size(), root, 1));
    }
    return votes;
  }

  @Provide
  Arbitrary<List<Vote>> votes() {
    return Combinators.combine(Arbitraries.of(ROOTS), Arbitraries.integers().between(0, 4))
        .as((root, weight) -> new Vote("m", root, weight))
        .list()
        .ofMaxSize(9);
  }

  @Provide
  Arbitrary<Optional<Digest>> incumbents() {
    return Arbitraries.of(ROOTS).optional();
  }
}
