package io.virtquorum.guest;

import java.util.List;

/**
 * A command of a member whose output is a feature. Immutable.
 *
 * @param name the feature's name
 * @param run program and arguments; what it says is compared
 * @param apply program and arguments that make it say what comes on its standard input; empty:
 *     there are none
 */
public record CommandFeature(String name, List<String> run, List<String> apply) {
  public CommandFeature {
    run = List.copyOf(run);
    apply = List.copyOf(apply);
  }
}
