package io.virtquorum.adjudicate;

import java.util.List;

/** What follows from an event: the next state, and what is to be done, in order. */
public record Step(State state, List<Command> commands) {
  public Step {
    commands = List.copyOf(commands);
  }
}
