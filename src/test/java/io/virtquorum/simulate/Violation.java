package io.virtquorum.simulate;

/** An invariant did not hold. An error, so that no production code takes it for one of its own. */
final class Violation extends AssertionError {
  final String invariant;

  Violation(String invariant, String message) {
    super(invariant + ": " + message);
    this.invariant = invariant;
  }
}
