package io.virtquorum.vote;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The examples of {@code docs/decisions/2026-11-24-strict-majority.md}: the original rule, "a state
 * that at least half of the votes are for wins, found by Boyer-Moore in the order in which votes
 * arrive", beside ours. A vote is a letter, of weight 1.
 */
final class OriginalRuleTest {

  @ParameterizedTest
  @CsvSource({
    "AABB, A1 A2 A1 A0, A",
    "BBAA, B1 B2 B1 B0, B",
    "ABBA, A1 A0 B1 B0, B",
    "BAAB, B1 B0 A1 A0, A",
  })
  void givenTwoHalvesThenTheOriginalRuleElectsTheOneThatCameAtTheRightMoment(
      String votes, String steps, String winner) {
    Original original = new Original(votes);
    assertThat(original.steps()).isEqualTo(steps);
    assertThat(original.winner()).contains(winner);
  }

  @ParameterizedTest
  @CsvSource({"AABB", "BBAA", "ABBA", "BAAB", "ABAB"})
  void givenTwoHalvesThenOurRulesDoNotAskWhoCameFirst(String votes) {
    assertThat(elect(VotingRule.STRICT_MAJORITY, votes, "A")).isEmpty();
    for (VotingRule rule : List.of(VotingRule.AT_LEAST_HALF, VotingRule.PLURALITY)) {
      assertThat(elect(rule, votes, "A")).contains("A");
      assertThat(elect(rule, votes, "B")).contains("B");
      assertThat(elect(rule, votes, "C")).isEmpty();
      assertThat(elect(rule, votes, "")).isEmpty();
    }
  }

  @Test
  void givenABCAThenTheOriginalRuleMissesAAlthoughItHasHalf() {
    Original original = new Original("ABCA");
    assertThat(original.steps()).isEqualTo("A1 A0 C1 C0");
    assertThat(original.winner()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"AABC, A1 A2 A1 A0, A", "ABAC, A1 A0 A1 A0, A", "BCAA, B1 B0 A1 A2, A"})
  void givenTheSameVotesInAnotherOrderThenTheOriginalRuleElectsA(
      String votes, String steps, String winner) {
    Original original = new Original(votes);
    assertThat(original.steps()).isEqualTo(steps);
    assertThat(original.winner()).contains(winner);
  }

  @Test
  void givenXYZXThenTheOriginalRuleMissesXAndAMapFindsIt() {
    Original original = new Original("XYZX");
    assertThat(original.steps()).isEqualTo("X1 X0 Z1 Z0");
    assertThat(original.winner()).isEmpty();
    assertThat(elect(VotingRule.AT_LEAST_HALF, "XYZX", "Y")).contains("X");
    assertThat(elect(VotingRule.PLURALITY, "XYZX", "Y")).contains("X");
    assertThat(elect(VotingRule.STRICT_MAJORITY, "XYZX", "Y")).isEmpty();
  }

  @Test
  void inEveryOrderOurRulesElectTheSame() {
    for (String votes : List.of("AABB", "ABCA", "XYZX", "AAAB")) {
      for (VotingRule rule : VotingRule.values()) {
        assertThat(orders(votes).map(order -> elect(rule, order, "B")).distinct()).hasSize(1);
      }
    }
    assertThat(orders("AABB").map(o -> new Original(o).winner()).distinct()).hasSize(2);
    assertThat(orders("ABCA").map(o -> new Original(o).winner()).distinct()).hasSize(2);
  }

  @Test
  void aStrictMajorityIsNeverMissedAndThenTheOriginalRuleElectsItToo() {
    for (String votes : List.of("AAAB", "AABAC", "AAA", "A")) {
      orders(votes)
          .forEach(
              order -> {
                assertThat(new Original(order).winner()).contains("A");
                assertThat(elect(VotingRule.STRICT_MAJORITY, order, "B")).contains("A");
              });
    }
  }

  @Test
  void thoseWhoAreAwayCountAgainstAStrictMajority() {
    Election ofFive = new Election(VotingRule.STRICT_MAJORITY, 5, Optional.empty());
    assertThat(ofFive.count(votes("AA"))).isInstanceOf(Tally.NoMajority.class);
    assertThat(ofFive.count(votes("AAA"))).isInstanceOf(Tally.Elected.class);
    assertThat(new Original("AA").winner()).contains("A"); // two of five: it knows of no others
  }

  /** The original rule, with what it keeps in mind after each vote: the candidate and its lead. */
  private record Original(String votes) {
    String steps() {
      StringBuilder steps = new StringBuilder();
      char candidate = 0;
      int lead = 0;
      for (char vote : votes.toCharArray()) {
        if (lead == 0) {
          candidate = vote;
        }
        lead += vote == candidate ? 1 : -1;
        steps.append(steps.isEmpty() ? "" : " ").append(candidate).append(lead);
      }
      return steps.toString();
    }

    Optional<String> winner() {
      String steps = steps();
      char candidate = steps.charAt(steps.lastIndexOf(' ') + 1);
      long count = votes.chars().filter(vote -> vote == candidate).count();
      return 2 * count >= votes.length() ? Optional.of("" + candidate) : Optional.empty();
    }
  }

  private static Optional<String> elect(VotingRule rule, String votes, String committed) {
    Election election =
        new Election(
            rule, votes.length(), committed.chars().mapToObj(OriginalRuleTest::root).findFirst());
    return election.count(votes(votes)) instanceof Tally.Elected elected
        ? Optional.of(String.valueOf((char) elected.root().a()))
        : Optional.empty();
  }

  private static List<Vote> votes(String letters) {
    List<Vote> votes = new ArrayList<>();
    letters.chars().forEach(letter -> votes.add(new Vote("m" + votes.size(), root(letter), 1)));
    return votes;
  }

  private static Digest root(int letter) {
    return new Digest(letter, 0, 0, 0);
  }

  private static Stream<String> orders(String votes) {
    return votes.length() <= 1
        ? Stream.of(votes)
        : IntStream.range(0, votes.length())
            .boxed()
            .flatMap(
                i ->
                    orders(votes.substring(0, i) + votes.substring(i + 1))
                        .map(rest -> votes.charAt(i) + rest));
  }
}
