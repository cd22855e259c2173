package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.Optional;

/**
 * A member's class, and why in words.
 *
 * @param why completes the sentence "the member is (class): ..."
 */
public record Classification(MemberClass memberClass, String why) {

  /** Measures a ballot against the record (design, rules 2 and 3); numbered as they are read. */
  public static Classification of(ClusterRecord record, String member, Optional<Ballot> current) {
    // 1. Without a healthy ballot there is nothing to measure.
    if (current.isEmpty()) {
      return new Classification(MemberClass.UNKNOWN, "it has not reported yet");
    }
    Ballot ballot = current.get();
    if (ballot.trouble().isPresent()) {
      return new Classification(MemberClass.UNKNOWN, ballot.trouble().get().message());
    }
    // 2. Nor is there before the first epoch.
    if (record.committed().isEmpty()) {
      return new Classification(MemberClass.UNKNOWN, "nothing is committed yet");
    }
    Committed committed = record.committed().get();
    boolean primary = record.isPrimary(member);
    // 3. Behind: no memory, an older one, one from a tenure that a failover ended, or one that this
    // record cannot have given.
    if (ballot.memory().isEmpty()) {
      return new Classification(
          MemberClass.BEHIND, "it remembers nothing: a fresh disk or a new member");
    }
    Remembered memory = ballot.memory().get();
    if (ballot.root().equals(committed.root())
        && !memory.position().isAfter(committed.position())) {
      return new Classification(MemberClass.STEADY, "it holds the committed state");
    }
    if (memory.position().tenure() > record.tenure()
        || (memory.position().equals(committed.position())
            && !memory.root().equals(committed.root()))) {
      return new Classification(
          MemberClass.BEHIND,
          "it remembers "
              + memory.position()
              + " as "
              + memory.root().brief()
              + ", which this cluster never recorded so");
    }
    if (memory.position().compareTo(committed.position()) < 0 && (!primary || ballot.unchanged())) {
      return new Classification(
          MemberClass.BEHIND,
          "it remembers "
              + memory.position()
              + ", older than the committed "
              + committed.position());
    }
    if (!primary && isOutlived(memory.position(), record, committed)) {
      return new Classification(
          MemberClass.BEHIND,
          "what it remembers, "
              + memory.position()
              + ", was never committed and its tenure is over");
    }
    // 4. Steady: exactly what it remembers.
    if (ballot.unchanged()) {
      return new Classification(
          MemberClass.STEADY,
          memory.position().equals(committed.position())
              ? "it holds the committed state"
              : "it holds the elected state");
    }
    // 5. Advanced or drifted: by how the changes came about.
    int rot = ballot.rot().size();
    if (rot > 0) {
      return new Classification(
          MemberClass.DRIFTED,
          count(rot, "row") + " rotted and nothing had written to " + (rot == 1 ? "it" : "them"));
    }
    if (primary) {
      return new Classification(
          MemberClass.ADVANCED,
          count(ballot.changesTotal(), "row") + " changed on the primary through its OS");
    }
    return ballot.usersSinceHeld()
        ? new Classification(
            MemberClass.ADVANCED,
            count(ballot.changesTotal(), "row") + " changed while users were there")
        : new Classification(
            MemberClass.DRIFTED,
            count(ballot.changesTotal(), "row") + " changed and no user was there");
  }

  /**
   * A root beyond C that was accepted under an earlier primary lost its claim with that tenure
   * (design, rule 12).
   */
  private static boolean isOutlived(
      Position remembered, ClusterRecord record, Committed committed) {
    return remembered.isAfter(committed.position()) && remembered.tenure() < record.tenure();
  }

  private static String count(int number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }
}
