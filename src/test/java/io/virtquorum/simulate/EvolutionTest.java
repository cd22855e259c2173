package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What took the place of what, and since when. */
final class EvolutionTest {
  private static final RowKey PAGE = new RowKey("site", "page");

  private final Evolution evolution = new Evolution();

  private static Optional<Digest> row(long number) {
    return number == 0 ? Optional.empty() : Optional.of(new Digest(number, 0, 0, 0));
  }

  private static List<Matrix.Difference> change(long from, long to) {
    return List.of(new Matrix.Difference(PAGE, row(from), row(to)));
  }

  private OptionalLong since(long from, long to) {
    return evolution.since(PAGE, row(from), row(to));
  }

  @Test
  void givenSeveralStepsThenTheFirstOneSaysSinceWhen() {
    evolution.happened("a", true, change(0, 1), 10);
    evolution.happened("a", true, change(1, 2), 20);
    evolution.happened("a", true, change(2, 0), 30);
    assertThat(since(0, 2)).hasValue(10);
    assertThat(since(1, 0)).hasValue(20);
    assertThat(since(3, 2)).isEmpty();
    assertThat(evolution.isReplaced(PAGE, row(2))).isTrue();
    assertThat(evolution.isReplaced(PAGE, row(3))).isFalse();
  }

  @Test
  void givenAStepThatWasMadeAgainThenTheLastTimeCounts() {
    evolution.happened("a", true, change(1, 2), 10);
    evolution.happened("a", true, change(2, 1), 20);
    evolution.happened("a", true, change(1, 2), 30);
    assertThat(since(1, 2)).hasValue(30);
  }

  @Test
  void givenAStepWhereUsersAreNotLedThenItCountsOnceTheyAre() {
    evolution.happened("b", false, change(1, 2), 10);
    assertThat(since(1, 2)).isEmpty();
    evolution.counts("b");
    assertThat(since(1, 2)).hasValue(10);
  }

  @Test
  void givenARepairOfTheRowMeanwhileThenTheStepIsForgotten() {
    evolution.happened("b", false, change(1, 2), 10);
    evolution.repaired("b", change(2, 1));
    evolution.counts("b");
    assertThat(since(1, 2)).isEmpty();
  }
}
