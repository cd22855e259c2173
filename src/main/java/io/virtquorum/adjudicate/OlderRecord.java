package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Remembered;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Rule 3: a record that is older than what somebody remembers, because etcd was restored from a
 * backup or the HACluster was made anew. Nothing is decided by it until a person promotes a member.
 * The other way round, memories that are all older than the record, is as much a person's.
 */
final class OlderRecord {
  private OlderRecord() {}

  /**
   * True if a member remembers what this record cannot know of, or did since this leader began: who
   * does not report now has lost nothing by that.
   */
  static boolean isOlder(Picture picture) {
    return picture.state().news().newestTenure() > picture.record().tenure()
        || !newer(picture).isEmpty();
  }

  /** Who remembers what this record cannot know of; in order of their names. */
  private static Map<String, Remembered> newer(Picture picture) {
    Map<String, Remembered> newer = new TreeMap<>();
    picture
        .healthy()
        .forEach(
            name ->
                picture
                    .remembered(name)
                    .filter(memory -> isNewer(picture, memory))
                    .ifPresent(memory -> newer.put(name, memory)));
    return newer;
  }

  private static boolean isNewer(Picture picture, Remembered memory) {
    ClusterRecord record = picture.record();
    long tenure = memory.position().tenure();
    if (tenure != record.tenure() || record.committed().isPresent()) {
      return tenure > record.tenure();
    }
    // In the first epoch nobody has accepted more than the primary has.
    return picture.primary().isPresent()
        && !picture
            .remembered(picture.primary().get())
            .filter(accepted -> accepted.position().tenure() == tenure)
            .filter(accepted -> accepted.equals(memory) || isAfter(accepted, memory))
            .isPresent();
  }

  private static boolean isAfter(Remembered one, Remembered other) {
    return one.position().isAfter(other.position());
  }

  /** What is held back, and which word ends it. */
  static Hold hold(Picture picture) {
    Map<String, Remembered> newer = newer(picture);
    ClusterRecord record = picture.record();
    String known =
        record
            .committed()
            .map(c -> "is in tenure %d with %s committed".formatted(record.tenure(), c.position()))
            .orElse("has nothing committed");
    return Hold.waiting(
        "RecordOlder",
        "The record %s, and members remember more: %s%s. It was restored from a backup, or the HACluster was made anew. Nothing is repaired and users are led nowhere new."
            .formatted(
                known,
                memories(picture),
                newer.isEmpty() && !isInPart(picture) ? earlier(picture) : ""),
        promote(picture, newer));
  }

  /** Somebody remembers a later tenure at least in a part of its trees. */
  private static boolean isInPart(Picture picture) {
    return picture
        .healthy()
        .anyMatch(m -> picture.ballot(m).newestTenure() > picture.record().tenure());
  }

  private static String earlier(Picture picture) {
    return ", and what was remembered of tenure %d is reported by nobody now"
        .formatted(picture.state().news().newestTenure());
  }

  /** All report, and each is behind: the record is newer than every memory. */
  static Optional<Hold> membersOlder(Picture picture) {
    ClusterRecord record = picture.record();
    boolean all =
        record.members().keySet().stream()
            .allMatch(m -> picture.isUsable(m) && picture.is(m, MemberClass.BEHIND));
    if (!all || record.committed().isEmpty()) {
      return Optional.empty();
    }
    Map<String, Remembered> memories = new TreeMap<>();
    record
        .members()
        .keySet()
        .forEach(m -> picture.remembered(m).ifPresent(memory -> memories.put(m, memory)));
    return Optional.of(
        Hold.waiting(
            "MembersOlder",
            "The record is newer than every member: committed is %s, and %s. Were all disks restored from one backup? Nothing is repaired and users are led nowhere."
                .formatted(record.committed().get().position(), memories(picture)),
            promote(picture, memories)));
  }

  /** Who does not report may remember more than all who do. */
  private static String promote(Picture picture, Map<String, Remembered> memories) {
    if (memories.isEmpty()) {
      return "Promote the member whose state is right.";
    }
    String silent = String.join(", ", picture.silent());
    return "Promote the member whose state is right, as a rule the one that remembers the newest: %s%s."
        .formatted(
            newest(memories), silent.isEmpty() ? "" : ", unless " + silent + " remembers more");
  }

  private static String newest(Map<String, Remembered> memories) {
    return memories.entrySet().stream()
        .max(Map.Entry.comparingByValue((x, y) -> x.position().compareTo(y.position())))
        .orElseThrow()
        .getKey();
  }

  /** Of a member whose trees do not remember the same, as with a fresh disk below one of them. */
  private static String inPart(Ballot ballot) {
    return ballot.newestTenure() == 0
        ? "nothing"
        : "tenure %d in a part of its trees".formatted(ballot.newestTenure());
  }

  private static String memories(Picture picture) {
    Stream<String> said =
        picture
            .healthy()
            .map(
                name ->
                    "%s remembers %s"
                        .formatted(
                            name,
                            picture
                                .remembered(name)
                                .map(m -> m.position() + " (" + m.root().brief() + ")")
                                .orElseGet(() -> inPart(picture.ballot(name)))));
    Stream<String> unsaid = picture.silent().stream().map(name -> name + " does not report");
    return Stream.concat(said, unsaid).collect(Collectors.joining(", "));
  }
}
