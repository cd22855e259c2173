package io.virtquorum.adjudicate;

import java.util.List;
import java.util.Optional;

/**
 * What follows from an event.
 *
 * @param commands what is to be done, in order
 * @param assessment what the ballots amount to; empty until the spec was read
 */
public record Step(State state, List<Command> commands, Optional<Assessment> assessment) {
  public Step {
    commands = List.copyOf(commands);
  }
}
