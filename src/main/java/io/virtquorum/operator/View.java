package io.virtquorum.operator;

import io.virtquorum.adjudicate.Assessment;
import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Classification;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Departure;
import io.virtquorum.adjudicate.Exposure;
import io.virtquorum.adjudicate.Hold;
import io.virtquorum.adjudicate.MemberClass;
import io.virtquorum.adjudicate.News;
import io.virtquorum.adjudicate.Route;
import io.virtquorum.adjudicate.State;
import io.virtquorum.wire.HealthContent;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * What an adjudicator has to show: a consistent picture of one moment. Two equal views have nothing
 * new for anyone.
 *
 * @param assessment empty until the adjudicator knows the spec
 * @param ballots the newest of each attached member
 * @param health of each attached member
 * @param repairing members with an order under way
 * @param exposure how long what was written on the primary has not been committed
 * @param route where users are led; empty: this adjudicator left that as it was
 */
record View(
    ClusterRecord record,
    Optional<Assessment> assessment,
    Map<String, Ballot> ballots,
    Map<String, HealthContent> health,
    List<String> repairing,
    List<Hold> holds,
    Exposure exposure,
    Optional<Route> route,
    Optional<News.Repair> lastRepair,
    Optional<News.Failover> lastFailover) {

  View {
    ballots = Map.copyOf(ballots);
    health = Map.copyOf(health);
    repairing = List.copyOf(repairing);
    holds = List.copyOf(holds);
  }

  /**
   * What an adjudicator in this state has to show.
   *
   * @param shown turns an instant of the adjudicator's into one of the wall clock
   */
  static View of(
      State state,
      Optional<Assessment> assessment,
      Map<String, HealthContent> health,
      UnaryOperator<Instant> shown) {
    return new View(
        state.record(),
        assessment,
        state.ballots(),
        health,
        state.occupied(),
        state.news().holds(),
        state.news().exposure().shown(shown),
        state.route(),
        state.news().lastRepair().map(repair -> repair.at(shown.apply(repair.at()))),
        state.news().lastFailover().map(failover -> failover.at(shown.apply(failover.at()))));
  }

  /** True if the member holds the committed state, or the newer one it was told to. */
  boolean steady(String member) {
    return assessment.filter(a -> a.classOf(member) == MemberClass.STEADY).isPresent();
  }

  /** True if the record has this member lead, with what a person wants it to hold. */
  boolean leads(String member) {
    return record.isPrimary(member)
        && (record.mandate().isPresent()
            || assessment.filter(a -> isAgreed(a, member)).isPresent());
  }

  private boolean isAgreed(Assessment assessment, String member) {
    MemberClass own = assessment.classOf(member);
    return (own == MemberClass.STEADY || own == MemberClass.ADVANCED)
        && !assessment.outvotes(ballots.get(member).root());
  }

  /** True if the member holds exactly what everybody is to hold, and remembers it. */
  boolean inSync(String member) {
    Ballot ballot = ballots.get(member);
    return ballot != null
        && ballot.healthy()
        && assessment.flatMap(Assessment::target).filter(t -> t.isHeldBy(ballot)).isPresent()
        && record.committed().isPresent();
  }

  /** True if somebody could lead at once who is in sync and not the primary. */
  boolean couldLeadOn() {
    return record.members().keySet().stream()
        .filter(member -> !record.isPrimary(member) && inSync(member))
        .anyMatch(member -> ballots.get(member).stale().isEmpty());
  }

  /** Why a member is not in sync; completes the sentence "(member): ...". */
  String reason(String member) {
    Departure departure = record.departed().get(member);
    return departure == null || departure.exposure().isEmpty() || steady(member)
        ? why(member)
        : "%s (it led in tenure %d: %s)"
            .formatted(why(member), departure.tenure(), departure.exposure());
  }

  private String why(String member) {
    if (steady(member) && record.committed().isPresent() && !inSync(member)) {
      return record.isPrimary(member)
          ? "what it holds is not on a majority of members yet"
          : "it holds an older state and waits for the newest";
    }
    return assessment
        .map(a -> a.classes().get(member))
        .map(Classification::why)
        .orElse("it has not reported yet");
  }
}
