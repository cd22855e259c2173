package io.virtquorum.adjudicate;

import java.util.ArrayList;
import java.util.List;

/**
 * Decides what to do about an assessment: first whether the record changes, otherwise who is
 * repaired. A pure function of what is known.
 */
final class Planner {
  private Planner() {}

  /** The state after the decisions, its holds set, and what is to be done. */
  static Plan plan(Picture picture, Assessment assessment) {
    State state = picture.state();
    List<Hold> holds = new ArrayList<>(assessment.holds());
    if (state.record().term() > state.term()) {
      holds.add(
          Hold.passing(
              "Superseded",
              "A newer leader (term %d) decides; this one (term %d) orders nothing any more."
                  .formatted(state.record().term(), state.term()),
              "It ends when this operator stops or leads again."));
      return new Plan(state, List.of(), holds);
    }
    if (state.isWriting()) {
      return new Plan(state, List.of(), holds);
    }
    RecordPlanner.Plan planned = RecordPlanner.plan(picture, assessment);
    holds.addAll(planned.holds());
    if (planned.change().isPresent()) {
      RecordChange change = planned.change().get().after(picture.asked());
      return new Plan(
          state.withWriting(change), List.of(new Command.Write(change.record())), holds);
    }
    if (picture.config().observe() || picture.recordIsOlder()) {
      return new Plan(state, List.of(), holds);
    }
    Plan repairs = RepairPlanner.plan(picture, assessment);
    holds.addAll(repairs.holds());
    return new Plan(repairs.state(), repairs.commands(), holds);
  }

  /** What is to be done now, and what is not. */
  record Plan(State state, List<Command> commands, List<Hold> holds) {
    Plan {
      commands = List.copyOf(commands);
      holds = List.copyOf(holds);
    }
  }
}
