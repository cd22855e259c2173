package io.virtquorum.vote;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class WeightsProperties {
  private static final Digest MINE = new Digest(1, 0, 0, 0);
  private static final Digest THEIRS = new Digest(2, 0, 0, 0);

  @Property
  void withAutoThePrimaryOutvotesAllOthersTogether(@ForAll("bases") Map<String, Integer> base) {
    Weights weights = new Weights(base, OptionalInt.empty());
    for (String primary : base.keySet()) {
      assertThat(electedAgainstAllOthers(weights, primary)).isTrue();
    }
  }

  @Property
  void oneLessThanTheSmallestBonusIsTooSmallForAPrimaryThatWeighsNothingElse(
      @ForAll("bases") Map<String, Integer> base) {
    for (String primary : base.keySet()) {
      Map<String, Integer> light = new java.util.TreeMap<>(base);
      light.put(primary, 0);
      int smallest = new Weights(light, OptionalInt.empty()).smallestBonus(primary);
      assertThat(electedAgainstAllOthers(new Weights(light, OptionalInt.of(smallest)), primary))
          .isTrue();
      assertThat(electedAgainstAllOthers(new Weights(light, OptionalInt.of(smallest - 1)), primary))
          .isFalse();
    }
  }

  @Property
  void theSmallestBonusIsWhatAllOthersAndTheWitnessWeighAndOne(
      @ForAll("bases") Map<String, Integer> base) {
    Weights weights = new Weights(base, OptionalInt.empty());
    base.forEach(
        (primary, own) -> {
          int others = 0;
          for (var member : base.entrySet()) {
            others += member.getKey().equals(primary) ? 0 : member.getValue();
          }
          int witness = base.size() % 2 == 0 ? 1 : 0;
          assertThat(weights.smallestBonus(primary)).isEqualTo(others + witness + 1);
          assertThat(weights.sum()).isEqualTo(own + others + witness);
        });
  }

  @Property
  void onlyThePrimaryIsFavouredAndOnlyWhileItMayBe(@ForAll("bases") Map<String, Integer> base) {
    Weights weights = new Weights(base, OptionalInt.empty());
    assertThat(weights.inElection(Optional.empty())).isEqualTo(base);
    String primary = base.keySet().iterator().next();
    Map<String, Integer> favoured = weights.inElection(Optional.of(primary));
    assertThat(favoured.get(primary)).isEqualTo(base.get(primary) + weights.bonusOf(primary));
    base.forEach(
        (name, weight) -> {
          if (!name.equals(primary)) {
            assertThat(favoured.get(name)).isEqualTo(weight);
          }
        });
  }

  @Property
  void thereIsAWitnessExactlyWhereTwoHalvesCouldStandAgainstEachOther(
      @ForAll("bases") Map<String, Integer> base) {
    assertThat(new Weights(base, OptionalInt.empty()).witness())
        .isEqualTo(base.size() % 2 == 0 ? 1 : 0);
  }

  @Example
  void aBonusThatIsGivenIsUsedAsItIs() {
    Weights weights = new Weights(Map.of("a", 1, "b", 1, "c", 1), OptionalInt.of(7));
    assertThat(weights.inElection(Optional.of("b"))).isEqualTo(Map.of("a", 1, "b", 8, "c", 1));
  }

  private static boolean electedAgainstAllOthers(Weights weights, String primary) {
    List<Vote> votes = new ArrayList<>();
    Map<String, Integer> inElection = weights.inElection(Optional.of(primary));
    inElection.forEach(
        (name, weight) -> votes.add(new Vote(name, name.equals(primary) ? MINE : THEIRS, weight)));
    votes.add(new Vote(Vote.WITNESS, THEIRS, weights.witness()));
    long total = votes.stream().mapToLong(Vote::weight).sum();
    return new Election(VotingRule.STRICT_MAJORITY, total, Optional.of(THEIRS)).count(votes)
            instanceof Tally.Elected elected
        && elected.root().equals(MINE);
  }

  @Provide
  Arbitrary<Map<String, Integer>> bases() {
    return Arbitraries.maps(
            Arbitraries.of("a", "b", "c", "d", "e", "f"), Arbitraries.integers().between(0, 50))
        .ofMinSize(1);
  }
}
