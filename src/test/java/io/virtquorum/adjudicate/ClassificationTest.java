package io.virtquorum.adjudicate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Each numbered step of {@link Classification} (design, rules 2 and 3). */
final class ClassificationTest {
  private static final Digest C = new Digest(1, 0, 0, 0);
  private static final Digest NEWER = new Digest(2, 0, 0, 0);
  private static final Digest OTHER = new Digest(3, 0, 0, 0);
  private static final ClusterRecord RECORD =
      new ClusterRecord(
          1,
          2,
          Optional.of("p"),
          Map.of("p", 1, "m", 1, "n", 1),
          Optional.of(new Committed(5, new Position(2, 4), C)));

  @Test
  void whoHasNotReportedOrIsUnwellIsUnknown() {
    assertThat(Classification.of(RECORD, Authority.RECORD, "m", Optional.empty()).memberClass())
        .isEqualTo(MemberClass.UNKNOWN);
    Ballot unwell = ballot(C, at(2, 4, C), false, Optional.of(new Trouble("Full", "it is full.")));
    Classification found = Classification.of(RECORD, Authority.RECORD, "m", Optional.of(unwell));
    assertThat(found)
        .isEqualTo(
            new Classification(
                MemberClass.UNKNOWN, new Cause.Ailing(new Trouble("Full", "it is full."))));
  }

  @Test
  void beforeTheFirstEpochEverybodyIsUnknown() {
    ClusterRecord young =
        new ClusterRecord(1, 0, Optional.empty(), Map.of("m", 1), Optional.empty());
    Ballot ballot = ballot(C, at(2, 4, C), false, Optional.empty());
    assertThat(Classification.of(young, Authority.RECORD, "m", Optional.of(ballot)).memberClass())
        .isEqualTo(MemberClass.UNKNOWN);
  }

  @Test
  void whoRemembersNothingIsBehindEvenIfItHoldsTheCommittedState() {
    assertThat(classOf("m", C, Optional.empty(), false)).isEqualTo(MemberClass.BEHIND);
    assertThat(classOf("p", C, Optional.empty(), false)).isEqualTo(MemberClass.BEHIND);
  }

  @Test
  void whoHoldsTheCommittedStateIsSteadyThoughItRemembersAnOlderOne() {
    assertThat(classOf("m", C, at(2, 4, C), false)).isEqualTo(MemberClass.STEADY);
    assertThat(classOf("m", C, at(2, 3, OTHER), false)).isEqualTo(MemberClass.STEADY);
  }

  @Test
  void whoRemembersAnOlderStateIsBehindWhoeverItIsAndWhateverItWroteSince() {
    assertThat(classOf("m", OTHER, at(2, 3, OTHER), false)).isEqualTo(MemberClass.BEHIND);
    assertThat(classOf("m", NEWER, at(2, 3, OTHER), true, written())).isEqualTo(MemberClass.BEHIND);
    assertThat(classOf("p", OTHER, at(2, 3, OTHER), false)).isEqualTo(MemberClass.BEHIND);
    assertThat(classOf("p", NEWER, at(2, 3, OTHER), true, written())).isEqualTo(MemberClass.BEHIND);
  }

  @Test
  void whoRemembersAnAcceptedStateOfAnEndedTenureIsBehindUnlessItSucceeded() {
    ClusterRecord next =
        new ClusterRecord(1, 3, Optional.of("p"), RECORD.members(), RECORD.committed());
    Ballot ballot = ballot(NEWER, at(2, 5, NEWER), false, Optional.empty());
    assertThat(Classification.of(next, Authority.RECORD, "m", Optional.of(ballot)).memberClass())
        .isEqualTo(MemberClass.BEHIND);
    assertThat(Classification.of(next, Authority.RECORD, "p", Optional.of(ballot)).memberClass())
        .isEqualTo(MemberClass.STEADY);
  }

  @Test
  void givenANewerPrimarysCommitThenWhatAnEarlierOneWroteAndNobodyCommittedIsStillKnownAsThat() {
    ClusterRecord next =
        new ClusterRecord(1, 3, Optional.of("p"), RECORD.members(), RECORD.committed())
            .withCommitted(new Committed(6, new Position(3, 1), NEWER));
    assertThat(causeOf(next, at(2, 4, C)))
        .isEqualTo(new Cause.RemembersOlder(new Position(2, 4), new Position(3, 1)));
    assertThat(causeOf(next, at(2, 5, OTHER)))
        .isEqualTo(new Cause.RemembersOutlived(new Position(2, 5)));
    assertThat(causeOf(next, at(1, 9, OTHER)))
        .as("of a tenure before those that the record knows of")
        .isEqualTo(new Cause.RemembersOlder(new Position(1, 9), new Position(3, 1)));
  }

  private static Cause causeOf(ClusterRecord record, Optional<Remembered> memory) {
    Ballot ballot = ballot(OTHER, memory, false, Optional.empty());
    return Classification.of(record, Authority.RECORD, "m", Optional.of(ballot)).cause();
  }

  @Test
  void givenManyTenuresThenTheRecordKnowsTheEndsOfTheLatestOnes() {
    ClusterRecord record = RECORD;
    for (long tenure = 3; tenure < 40; tenure++) {
      record = record.withCommitted(new Committed(tenure, new Position(tenure, 2), C));
    }
    assertThat(record.ended()).hasSize(16).containsEntry(38L, 2L).containsEntry(23L, 2L);
  }

  @Test
  void whoRemembersWhatThisRecordCannotHaveGivenIsBehind() {
    assertThat(classOf("m", OTHER, at(2, 4, OTHER), false)).isEqualTo(MemberClass.BEHIND);
    assertThat(classOf("m", OTHER, at(9, 1, OTHER), false)).isEqualTo(MemberClass.BEHIND);
  }

  @Test
  void whoAcceptedANewerRootAndHoldsItIsSteady() {
    assertThat(classOf("m", NEWER, at(2, 5, NEWER), false)).isEqualTo(MemberClass.STEADY);
    assertThat(classOf("p", NEWER, at(2, 5, NEWER), false)).isEqualTo(MemberClass.STEADY);
  }

  @Test
  void rotIsDriftWhateverElseWasWrittenAndWhereverItIs() {
    assertThat(classOf("p", OTHER, at(2, 4, C), true, written(), rot()))
        .isEqualTo(MemberClass.DRIFTED);
    assertThat(classOf("m", OTHER, at(2, 4, C), true, rot())).isEqualTo(MemberClass.DRIFTED);
  }

  @Test
  void whatIsWrittenIsAnAdvanceOnThePrimaryAndElsewhereOnlyWithAUser() {
    assertThat(classOf("p", OTHER, at(2, 4, C), false, written())).isEqualTo(MemberClass.ADVANCED);
    assertThat(classOf("m", OTHER, at(2, 4, C), true, written())).isEqualTo(MemberClass.ADVANCED);
    assertThat(classOf("m", OTHER, at(2, 4, C), false, written())).isEqualTo(MemberClass.DRIFTED);
  }

  @Test
  void aPrimaryThatWentBackToTheCommittedContentAfterANewerRootHasAdvanced() {
    assertThat(classOf("p", C, at(2, 5, NEWER), false, written())).isEqualTo(MemberClass.ADVANCED);
  }

  private static MemberClass classOf(
      String member, Digest root, Optional<Remembered> memory, boolean users, Change... changes) {
    Ballot ballot =
        new Ballot(
            new Incarnation("u", "b"),
            1,
            root,
            3,
            memory,
            0,
            List.of(changes),
            changes.length,
            0,
            users,
            false,
            Optional.empty(),
            Map.of(),
            List.of(),
            0);
    return Classification.of(RECORD, Authority.RECORD, member, Optional.of(ballot)).memberClass();
  }

  private static Ballot ballot(
      Digest root, Optional<Remembered> memory, boolean users, Optional<Trouble> trouble) {
    return new Ballot(
        new Incarnation("u", "b"),
        1,
        root,
        3,
        memory,
        0,
        List.of(),
        0,
        0,
        users,
        false,
        trouble,
        Map.of(),
        List.of(),
        0);
  }

  private static Optional<Remembered> at(long tenure, long sequence, Digest root) {
    return Optional.of(new Remembered(new Position(tenure, sequence), root));
  }

  private static Change written() {
    return change("index.html", Change.Kind.WRITTEN);
  }

  private static Change rot() {
    return change("data", Change.Kind.ROT);
  }

  private static Change change(String item, Change.Kind kind) {
    return new Change(new RowKey("site", item), kind, Optional.of(C), Optional.of(OTHER));
  }
}
