package io.virtquorum.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Offer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

final class WireMappingTest {
  private static final Digest D1 = new Digest(1, -2, 3, Long.MIN_VALUE);
  private static final Digest D2 = new Digest(4, 5, 6, 7);
  private static final RowKey KEY = new RowKey("site", "b\u00ff\u0000\u0080ä");

  @Test
  void givenAFullBallotWhenWrittenAndReadThenItIsTheSame() throws Exception {
    BallotContent ballot = ballot(List.of(written(), rot()), 2);
    assertThat(WireMapping.read(Ballot.parseFrom(WireMapping.write(ballot).toByteArray())))
        .isEqualTo(ballot);
  }

  @Test
  void givenAnItemThatIsNoTextWhenItCrossesThenEveryByteArrives() throws Exception {
    StringBuilder all = new StringBuilder();
    for (char c = 0; c < 256; c++) {
      all.append(c);
    }
    RowKey key = new RowKey("site", all.toString());
    assertThat(WireMapping.write(key).getItem().size()).isEqualTo(256);
    assertThat(WireMapping.read(WireMapping.write(key))).isEqualTo(key);
  }

  @Test
  void givenAnItemWithAWideCharWhenWrittenThenTheCallerIsToldInsteadOfLosingIt() {
    assertThatThrownBy(() -> WireMapping.write(new RowKey("site", "\u20ac")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void givenAnOfferWhenReadThenItsMatrixHasTheOfferedRoot() throws Exception {
    OfferContent offer =
        new OfferContent("c1", Matrix.of(List.of(new Row(KEY, D1))), "172.31.77.11", 8730, "pw");
    OfferContent read = WireMapping.read(WireMapping.write(offer));
    assertThat(read).isEqualTo(offer);
    assertThat(read.toString()).doesNotContain("pw");
  }

  @Test
  void givenRowsThatDoNotHashToTheRootWhenReadThenTheOfferIsRefused() {
    Offer lie =
        WireMapping.write(
                new OfferContent("c1", Matrix.of(List.of(new Row(KEY, D1))), "a", 1, "pw"))
            .toBuilder()
            .setRoot(WireMapping.write(D2))
            .build();
    assertThatThrownBy(() -> WireMapping.read(lie))
        .isInstanceOf(WireException.class)
        .hasMessageContaining("hash to");
  }

  @Test
  void givenARowTwiceWhenReadThenTheOfferIsRefused() {
    Offer twice =
        WireMapping.write(
                new OfferContent("c1", Matrix.of(List.of(new Row(KEY, D1))), "a", 1, "pw"))
            .toBuilder()
            .addRows(WireMapping.write(new Row(KEY, D2)))
            .build();
    assertThatThrownBy(() -> WireMapping.read(twice))
        .isInstanceOf(WireException.class)
        .hasMessageContaining("distinct");
  }

  @Test
  void givenTooManyChangesWhenReadThenTheSentenceSaysTheLimit() {
    Ballot big =
        WireMapping.write(ballot(List.of(), 0)).toBuilder()
            .addAllChanges(
                Collections.nCopies(WireLimits.CHANGES + 1, WireMapping.write(written())))
            .setChangesTotal(WireLimits.CHANGES + 1)
            .build();
    assertThatThrownBy(() -> WireMapping.read(big))
        .isInstanceOf(WireException.class)
        .hasMessage("A message has 1001 changes, 1000 at most");
  }

  @Test
  void givenADigestOfAnotherLengthWhenReadThenItIsRefused() {
    assertThatThrownBy(
            () -> WireMapping.readDigest(ByteString.copyFrom(new byte[31]), "the root of x"))
        .isInstanceOf(WireException.class)
        .hasMessage("the root of x must have 32 bytes and has 31");
  }

  @Test
  void givenAnItemLongerThanAPathCanBeWhenReadThenItIsRefused() {
    var key = WireMapping.write(new RowKey("site", "x".repeat(WireLimits.ITEM + 1)));
    assertThatThrownBy(() -> WireMapping.read(key)).isInstanceOf(WireException.class);
  }

  @Test
  void givenNumbersBeyondTheirRangeWhenReadThenTheyAreRefused() {
    Ballot rows = WireMapping.write(ballot(List.of(), 0)).toBuilder().setRows(-1).build();
    assertThatThrownBy(() -> WireMapping.read(rows)).isInstanceOf(WireException.class);
    var position = io.virtquorum.wire.v1.Position.newBuilder().setTenure(-1).build();
    assertThatThrownBy(() -> WireMapping.read(position)).isInstanceOf(WireException.class);
  }

  @Test
  void givenAChangeOfNothingWhenReadThenItIsRefused() {
    var nothing = WireMapping.write(written()).toBuilder().clearBefore().clearNow().build();
    assertThatThrownBy(() -> WireMapping.read(nothing)).isInstanceOf(WireException.class);
    var kindless =
        WireMapping.write(written()).toBuilder()
            .setKind(io.virtquorum.wire.v1.Change.Kind.KIND_UNSPECIFIED)
            .build();
    assertThatThrownBy(() -> WireMapping.read(kindless)).isInstanceOf(WireException.class);
  }

  @Test
  void givenMoreOutputsThanASpecCanListWhenReadThenTheyAreRefused() {
    var output = WireMapping.write(ballot(List.of(), 0)).getOutputs(0);
    Ballot many =
        WireMapping.write(ballot(List.of(), 0)).toBuilder()
            .clearOutputs()
            .addAllOutputs(Collections.nCopies(WireLimits.OUTPUTS + 1, output))
            .build();
    assertThatThrownBy(() -> WireMapping.read(many))
        .isInstanceOf(WireException.class)
        .hasMessage("A message has 36 outputs, 35 at most");
  }

  @Test
  void givenAnOutputThatIsNoneWhenReadThenItIsRefused() {
    for (var kind : List.of(io.virtquorum.wire.v1.Output.Kind.KIND_UNSPECIFIED_VALUE, 7)) {
      assertRefused(output -> output.setKindValue(kind), "of which kind");
    }
    assertRefused(output -> output.clearFeature(), "the feature of an output");
    assertRefused(output -> output.setFeature("x".repeat(64)), "the feature of an output");
    assertRefused(
        output -> output.setWords("x".repeat(WireLimits.WORD + 1)), "the words of an output");
    assertRefused(output -> output.clearDigest(), "the digest of an output");
  }

  @Test
  void givenLongWordsWhenWrittenThenTheyAreCutToWhatIsRead() throws Exception {
    BallotContent ballot =
        ballot(List.of(), 0, Map.of("x", new Output(D1, "w".repeat(1_000), Output.Kind.FAILED)));
    assertThat(WireMapping.read(WireMapping.write(ballot)).outputs().get("x").words())
        .hasSizeLessThanOrEqualTo(WireLimits.WORD)
        .startsWith("www");
  }

  private static void assertRefused(
      Consumer<io.virtquorum.wire.v1.Output.Builder> change, String words) {
    Ballot.Builder ballot = WireMapping.write(ballot(List.of(), 0)).toBuilder();
    change.accept(ballot.getOutputsBuilder(0));
    assertThatThrownBy(() -> WireMapping.read(ballot.build()))
        .isInstanceOf(WireException.class)
        .hasMessageContaining(words);
  }

  private static Change written() {
    return new Change(KEY, Change.Kind.WRITTEN, Optional.empty(), Optional.of(D1));
  }

  private static Change rot() {
    return new Change(new RowKey("site", "a"), Change.Kind.ROT, Optional.of(D1), Optional.of(D2));
  }

  private static BallotContent ballot(List<Change> changes, int total) {
    return ballot(
        changes,
        total,
        Map.of(
            "kernel", new Output(D1, "6.12.48", Output.Kind.COMPARED),
            "packages", new Output(D2, "", Output.Kind.REPAIRABLE),
            "users", new Output(D2, "it ended with exit code 1", Output.Kind.FAILED)));
  }

  private static BallotContent ballot(
      List<Change> changes, int total, Map<String, Output> outputs) {
    return new BallotContent(
        7,
        "boot",
        D1,
        3,
        Optional.of(new Remembered(new Position(1, 9), D2)),
        2,
        changes,
        total,
        1,
        true,
        false,
        Optional.of(new BallotContent.Trouble("NotMounted", "/srv/www is not mounted.")),
        outputs,
        List.of(
            new StaleProcess(new RowKey("site", "log"), 7, "nginx", "nginx.service"),
            new StaleProcess(new RowKey("site", "disk"), 0, "", "")),
        0);
  }
}
