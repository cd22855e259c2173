package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Goal;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Offer;
import io.virtquorum.wire.v1.RestoreRows;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RestoredRowsTest {
  private static final RowKey COMES = new RowKey("site", "comes");
  private static final RowKey GOES = new RowKey("site", "goes");
  private static final Digest DIGEST = new Digest(1, 2, 3, 4);

  @Test
  void givenRotThenOnlyWhatNobodyWroteIsToComeBack() throws Exception {
    assertThat(RestoredRows.goal(coming().build()))
        .isEqualTo(new Goal.Rows(Map.of(COMES, Optional.of(DIGEST))));
  }

  @Test
  void givenAMemberToRebuildThenWrittenRowsComeBackAndOthersGo() throws Exception {
    RestoreRows order = coming().setWritten(true).addGone(WireMapping.write(GOES)).build();

    assertThat(RestoredRows.goal(order))
        .isEqualTo(new Goal.Remembered(Map.of(COMES, Optional.of(DIGEST), GOES, Optional.empty())));
  }

  @Test
  void givenNothingToComeThenNoOfferIsNeeded() throws Exception {
    RestoreRows order =
        RestoreRows.newBuilder().setWritten(true).addGone(WireMapping.write(GOES)).build();

    assertThat(RestoredRows.goal(order))
        .isEqualTo(new Goal.Remembered(Map.of(GOES, Optional.empty())));
  }

  @Test
  void givenAnOrderThatContradictsItselfThenItIsRefused() {
    assertRefused(coming().clearOffer(), "no offer to fetch them from");
    assertRefused(coming().addGone(WireMapping.write(GOES)), "Rows may go only where");
    assertRefused(
        coming().setWritten(true).addGone(WireMapping.write(COMES)), "cannot both come and go");
    assertRefused(
        coming().setWritten(true).addGone(WireMapping.write(new RowKey("site", ""))),
        "The root of a tree cannot go");
  }

  private static void assertRefused(RestoreRows.Builder order, String why) {
    assertThatThrownBy(() -> RestoredRows.goal(order.build()))
        .isInstanceOf(WireException.class)
        .hasMessageContaining(why);
  }

  private static RestoreRows.Builder coming() {
    return RestoreRows.newBuilder()
        .setOffer(Offer.getDefaultInstance())
        .addRows(WireMapping.write(new Row(COMES, DIGEST)));
  }
}
