package io.virtquorum.adjudicate;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides what to do about an assessment: first whether the record changes, otherwise who is
 * repaired. A pure function of what is known.
 */
final class Planner {
  private Planner() {}

  /** The state after the decisions, its holds set, and what is to be done. */
  static Step plan(State state, Assessment assessment, Instant now) {
    List<Hold> holds = new ArrayList<>(assessment.holds());
    if (state.record().term() > state.term()) {
      holds.add(
          new Hold(
              "Superseded",
              "A newer leader (term %d) decides; this one (term %d) orders nothing any more."
                  .formatted(state.record().term(), state.term()),
              "It ends when this operator stops or leads again."));
      return new Step(state.withHolds(holds), List.of());
    }
    if (state.writing().isPresent()) {
      return new Step(state.withHolds(holds), List.of());
    }
    RecordPlanner.Plan change = RecordPlanner.plan(state, assessment);
    holds.addAll(change.holds());
    if (change.write().isPresent()) {
      Command.Write write = change.write().get();
      return new Step(state.withWriting(write.record()).withHolds(holds), List.of(write));
    }
    if (state.config().orElseThrow().observe()) {
      return new Step(state.withHolds(holds), List.of());
    }
    RepairPlanner.Plan repairs = RepairPlanner.plan(state, assessment, now);
    holds.addAll(repairs.holds());
    return new Step(repairs.state().withHolds(holds), repairs.commands());
  }
}
