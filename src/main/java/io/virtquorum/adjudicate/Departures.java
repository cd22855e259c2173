package io.virtquorum.adjudicate;

import java.util.List;
import java.util.Optional;

/**
 * Rule 12: a primary that lost its tenure is an ordinary member when it returns. Until it holds
 * what everybody is to hold, people are told what of its writes may be nowhere else.
 */
final class Departures {
  private Departures() {}

  static RecordPlanner.Plan plan(Picture picture, Assessment assessment) {
    ClusterRecord record = picture.record();
    Optional<RecordChange> change =
        record.departed().keySet().stream()
            .filter(name -> isBack(picture, assessment, name))
            .findFirst()
            .map(name -> returned(picture, name));
    List<Hold> away =
        record.departed().entrySet().stream()
            .filter(departed -> picture.everyone().contains(departed.getKey())) // else nobody waits
            .filter(departed -> !departed.getValue().exposure().isEmpty())
            .filter(departed -> !picture.isUsable(departed.getKey()))
            .map(departed -> away(departed.getKey(), departed.getValue()))
            .toList();
    return new RecordPlanner.Plan(change, away);
  }

  private static boolean isBack(Picture picture, Assessment assessment, String name) {
    return picture.isUsable(name)
        && picture.is(name, MemberClass.STEADY)
        && assessment.target().filter(t -> t.isHeldBy(picture.ballot(name))).isPresent();
  }

  private static Hold away(String name, Departure departure) {
    return Hold.passing(
        "FormerPrimaryAway",
        "%s, which led in tenure %d, did not return yet: %s."
            .formatted(name, departure.tenure(), departure.exposure()),
        "It ends when it returns; what it wrote and nobody else has goes to its archive then.");
  }

  private static RecordChange returned(Picture picture, String name) {
    Departure departure = picture.record().departed().get(name);
    Optional<String> entry =
        picture
            .state()
            .news()
            .lastRepair()
            .filter(repair -> repair.member().equals(name) && !repair.archiveEntry().isEmpty())
            .map(News.Repair::archiveEntry);
    String found =
        entry
            .map(
                e ->
                    "What it had written and nobody else had is in its archive as %s, in .virtquorum on the same disk, and is never removed by itself."
                        .formatted(e))
            .orElse("It had written nothing that is not here.");
    return new RecordChange(
        picture.record().withReturned(name),
        Optional.of(
            new Command.Tell(
                entry.isPresent(),
                "FormerPrimaryReturned",
                "%s, which led in tenure %d, is back and holds the state. %s"
                    .formatted(name, departure.tenure(), found))),
        Optional.empty());
  }
}
