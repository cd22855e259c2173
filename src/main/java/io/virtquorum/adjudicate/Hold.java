package io.virtquorum.adjudicate;

/**
 * Something that VirtQuorum does not do, and why.
 *
 * @param reason a stable CamelCase word
 * @param message what is held back, and why, as a sentence
 * @param until what ends it, as a sentence
 * @param ends who has to do something for it
 */
public record Hold(String reason, String message, String until, Ends ends) {
  /** Who ends a hold. */
  public enum Ends {
    /** It passes, as members report or orders end. */
    BY_ITSELF,
    /** A person has to do something. */
    BY_A_PERSON
  }

  /** A hold that passes by itself. */
  static Hold passing(String reason, String message, String until) {
    return new Hold(reason, message, until, Ends.BY_ITSELF);
  }

  /** A hold that waits for a person. */
  static Hold waiting(String reason, String message, String until) {
    return new Hold(reason, message, until, Ends.BY_A_PERSON);
  }

  /** True if a person has to do something. */
  public boolean needsAPerson() {
    return ends == Ends.BY_A_PERSON;
  }
}
