package io.virtquorum.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class AlignmentProperties {
  private static final Digest ONE = new Digest(1, 0, 0, 0);

  @Property
  void theRowsThatDifferAreThoseThatTheMatricesNameAsTheirDifferences(
      @ForAll("matrices") List<Matrix> matrices) {
    Alignment alignment = Alignment.of(matrices);
    TreeSet<RowKey> expected = new TreeSet<>();
    for (Matrix matrix : matrices) {
      matrices.getFirst().differences(matrix).forEach(difference -> expected.add(difference.key()));
    }
    assertThat(alignment.differing().stream().mapToObj(alignment.keys()::get))
        .containsExactlyElementsOf(expected);
  }

  @Property
  void everyMatrixHasItsColumnAndNothingIsInvented(@ForAll("matrices") List<Matrix> matrices) {
    Alignment alignment = Alignment.of(matrices);
    TreeSet<RowKey> keys = new TreeSet<>();
    matrices.forEach(matrix -> matrix.rows().forEach(row -> keys.add(row.key())));
    assertThat(alignment.keys()).containsExactlyElementsOf(keys);
    assertThat(alignment.columns()).hasSameSizeAs(matrices);
    for (int member = 0; member < matrices.size(); member++) {
      DigestColumn column = alignment.columns().get(member);
      assertThat(column.rows()).isEqualTo(keys.size());
      for (int row = 0; row < keys.size(); row++) {
        assertThat(column.digest(row))
            .isEqualTo(matrices.get(member).digest(alignment.keys().get(row)));
      }
    }
  }

  /** Longer than one word of the answer, with the difference at every place of it. */
  @Property
  void oneDifferenceIsFoundWhereverItIs(
      @ForAll @IntRange(min = 1, max = 200) int rows,
      @ForAll @IntRange(max = 199) int place,
      @ForAll @IntRange(min = 1, max = 4) int member,
      @ForAll @IntRange(max = 255) int bit) {
    int different = place % rows;
    List<DigestColumn> columns = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      boolean flips = i == member;
      columns.add(
          DigestColumn.of(
              rows,
              row -> {
                Digest usual = new Digest(row, -row, ~row, row + 1L);
                return Optional.of(flips && row == different ? flipped(usual, bit) : usual);
              }));
    }
    BitSet expected = new BitSet();
    expected.set(different);
    assertThat(DigestColumn.differing(columns)).isEqualTo(expected);
    for (int row = 0; row < rows; row++) {
      assertThat(columns.getFirst().agreement(row, columns.get(member)))
          .isEqualTo(row == different ? 0 : 1);
    }
  }

  @Example
  void aRowThatSomebodyLacksDiffersFromOneThatSomebodyHasAndNotFromOneThatNobodyHas() {
    DigestColumn has = DigestColumn.of(2, row -> row == 0 ? Optional.of(ONE) : Optional.empty());
    DigestColumn lacks = DigestColumn.of(2, row -> Optional.empty());
    assertThat(DigestColumn.differing(List.of(has, lacks)).stream()).containsExactly(0);
    assertThat(has.digest(0)).contains(ONE);
    assertThat(has.digest(1)).isEmpty();
    assertThat(has.agreement(1, lacks)).isEqualTo(1);
    assertThat(has.agreement(0, lacks)).isZero();
  }

  @Example
  void nobodyAndOneAloneDoNotDiffer() {
    assertThat(DigestColumn.differing(List.of()).isEmpty()).isTrue();
    DigestColumn alone = DigestColumn.of(3, row -> Optional.of(ONE));
    assertThat(DigestColumn.differing(List.of(alone)).isEmpty()).isTrue();
    assertThat(Alignment.of(List.of()).keys()).isEmpty();
  }

  @Example
  void columnsOfOtherLengthsAreRefused() {
    DigestColumn two = DigestColumn.of(2, row -> Optional.of(ONE));
    DigestColumn three = DigestColumn.of(3, row -> Optional.of(ONE));
    assertThatThrownBy(() -> DigestColumn.differing(List.of(two, three)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> DigestColumn.differing(List.of(three, two)))
        .isInstanceOf(IllegalArgumentException.class);
    List<RowKey> keys = List.of(new RowKey("f", "a"), new RowKey("f", "b"));
    assertThatThrownBy(() -> new Alignment(keys, List.of(three)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("3 rows, not 2");
  }

  private static Digest flipped(Digest digest, int bit) {
    byte[] bytes = digest.bytes();
    bytes[bit / 8] ^= (byte) (1 << (bit % 8));
    return Digest.of(bytes);
  }

  @Provide
  Arbitrary<List<Matrix>> matrices() {
    Arbitrary<Map<RowKey, Digest>> contents =
        Arbitraries.maps(
                Arbitraries.integers().between(0, 12).map(n -> new RowKey("f" + n % 2, "i" + n)),
                Arbitraries.longs().between(1, 2).map(n -> new Digest(0, 0, n, 0)))
            .ofMaxSize(12);
    return contents.map(AlignmentProperties::matrix).list().ofMinSize(1).ofMaxSize(9);
  }

  private static Matrix matrix(Map<RowKey, Digest> contents) {
    List<Row> rows = new ArrayList<>();
    contents.forEach((key, digest) -> rows.add(new Row(key, digest)));
    return Matrix.of(rows);
  }
}
