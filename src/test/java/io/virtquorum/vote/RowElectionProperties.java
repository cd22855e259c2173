package io.virtquorum.vote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.DigestColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class RowElectionProperties {
  /** What votes for the absence of a row in an ordinary election. */
  private static final Digest ABSENT = new Digest(9, 9, 9, 9);

  @Property
  void everyRowElectsWhatAnOrdinaryElectionDoes(
      @ForAll("members") List<Member> members, @ForAll @IntRange(max = 5) int missing) {
    RowElection rows = election(members, missing);
    for (int row = 0; row < Member.ROWS; row++) {
      int winner = rows.elect(row);
      Optional<Digest> found =
          winner == RowElection.NOBODY
              ? Optional.empty()
              : Optional.of(members.get(winner).vote(row));
      assertThat(found).isEqualTo(ordinary(members, missing, row));
    }
  }

  @Property
  void theFirstMemberThatHasItIsNamed(@ForAll("members") List<Member> members) {
    RowElection rows = election(members, 0);
    for (int row = 0; row < Member.ROWS; row++) {
      int winner = rows.elect(row);
      for (int earlier = 0; earlier < winner; earlier++) {
        assertThat(members.get(earlier).vote(row)).isNotEqualTo(members.get(winner).vote(row));
      }
    }
  }

  @Example
  void givenOneRottenRowThenTheOthersAreNamedForItAndAnybodyForTheRest() {
    Member good = new Member(1, List.of(1, 1, 1));
    Member rotten = new Member(1, List.of(1, 2, 1));
    RowElection rows = election(List.of(rotten, good, good), 0);
    assertThat(rows.elect(0)).isZero();
    assertThat(rows.elect(1)).isEqualTo(1);
    assertThat(rows.elect(2)).isZero();
  }

  @Example
  void givenMostMembersLackARowThenItsAbsenceIsElected() {
    Member has = new Member(1, List.of(1, 1, 1));
    Member lacks = new Member(1, List.of(0, 1, 1));
    assertThat(election(List.of(has, lacks, lacks), 0).elect(0)).isEqualTo(1);
  }

  @Example
  void givenThreeDifferentDigestsThenTheOneWithTheMajorityIsFoundWherever() {
    Member one = new Member(1, List.of(1, 1, 1));
    Member two = new Member(1, List.of(2, 1, 1));
    Member three = new Member(3, List.of(3, 1, 1));
    assertThat(election(List.of(one, two, three), 0).elect(0)).isEqualTo(2);
    assertThat(election(List.of(one, three, two), 0).elect(0)).isEqualTo(1);
    assertThat(election(List.of(three, two, one), 0).elect(0)).isZero();
    assertThat(election(List.of(one, two, three), 1).elect(0)).isEqualTo(RowElection.NOBODY);
  }

  @Example
  void halfOfAllIsNoMajority() {
    Member one = new Member(1, List.of(1, 1, 1));
    Member other = new Member(1, List.of(2, 1, 1));
    RowElection rows = election(List.of(one, other), 0);
    assertThat(rows.elect(0)).isEqualTo(RowElection.NOBODY);
    assertThat(rows.elect(1)).isZero();
    assertThat(election(List.of(one, one), 2).elect(0)).isEqualTo(RowElection.NOBODY);
  }

  @Example
  void withoutMembersNobodyIsElected() {
    assertThat(new RowElection(List.of(), new int[0], 0).elect(0)).isEqualTo(RowElection.NOBODY);
  }

  @Example
  void whatCannotBeCountedIsRefused() {
    List<DigestColumn> two =
        List.of(new Member(1, List.of(1)).column(), new Member(1, List.of(1)).column());
    assertThatThrownBy(() -> new RowElection(two, new int[] {1}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("2 columns, 1 weights");
    assertThatThrownBy(() -> new RowElection(two, new int[] {1, -1}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a vote cannot weigh -1");
    assertThatThrownBy(() -> new RowElection(two, new int[] {1, 1}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("votes weigh 2 of 1");
    List<DigestColumn> unequal = List.of(two.getFirst(), new Member(1, List.of(1, 1)).column());
    assertThatThrownBy(() -> new RowElection(unequal, new int[] {1, 1}, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the columns are not of the same rows");
  }

  @Example
  void weightsThatNoIntCanAddUpAreCountedRight() {
    Member one = new Member(Integer.MAX_VALUE, List.of(1, 1, 1));
    Member other = new Member(Integer.MAX_VALUE, List.of(2, 1, 1));
    RowElection rows = election(List.of(one, other, other), 0);
    assertThat(rows.elect(0)).isEqualTo(1);
    assertThat(rows.elect(1)).isZero();
  }

  @Example
  void theWeightsMayChangeAfterwardsWithoutHarm() {
    Member one = new Member(1, List.of(1, 1, 1));
    Member other = new Member(1, List.of(2, 1, 1));
    int[] weights = {3, 1};
    RowElection rows = new RowElection(List.of(one.column(), other.column()), weights, 4);
    Arrays.fill(weights, 0);
    assertThat(rows.elect(0)).isZero();
  }

  private static RowElection election(List<Member> members, int missing) {
    int[] weights = members.stream().mapToInt(Member::weight).toArray();
    long total = members.stream().mapToLong(Member::weight).sum() + missing;
    return new RowElection(members.stream().map(Member::column).toList(), weights, total);
  }

  private static Optional<Digest> ordinary(List<Member> members, int missing, int row) {
    List<Vote> votes = new ArrayList<>();
    long total = missing;
    for (Member member : members) {
      votes.add(new Vote("m" + votes.size(), member.vote(row), member.weight()));
      total += member.weight();
    }
    Tally tally = new Election(VotingRule.STRICT_MAJORITY, total, Optional.empty()).count(votes);
    return tally instanceof Tally.Elected elected ? Optional.of(elected.root()) : Optional.empty();
  }

  /** A member with a few rows; content 0 is a row that it lacks. */
  record Member(int weight, List<Integer> contents) {
    static final int ROWS = 3;

    Digest vote(int row) {
      int content = contents.get(row);
      return content == 0 ? ABSENT : new Digest(0, content, 0, 0);
    }

    DigestColumn column() {
      return DigestColumn.of(
          contents.size(),
          row -> contents.get(row) == 0 ? Optional.empty() : Optional.of(vote(row)));
    }
  }

  @Provide
  Arbitrary<List<Member>> members() {
    Arbitrary<List<Integer>> contents =
        Arbitraries.integers().between(0, 3).list().ofSize(Member.ROWS);
    return Arbitraries.integers()
        .between(0, 4)
        .flatMap(weight -> contents.map(c -> new Member(weight, c)))
        .list()
        .ofMaxSize(9);
  }
}
