package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Rule 14: the first epoch comes about only if all members are there and equal, or a person names
 * one, or asks for the vote. Until then nothing is repaired.
 */
final class FirstEpoch {
  private final Picture picture;
  private final ClusterRecord record;

  private FirstEpoch(Picture picture) {
    this.picture = picture;
    this.record = picture.record();
  }

  static Ruling rule(Picture picture) {
    return new FirstEpoch(picture).rule();
  }

  private Ruling rule() {
    if (record.members().isEmpty()) {
      return Ruling.silent(
          picture,
          Hold.passing(
              "NoMembers", "The record names no members yet.", "It ends when the spec was read."));
    }
    // 1. A person's word about this very moment.
    Optional<String> promoted = promoted();
    if (promoted.isPresent()) {
      return picture.isUsable(promoted.get())
          ? choose(promoted.get())
          : waiting(List.of(promoted.get()), "It ends when it reports.");
    }
    // 2. Whose record was lost or made anew has a past that others may have in their memories only:
    // what the spec says of the first epoch was meant for that one, and overwrites nobody.
    if (picture.recordIsOlder() && !areAllEqual()) {
      return Ruling.hold(picture, OlderRecord.hold(picture));
    }
    // 3. A person's word from the beginning.
    if (picture.config().bootstrap().from().isPresent()) {
      return from(picture.config().bootstrap().from().get());
    }
    // 4. Everyone is asked.
    List<String> missing = picture.silent();
    if (!missing.isEmpty()) {
      return waiting(missing, "The first epoch needs every member; it begins when they report.");
    }
    // 5. All are equal.
    if (areAllEqual()) {
      return choose(
          record
              .primary()
              .filter(record.members()::containsKey)
              .orElse(record.members().keySet().iterator().next()));
    }
    // 6. A vote, where a person asked for it, which takes a strict majority by count too: weights
    // were given for what is committed. Once chosen it stays chosen, though others become equal to
    // it.
    boolean vote = picture.config().bootstrap().vote();
    if (vote && picture.count().tally().orElse(null) instanceof Tally.Elected elected) {
      List<String> voters =
          elected.votes().stream()
              .filter(v -> v.root().equals(elected.root()))
              .map(Vote::voter)
              .filter(record.members()::containsKey)
              .toList();
      if (voters.size() >= record.majority()) {
        return choose(record.primary().filter(voters::contains).orElse(voters.getFirst()));
      }
    }
    return Ruling.hold(picture, vote ? tied() : needed());
  }

  /** Whom a person promotes, or has promoted, before anything is committed. */
  private Optional<String> promoted() {
    return picture
        .config()
        .promote()
        .filter(record.members()::containsKey)
        .or(() -> record.primary().filter(p -> record.mandate().isPresent()));
  }

  private Ruling from(String name) {
    if (!record.members().containsKey(name)) {
      return Ruling.hold(
          picture,
          Hold.waiting(
              "BootstrapUnknown",
              "spec.bootstrap.from names " + name + ", which is not a member.",
              "Name one of " + String.join(", ", record.members().keySet()) + "."));
    }
    if (!picture.isUsable(name)) {
      return waiting(List.of(name), "It ends when it reports.");
    }
    // Others may remember a former life of this cluster, which nobody is to overwrite unasked.
    List<String> others = picture.silent().stream().filter(picture::isExpected).toList();
    return others.isEmpty()
        ? choose(name)
        : waiting(others, "It ends when they report, or did not for the settle time.");
  }

  private boolean areAllEqual() {
    return record.members().keySet().stream().allMatch(picture::isUsable)
        && picture.usable().map(m -> picture.ballot(m).root()).distinct().count() == 1;
  }

  private Ruling choose(String chosen) {
    Ballot ballot = picture.ballot(chosen);
    // A memory of the tenure that is about to begin can only come from this same first epoch.
    Optional<Remembered> accepted =
        ballot
            .memory()
            .filter(m -> record.isPrimary(chosen) && m.position().tenure() == record.tenure());
    // What rotted since it was chosen, or in a former life, is not what was chosen, unless a person
    // promotes it as it is.
    boolean asItIs = accepted.isEmpty() && promoted().isPresent();
    List<Change> rot = asItIs ? List.of() : unvouched(ballot.rot());
    if (!rot.isEmpty()) {
      return Ruling.hold(picture, rotted(chosen, rot));
    }
    Position position =
        accepted
            .map(m -> ballot.unchanged() ? m.position() : m.position().next())
            .orElse(new Position(Math.max(record.tenure(), 1), 1));
    Target target = new Target(position, ballot.root(), Target.Ground.FIRST, Optional.of(chosen));
    return new Ruling(picture.elect(target), Optional.of(chosen), Set.of(), List.of());
  }

  /** What rotted, and no member has alike without knowing it as rot. */
  private List<Change> unvouched(List<Change> rot) {
    if (!areAllEqual()) {
      return rot;
    }
    return rot.stream()
        .filter(
            change ->
                picture
                    .usable()
                    .allMatch(m -> Change.keys(picture.ballot(m).rot()).contains(change.key())))
        .toList();
  }

  private Ruling waiting(List<String> missing, String until) {
    List<String> named = missing.stream().map(m -> "%s (%s)".formatted(m, picture.why(m))).toList();
    return Ruling.hold(
        picture,
        Hold.passing("WaitingForMembers", "Waiting for " + String.join(", ", named) + ".", until));
  }

  private static Hold rotted(String chosen, List<Change> rot) {
    return Hold.waiting(
        "RotWithoutDonor",
        "%s rotted on %s, whose state is to be the first epoch: it is left as it is."
            .formatted(Words.rows(Change.keys(rot), rot.size()), chosen),
        "It ends when somebody writes it anew, spec.bootstrap.from names another member, or %s is promoted as it is."
            .formatted(chosen));
  }

  private Hold tied() {
    return Hold.waiting(
        "BootstrapTied",
        "The members differ and no state has a majority: " + differing() + ".",
        "Set spec.bootstrap.from to the member whose state is right.");
  }

  private Hold needed() {
    return Hold.waiting(
        "BootstrapNeeded",
        "The members differ and nothing is committed yet: " + differing() + ".",
        "Set spec.bootstrap.from to the member whose state is right, or spec.bootstrap.vote to"
            + " true.");
  }

  private String differing() {
    return String.join(
        ", ",
        picture
            .usable()
            .map(
                m ->
                    "%s holds %s (%d rows)"
                        .formatted(m, picture.ballot(m).root().brief(), picture.ballot(m).rows()))
            .toList());
  }
}
