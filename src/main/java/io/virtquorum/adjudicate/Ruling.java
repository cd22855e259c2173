package io.virtquorum.adjudicate;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a rule makes of a {@link Picture}; see {@link Assessment} for the parts. */
record Ruling(
    Verdict verdict, Optional<String> chosenPrimary, Set<String> disagreeing, List<Hold> holds) {

  /** A state is right. */
  static Ruling of(Verdict.Elected verdict, Hold... holds) {
    return new Ruling(verdict, Optional.empty(), Set.of(), List.of(holds));
  }

  /** Nobody can say, and nobody needs to hear of it. */
  static Ruling silent(Picture picture, Hold hold) {
    return new Ruling(
        new Verdict.NoMajority(hold, picture.count()), Optional.empty(), Set.of(), List.of());
  }

  /** Nobody can say. */
  static Ruling hold(Picture picture, Hold hold) {
    return new Ruling(
        new Verdict.NoMajority(hold, picture.count()), Optional.empty(), Set.of(), List.of(hold));
  }
}
