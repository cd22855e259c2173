package io.virtquorum.adjudicate;

import io.virtquorum.adjudicate.RecordPlanner.Plan;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Who leads instead of a primary that is dead, cannot serve or forgot (rules 12 and 13). */
final class Successor {
  private final Picture picture;
  private final ClusterRecord record;
  private final Set<String> eligible;

  /**
   * @param eligible whom a person may promote
   */
  Successor(Picture picture, Set<String> eligible) {
    this.picture = picture;
    this.record = picture.record();
    this.eligible = eligible;
  }

  /**
   * Finds it; numbered as it is read.
   *
   * @param why completes "(somebody) leads: ..."
   * @param event what people hear of it
   * @param hold the reason if there is nobody
   */
  Plan find(String why, String event, String hold) {
    // 1. The newest accepted root, and never one that is older than C.
    List<String> holders = others().filter(m -> picture.is(m, MemberClass.STEADY)).toList();
    Optional<String> next =
        holders.stream().filter(m -> !picture.member(m).isUnclear()).max(fitness());
    if (next.isEmpty() && !holders.isEmpty()) {
      return Plan.hold(busy(holders.stream().max(fitness()).get(), why));
    }
    // 2. Somebody who did not report yet may hold a newer one, or the only one: a new leader hears
    // from one after another.
    List<String> expected =
        record.members().keySet().stream()
            .filter(m -> !record.isPrimary(m) && picture.isExpected(m))
            .toList();
    if (!expected.isEmpty()) {
      return Plan.hold(
          Hold.passing(
              "SuccessionWaits",
              "%s: %s may hold the newest state and did not report yet."
                  .formatted(why, Words.and(expected)),
              "It ends when it reports, or did not for the settle time."));
    }
    if (next.isPresent()) {
      return picture.isOverwritten(next.get())
          ? Plan.hold(busy(next.get(), why))
          : leadWhenClear(next.get(), event, why);
    }
    // 3. Nobody holds it in whole; those who remember it may have it together.
    Optional<String> rebuilt = others().filter(this::canBeRebuilt).findFirst();
    if (rebuilt.isPresent()) {
      return Plan.hold(
          Hold.passing(
              "SuccessorRebuilt",
              "%s, and no other living member holds the committed state in whole: %s gets its rows back from those who have them."
                  .formatted(why, rebuilt.get()),
              "It ends when a member holds it again, and leads."));
    }
    // 4. What a majority that remembers C holds alike, where C cannot be had any more.
    List<String> alike = alike();
    Optional<String> settled = alike.stream().filter(m -> !picture.isOverwritten(m)).max(fitness());
    if (settled.isPresent() && alike.stream().allMatch(picture::isSettled)) {
      return leadWhenClear(
          settled.get(),
          event,
          "%s, nobody alive has the committed state, and %s, a majority, changed alike"
              .formatted(why, Words.and(alike)));
    }
    return Plan.hold(OlderRecord.membersOlder(picture).orElseGet(() -> nobody(why, hold)));
  }

  private Comparator<String> fitness() {
    return Comparator.comparing(this::remembered)
        .thenComparing(m -> !picture.hasStaleProcess(m))
        .thenComparing(m -> !picture.isOverwritten(m))
        .thenComparing(picture::isWanted)
        .thenComparing(m -> record.members().get(m))
        .thenComparing(Comparator.reverseOrder());
  }

  private boolean canBeRebuilt(String name) {
    Target committed = picture.committedTarget(record.committed().orElseThrow());
    return !picture.config().observe()
        && (picture.isOverwritten(name) || Rebuild.of(picture, committed, name).isPresent());
  }

  /**
   * Members that are a majority by count, remember C, and hold the same instead, none of it rot.
   */
  private List<String> alike() {
    Map<Digest, List<String>> alike = new TreeMap<>();
    Committed committed = record.committed().orElseThrow();
    others()
        .filter(m -> picture.is(m, MemberClass.ADVANCED, MemberClass.DRIFTED))
        .filter(m -> picture.ballot(m).rot().isEmpty())
        .filter(m -> picture.remembered(m).filter(committed.remembered()::equals).isPresent())
        .forEach(
            m -> alike.computeIfAbsent(picture.ballot(m).root(), r -> new ArrayList<>()).add(m));
    return alike.values().stream()
        .filter(names -> names.size() >= record.majority())
        .findFirst()
        .orElse(List.of());
  }

  private Hold nobody(String why, String hold) {
    return Hold.waiting(
        hold,
        "The primary %s, and no other living member is known to hold the committed state%s."
            .formatted(why, remaining()),
        "It ends when a member that holds the committed state returns, or a person promotes "
            + choice()
            + ".");
  }

  /** Whom a person could promote: a member, or who was to join where no member is left. */
  private String choice() {
    List<String> joining =
        eligible.stream()
            .filter(m -> !record.members().containsKey(m) && picture.isUsable(m))
            .toList();
    return joining.isEmpty()
        ? "one"
        : String.join(" or ", joining)
            + ", not a member yet: what it holds is to be the state then";
  }

  /** What those who are there hold instead, so that a person can choose. */
  private String remaining() {
    List<String> held =
        others()
            .map(
                m ->
                    "%s holds %s%s"
                        .formatted(
                            m,
                            picture.ballot(m).root().brief(),
                            picture
                                .remembered(m)
                                .map(r -> " and remembers " + r.position())
                                .orElse(" and remembers nothing")))
            .toList();
    return held.isEmpty() ? "" : " (" + String.join(", ", held) + ")";
  }

  /** It leads, unless a process there writes into what a repair replaced: that is waited for. */
  Plan leadWhenClear(String next, String event, String why) {
    return picture.hasStaleProcess(next)
        ? Plan.hold(Stale.successor(picture, next, why))
        : lead(next, Optional.empty(), event, why);
  }

  /** The record says that this one leads from now on. */
  Plan lead(String next, Optional<Digest> mandate, String event, String why) {
    String holds = picture.ballot(next).root().brief();
    String exposure = exposure();
    Command.Tell news =
        new Command.Tell(
            !event.equals("SwitchedOver") || mandate.isPresent(),
            event,
            "Users are led to %s: %s. It holds %s%s."
                .formatted(next, why, holds, exposure.isEmpty() ? "" : "; " + exposure));
    // Who was to join begins anew: it counts alone, and the others join it.
    ClusterRecord members =
        record.members().containsKey(next)
            ? record
            : record.withMembers(Map.of(next, picture.config().members().get(next)));
    return Plan.of(
        new RecordChange(
            departed(members).withPrimary(next, mandate, picture.newestTenure()),
            Optional.of(news),
            Optional.of(why)));
  }

  /** The primary that leaves, unless it is known to hold what everybody is to hold. */
  private ClusterRecord departed(ClusterRecord members) {
    String primary = record.primary().orElseThrow();
    return picture.is(primary, MemberClass.STEADY)
        ? members
        : members.withDeparted(primary, new Departure(record.tenure(), exposure()));
  }

  /** What of the leaving primary's writes may be nowhere else; empty: nothing is known to be. */
  private String exposure() {
    String primary = record.primary().orElseThrow();
    return picture.is(primary, MemberClass.STEADY)
        ? ""
        : picture
            .state()
            .news()
            .exposure()
            .words(primary, picture.now(), picture.member(primary).since().unseen());
  }

  /** This one is to lead, and cannot at this moment. */
  Hold busy(String name, String why) {
    return Hold.passing(
        "SuccessorBusy",
        "%s is to lead (%s), and %s."
            .formatted(
                name,
                why,
                picture.member(name).isUnclear()
                    ? "it did not say yet how the repair of its state ended"
                    : "its state is being replaced at this moment"),
        "It ends with that repair, or when it reports after it.");
  }

  private Stream<String> others() {
    return picture.usable().filter(m -> !record.isPrimary(m));
  }

  private Position remembered(String name) {
    return picture.remembered(name).orElseThrow().position();
  }
}
