package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Decides how the record changes: at most one change at a time, because each is one
 * compare-and-swap.
 */
final class RecordPlanner {
  private RecordPlanner() {}

  /**
   * The next change of the record, if there is one.
   *
   * @param change empty: the record stays as it is
   */
  record Plan(Optional<RecordChange> change, List<Hold> holds) {
    static Plan none() {
      return new Plan(Optional.empty(), List.of());
    }

    static Plan of(RecordChange change) {
      return new Plan(Optional.of(change), List.of());
    }

    static Plan hold(Hold hold) {
      return new Plan(Optional.empty(), List.of(hold));
    }

    /** This plan's change, otherwise the other's; the holds of both. */
    Plan or(Plan other) {
      List<Hold> both = new ArrayList<>(holds);
      both.addAll(other.holds);
      return new Plan(change.or(other::change), both);
    }
  }

  static Plan plan(Picture picture, Assessment assessment) {
    Config config = picture.config();
    ClusterRecord record = picture.record();
    // 1. A new leader's term comes before anything else: from then on older leaders cannot write.
    long term = picture.state().term();
    if (record.term() < term) {
      ClusterRecord mine = record.withTerm(term);
      return Plan.of(
          RecordChange.quiet(mine.members().isEmpty() ? mine.withMembers(config.members()) : mine));
    }
    // 2. An old record changes by a person's word only (rule 3).
    if (record.committed().isPresent() && picture.recordIsOlder()) {
      return config.observe() ? Plan.none() : Succession.plan(picture, assessment);
    }
    // 3. The members and weights that the spec asks for, one at a time.
    Plan plan = Membership.plan(picture);
    if (plan.change().isPresent()) {
      return plan;
    }
    // 4. Before the first epoch: whose state it is to be (rule 14).
    if (record.committed().isEmpty()) {
      if (config.observe()) {
        return plan; // members of a former life may remember the same, and nobody leads yet
      }
      Optional<String> chosen = assessment.chosenPrimary();
      // The primary too begins another tenure where members remember what the record does not.
      if (chosen.isPresent()
          && (!record.isPrimary(chosen.get()) || isAnew(picture, chosen.get()))) {
        Optional<Digest> mandate =
            config
                .promote()
                .filter(chosen.get()::equals)
                .map(promoted -> picture.ballot(promoted).root());
        return Plan.of(
            RecordChange.quiet(record.withPrimary(chosen.get(), mandate, picture.newestTenure())));
      }
      return plan.or(Commits.plan(picture, assessment));
    }
    // 5. Another primary, where a person, a death or the users ask for it.
    Plan succession = config.observe() ? Plan.none() : Succession.plan(picture, assessment);
    plan = plan.or(succession);
    if (plan.change().isPresent()) {
      return plan;
    }
    // 6. What is to be committed, unless members are only observed; primaries that lost their
    // tenure, and are back; and where nothing changes, whether the primary still is.
    Plan commits = config.observe() ? Plan.none() : Commits.plan(picture, assessment);
    return plan.or(commits).or(Departures.plan(picture, assessment)).or(confirmation(picture));
  }

  /**
   * The record as it is: that this is still so is known once it was written, or read, after the
   * primary asked.
   */
  private static Plan confirmation(Picture picture) {
    long asked = picture.asked();
    return asked == 0 || asked == picture.state().news().confirmed()
        ? Plan.none()
        : Plan.of(RecordChange.quiet(picture.record()));
  }

  private static boolean isAnew(Picture picture, String promoted) {
    return picture.config().promote().filter(promoted::equals).isPresent()
        && picture.recordIsOlder();
  }
}
