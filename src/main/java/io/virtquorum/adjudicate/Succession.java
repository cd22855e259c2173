package io.virtquorum.adjudicate;

import io.virtquorum.adjudicate.RecordPlanner.Plan;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Who leads next: where a person promotes a member, the primary is dead or forgot (rules 3, 12 and
 * 13) or is to leave (rule 15), or its users are at another member (rule 10). Every change of the
 * primary is a new tenure.
 */
final class Succession {
  private final Picture picture;
  private final Assessment assessment;
  private final Config config;
  private final ClusterRecord record;

  private Succession(Picture picture, Assessment assessment) {
    this.picture = picture;
    this.assessment = assessment;
    this.config = picture.config();
    this.record = picture.record();
  }

  static Plan plan(Picture picture, Assessment assessment) {
    return new Succession(picture, assessment).plan();
  }

  private Plan plan() {
    if (record.primary().isEmpty()) {
      return Plan.none();
    }
    Optional<String> promoted = config.promote().filter(name -> !isPromoted(name));
    if (promoted.isEmpty()) {
      return byTheRules();
    }
    return eligible().contains(promoted.get())
        ? promote(promoted.get())
        : byTheRules().or(unknown(promoted.get())); // a typing error must not hinder a failover
  }

  /** Whom a person may promote: a member, or where nobody is left one that was to join them. */
  private Set<String> eligible() {
    return isNobodyLeft() ? picture.everyone() : record.members().keySet();
  }

  /** The primary is dead, and so is every member that the spec still names. */
  private boolean isNobodyLeft() {
    return record.members().keySet().stream()
        .filter(m -> record.isPrimary(m) || picture.isWanted(m))
        .allMatch(picture.state()::isDead);
  }

  private Plan byTheRules() {
    String primary = record.primary().get();
    if (picture.state().isDead(primary)) {
      return succeed(primary, primary + " is dead", "FailedOver", "NoSuccessor");
    }
    if (record.mandate().isPresent() && picture.isUsable(primary) && !isPromoted(primary)) {
      return Plan.hold(
          Hold.waiting(
              "PromotionMoved",
              "What %s holds changed before what a person promoted was accepted, and not by a write alone."
                  .formatted(primary),
              "Promote it, or another member, again."));
    }
    if (picture.is(primary, MemberClass.BEHIND)) {
      return succeed(
          primary,
          "%s lost the committed state: %s".formatted(primary, picture.why(primary)),
          "SwitchedOver",
          "PrimaryForgot");
    }
    Optional<String> heir = Membership.heir(picture);
    return heir.isPresent()
        ? lead(
            heir.get(),
            Optional.empty(),
            "SwitchedOver",
            "the spec no longer names the primary " + primary)
        : followUsers(primary);
  }

  /** Nothing is left to record for a person's word. */
  private boolean isPromoted(String name) {
    return record.isPrimary(name)
        && picture.is(name, MemberClass.STEADY, MemberClass.ADVANCED)
        && !assessment.outvotes(picture.ballot(name).root());
  }

  private Plan unknown(String name) {
    return Plan.hold(
        Hold.waiting(
            "PromotionUnknown",
            name + " is to be promoted, which is not a member.",
            "Promote one of " + String.join(", ", eligible()) + "."));
  }

  /** A person's word: the member leads, and what it holds at this moment is to be the state. */
  private Plan promote(String name) {
    if (!picture.isUsable(name)) {
      return Plan.hold(
          Hold.passing(
              "PromotionWaits",
              "%s is to be promoted: %s.".formatted(name, picture.why(name)),
              "It ends when it reports."));
    }
    if (picture.isOverwritten(name)) {
      return Plan.hold(busy(name, "a person promoted it"));
    }
    Digest root = picture.ballot(name).root();
    boolean agreed = picture.is(name, MemberClass.STEADY) && !assessment.outvotes(root);
    return lead(
        name,
        agreed ? Optional.empty() : Optional.of(root),
        "SwitchedOver",
        "a person promoted it");
  }

  /** Rules 12 and 13: the newest accepted root leads, and never one that is older than C. */
  private Plan succeed(String primary, String why, String event, String hold) {
    Comparator<String> fitness =
        Comparator.comparing(this::remembered)
            .thenComparing(m -> !picture.isOverwritten(m))
            .thenComparing(picture::isWanted)
            .thenComparing(m -> record.members().get(m))
            .thenComparing(Comparator.reverseOrder());
    List<String> holders = others(primary).filter(m -> picture.is(m, MemberClass.STEADY)).toList();
    Optional<String> successor =
        holders.stream().filter(m -> !picture.member(m).isUnclear()).max(fitness);
    if (successor.isEmpty() && !holders.isEmpty()) {
      return Plan.hold(busy(holders.stream().max(fitness).get(), why));
    }
    // Somebody who did not report yet may hold a newer one, or the only one: a new leader hears
    // from one after another.
    List<String> expected =
        record.members().keySet().stream()
            .filter(m -> !m.equals(primary) && isExpected(m))
            .toList();
    if (!expected.isEmpty()) {
      return Plan.hold(
          Hold.passing(
              "SuccessionWaits",
              "%s: %s may hold the newest state and did not report yet."
                  .formatted(why, Words.and(expected)),
              "It ends when it reports, or did not for the settle time."));
    }
    if (successor.isEmpty()) {
      return Plan.hold(
          Hold.waiting(
              hold,
              "The primary %s, and no other living member is known to hold the committed state%s."
                  .formatted(why, remaining(primary)),
              "It ends when a member that holds the committed state returns, or a person promotes "
                  + choice()
                  + "."));
    }
    String next = successor.get();
    return picture.isOverwritten(next)
        ? Plan.hold(busy(next, why))
        : lead(next, Optional.empty(), event, why);
  }

  private boolean isExpected(String name) {
    return picture
        .member(name)
        .unheardSince()
        .filter(since -> since.plus(config.settle()).isAfter(picture.now()))
        .isPresent();
  }

  /** Whom a person could promote: a member, or who was to join where no member is left. */
  private String choice() {
    List<String> joining =
        eligible().stream()
            .filter(m -> !record.members().containsKey(m) && picture.isUsable(m))
            .toList();
    return joining.isEmpty()
        ? "one"
        : String.join(" or ", joining)
            + ", not a member yet: what it holds is to be the state then";
  }

  /** What those who are there hold instead, so that a person can choose. */
  private String remaining(String primary) {
    List<String> held =
        others(primary)
            .map(
                m ->
                    "%s holds %s%s"
                        .formatted(
                            m,
                            picture.ballot(m).root().brief(),
                            picture
                                .ballot(m)
                                .memory()
                                .map(r -> " and remembers " + r.position())
                                .orElse(" and remembers nothing")))
            .toList();
    return held.isEmpty() ? "" : " (" + String.join(", ", held) + ")";
  }

  /**
   * Rule 10: users may connect to any member. If exactly one other member has users, one of whom
   * changed something, and the primary has none and changed nothing, the users' member leads. It
   * must have stood so for the settle time, in which the primary's own users would show. What users
   * wrote on two members is a conflict to the end: the second does not lead because the first was
   * repaired.
   */
  private Plan followUsers(String primary) {
    if (config.authority() != Authority.RECORD
        || !picture.is(primary, MemberClass.STEADY)
        || picture.ballot(primary).hasUsers()) {
      return Plan.none();
    }
    List<String> used = others(primary).filter(m -> picture.ballot(m).hasUsers()).toList();
    if (used.size() != 1) {
      return Plan.none();
    }
    String name = used.getFirst();
    boolean sameGround = picture.ballot(name).memory().equals(picture.ballot(primary).memory());
    if (!picture.is(name, MemberClass.ADVANCED)
        || !sameGround
        || !picture.isWanted(name)
        || assessment.disagreeing().contains(name)
        || picture.state().work().isBusy(name)
        || picture.member(name).isUnclear()
        || hasRival(name)
        || !picture.isSettled(name)) {
      return Plan.none();
    }
    return lead(
        name, Optional.empty(), "SwitchedOver", "its users work there, and none at " + primary);
  }

  /** Another member with users was repaired since this one strayed. */
  private boolean hasRival(String name) {
    Optional<Instant> since = picture.member(name).strayingSince();
    return since.isPresent()
        && picture.state().news().overruledAt().filter(since.get()::isBefore).isPresent();
  }

  private Plan lead(String next, Optional<Digest> mandate, String event, String why) {
    String holds = picture.ballot(next).root().brief();
    Command.Tell news =
        new Command.Tell(
            !event.equals("SwitchedOver") || mandate.isPresent(),
            event,
            "Users are led to %s: %s. It holds %s.".formatted(next, why, holds));
    // Who was to join begins anew: it counts alone, and the others join it.
    ClusterRecord members =
        record.members().containsKey(next)
            ? record
            : record.withMembers(Map.of(next, config.members().get(next)));
    return Plan.of(
        new RecordChange(members.withPrimary(next, mandate), Optional.of(news), Optional.of(why)));
  }

  private Hold busy(String name, String why) {
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

  private Stream<String> others(String primary) {
    return picture.usable().filter(m -> !m.equals(primary));
  }

  private Position remembered(String name) {
    return picture.ballot(name).memory().get().position();
  }
}
