package io.virtquorum.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class MatrixProperties {
  @Property
  void theOrderInWhichRowsAreFoundDoesNotMatter(
      @ForAll("contents") Map<RowKey, Digest> contents, @ForAll long seed) {
    List<Row> rows = rows(contents);
    Collections.shuffle(rows, new Random(seed));
    Matrix shuffled = Matrix.of(rows);
    Matrix sorted = matrix(contents);
    assertThat(shuffled.root()).isEqualTo(sorted.root());
    assertThat(shuffled.rows()).isEqualTo(sorted.rows());
    assertThat(shuffled).isEqualTo(sorted).hasSameHashCodeAs(sorted);
  }

  @Property
  void theRootsAreEqualExactlyWhenTheRowsAre(
      @ForAll("contents") Map<RowKey, Digest> one, @ForAll("contents") Map<RowKey, Digest> other) {
    assertThat(matrix(one).root().equals(matrix(other).root())).isEqualTo(one.equals(other));
  }

  @Property
  void changingAddingOrRemovingAnyRowChangesTheRoot(
      @ForAll("contents") Map<RowKey, Digest> contents,
      @ForAll("keys") RowKey key,
      @ForAll("digests") Digest digest) {
    Map<RowKey, Digest> changed = new HashMap<>(contents);
    if (digest.equals(changed.put(key, digest))) {
      changed.remove(key);
    }
    assertThat(matrix(changed).root()).isNotEqualTo(matrix(contents).root());
  }

  @Property
  void theDifferencesAreAllThereAreAndTurnRoundWithTheView(
      @ForAll("contents") Map<RowKey, Digest> mine,
      @ForAll("contents") Map<RowKey, Digest> theirs) {
    List<Matrix.Difference> found = matrix(mine).differences(matrix(theirs));

    TreeMap<RowKey, Matrix.Difference> expected = new TreeMap<>();
    List<RowKey> all = new ArrayList<>(mine.keySet());
    all.addAll(theirs.keySet());
    for (RowKey key : all) {
      Optional<Digest> here = Optional.ofNullable(mine.get(key));
      Optional<Digest> there = Optional.ofNullable(theirs.get(key));
      if (!here.equals(there)) {
        expected.put(key, new Matrix.Difference(key, here, there));
      }
    }
    assertThat(found).containsExactlyElementsOf(expected.values());
    assertThat(matrix(theirs).differences(matrix(mine)))
        .containsExactlyElementsOf(
            found.stream().map(d -> new Matrix.Difference(d.key(), d.theirs(), d.mine())).toList());
  }

  @Property
  void everyRowIsFoundByItsKeyAndNoOtherIs(
      @ForAll("contents") Map<RowKey, Digest> contents, @ForAll("keys") RowKey key) {
    Matrix matrix = matrix(contents);
    assertThat(matrix.digest(key)).isEqualTo(Optional.ofNullable(contents.get(key)));
    contents.forEach((k, digest) -> assertThat(matrix.digest(k)).contains(digest));
  }

  @Property
  void keysAreOrderedAsTheirBytesAre(@ForAll("items") String one, @ForAll("items") String other) {
    int byBytes =
        java.util.Arrays.compareUnsigned(
            one.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1),
            other.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    assertThat(Integer.signum(new RowKey("f", one).compareTo(new RowKey("f", other))))
        .isEqualTo(Integer.signum(byBytes));
  }

  /** Members remember roots on their disks: what they are made of must never change. */
  @Example
  void aRootIsTheHashOfFeatureItemAndDigestOfEachRowInOrder() throws Exception {
    Digest digest = new Digest(1, 2, 3, 4);
    Matrix matrix =
        Matrix.of(
            List.of(
                new Row(new RowKey("s\u00eft\u00e9", "b\u00ff"), digest),
                new Row(new RowKey("site", ""), digest)));
    var all = new java.io.ByteArrayOutputStream();
    all.writeBytes(new byte[] {0, 0, 0, 4, 's', 'i', 't', 'e', 0, 0, 0, 0});
    all.writeBytes(digest.bytes());
    all.writeBytes(new byte[] {0, 0, 0, 6, 's', (byte) 0xc3, (byte) 0xaf, 't'});
    all.writeBytes(new byte[] {(byte) 0xc3, (byte) 0xa9, 0, 0, 0, 2, 'b', (byte) 0xff});
    all.writeBytes(digest.bytes());
    byte[] hash = java.security.MessageDigest.getInstance("SHA-256").digest(all.toByteArray());
    assertThat(matrix.root()).isEqualTo(Digest.of(hash));
    assertThat(matrix).hasToString(matrix.root().brief() + " (2 rows)");
    assertThat(matrix.hashCode()).isNotEqualTo(Matrix.of(List.of()).hashCode());
  }

  @Example
  void fieldsThatRunTogetherAlikeAreStillDifferentRows() {
    Digest digest = new Digest(1, 2, 3, 4);
    assertThat(Matrix.of(List.of(new Row(new RowKey("ab", "c"), digest))))
        .isNotEqualTo(Matrix.of(List.of(new Row(new RowKey("a", "bc"), digest))));
  }

  @Example
  void twoRowsForOneItemAreRefusedByName() {
    Row row = new Row(new RowKey("site", "index.html"), new Digest(1, 2, 3, 4));
    assertThatThrownBy(() -> Matrix.of(List.of(row, row)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("site:index.html");
  }

  @Example
  void aKeyIsShownAsPeopleReadIt() {
    assertThat(new RowKey("site", "").display()).isEqualTo("site:.");
    assertThat(new RowKey("site", "gr\u00c3\u00bcn").display()).isEqualTo("site:gr\u00fcn");
  }

  private static Matrix matrix(Map<RowKey, Digest> contents) {
    return Matrix.of(rows(contents));
  }

  private static List<Row> rows(Map<RowKey, Digest> contents) {
    List<Row> rows = new ArrayList<>();
    contents.forEach((key, digest) -> rows.add(new Row(key, digest)));
    return rows;
  }

  @Provide
  Arbitrary<Map<RowKey, Digest>> contents() {
    return Arbitraries.maps(keys(), digests()).ofMaxSize(12);
  }

  /** Few keys and digests, so that two matrices often agree on some rows. */
  @Provide
  Arbitrary<RowKey> keys() {
    return Combinators.combine(Arbitraries.of("a", "ab", "b"), items()).as(RowKey::new);
  }

  @Provide
  Arbitrary<String> items() {
    return Arbitraries.strings().withChars('a', '/', '\u0000', '\u0080', '\u00ff').ofMaxLength(2);
  }

  @Provide
  Arbitrary<Digest> digests() {
    return Arbitraries.longs().between(0, 2).map(n -> new Digest(n, -n, 0, 1));
  }
}
