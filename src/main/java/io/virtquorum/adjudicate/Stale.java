package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.StaleProcess;
import java.util.List;

/**
 * Rule 8: who has a process that still writes into a file which a repair took out of its tree does
 * not begin to lead: what users write by that process would be seen by nobody. Its end is waited
 * for; a person may promote all the same.
 */
final class Stale {
  private Stale() {}

  /** This one is to lead, and a process there is in the way. */
  static Hold successor(Picture picture, String name, String why) {
    return Hold.waiting(
        "StaleProcess",
        "%s is to lead (%s), and what users write there may be lost: %s."
            .formatted(name, why, words(picture, name)),
        "It ends when that process closed the file (on %s: %s), when another member holds the same state, or when a person promotes %s all the same."
            .formatted(name, first(picture, name).remedy(), name));
  }

  /** Of all members that report, so that it is known before one of them is to lead. */
  static List<Hold> holds(Picture picture) {
    return picture
        .usable()
        .filter(picture::hasStaleProcess)
        .filter(name -> picture.primary().isPresent()) // else it is told who is to lead
        .map(
            name ->
                picture.record().isPrimary(name) ? primary(picture, name) : standby(picture, name))
        .toList();
  }

  private static Hold primary(Picture picture, String name) {
    return Hold.waiting(
        "StaleProcess",
        "What users write at the primary %s may be lost: %s.".formatted(name, words(picture, name)),
        "It ends when that process closed the file (on %s: %s)."
            .formatted(name, first(picture, name).remedy()));
  }

  private static Hold standby(Picture picture, String name) {
    return Hold.passing(
        "StaleProcess",
        "%s would not lead at once: %s.".formatted(name, words(picture, name)),
        "It ends when that process closed the file (on %s: %s); an afterRepair command of the tree restarts it after each repair."
            .formatted(name, first(picture, name).remedy()));
  }

  private static String words(Picture picture, String name) {
    List<StaleProcess> all = picture.ballot(name).stale();
    return all.getFirst().words()
        + (all.size() == 1 ? "" : ", and %d more".formatted(all.size() - 1));
  }

  private static StaleProcess first(Picture picture, String name) {
    return picture.ballot(name).stale().getFirst();
  }
}
