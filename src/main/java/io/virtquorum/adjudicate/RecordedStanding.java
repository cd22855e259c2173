package io.virtquorum.adjudicate;

import java.util.List;
import java.util.Optional;

/**
 * What the record says of a member (rule 9): applications that wait for a commit are answered by
 * it.
 *
 * @param primary it is the recorded primary
 * @param tenure of the record
 * @param committed C; empty before the first epoch
 * @param reason a stable CamelCase word for why nothing can be committed now; empty: it can
 * @param sentence the same for a person
 * @param confirmed what the member asked with before the record was read, which said this; 0:
 *     nothing, and another may be the primary by now
 */
public record RecordedStanding(
    boolean primary,
    long tenure,
    Optional<Committed> committed,
    String reason,
    String sentence,
    long confirmed) {

  static RecordedStanding of(State state, Assessment assessment, String member) {
    ClusterRecord record = state.record();
    Hold hold = hold(state.config().orElseThrow(), record, assessment.holds());
    return new RecordedStanding(
        record.isPrimary(member),
        record.tenure(),
        record.committed(),
        hold.reason(),
        (hold.message() + " " + hold.until()).strip(),
        record.isPrimary(member) ? state.news().confirmed() : 0);
  }

  /** What keeps anything from being committed; who is not repaired for now is no reason. */
  private static Hold hold(Config config, ClusterRecord record, List<Hold> holds) {
    if (config.observe()) {
      return Hold.waiting(
          "Observe",
          "The mode is Observe: nothing is committed.",
          "It ends when spec.mode is Repair.");
    }
    if (record.members().size() < 2) {
      return Hold.waiting(
          "Alone",
          "The cluster has one member, whose disk may be lost with all that is on it.",
          "It ends when another member joined.");
    }
    if (record.committed().isEmpty() && holds.isEmpty()) {
      return Hold.passing("NothingCommitted", "Nothing is committed yet.", "");
    }
    return holds.isEmpty() ? Hold.passing("", "", "") : holds.getFirst();
  }
}
