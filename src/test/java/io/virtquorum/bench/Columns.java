package io.virtquorum.bench;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.DigestColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Members' digest columns for measuring, the same ones in every run. */
final class Columns {
  private Columns() {}

  /**
   * Random digests that all members share, except that in some rows some members have others.
   *
   * @param members how many columns
   * @param contested the share of rows, 0 to 1, in which each member has one of two digests by
   *     chance
   */
  static List<DigestColumn> make(int members, int rows, double contested) {
    List<DigestColumn> columns = new ArrayList<>();
    for (int member = 0; member < members; member++) {
      Random shared = new Random(1);
      Random own = new Random(2 + member);
      columns.add(
          DigestColumn.of(
              rows,
              row -> {
                Digest usual = random(shared);
                Digest rival = random(shared);
                boolean differs = shared.nextDouble() < contested && own.nextBoolean();
                return Optional.of(differs ? rival : usual);
              }));
    }
    return columns;
  }

  private static Digest random(Random random) {
    return new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }
}
