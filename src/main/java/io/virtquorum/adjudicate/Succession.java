package io.virtquorum.adjudicate;

import io.virtquorum.adjudicate.RecordPlanner.Plan;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Whether another one leads next: where a person promotes a member, the primary is dead, cannot
 * serve or forgot (rules 3, 12 and 13) or is to leave (rule 15), or its users are at another member
 * (rule 10). Every change of the primary is a new tenure. Who it is finds {@link Successor}.
 */
final class Succession {
  /** How young a proof must be that nobody wrote on a primary that is left. */
  private static final Duration PROVEN = Duration.ofSeconds(5);

  private final Picture picture;
  private final Assessment assessment;
  private final Config config;
  private final ClusterRecord record;
  private final Successor successor;

  private Succession(Picture picture, Assessment assessment) {
    this.picture = picture;
    this.assessment = assessment;
    this.config = picture.config();
    this.record = picture.record();
    this.successor = new Successor(picture, eligible());
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
    if (picture.recordIsOlder()) {
      return Plan.none(); // said by the verdict, and ended by a person
    }
    String primary = record.primary().get();
    if (picture.state().isDead(primary)) {
      return successor.find(primary + " is dead", "FailedOver", "NoSuccessor");
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
      return successor.find(
          "%s lost the committed state: %s".formatted(primary, picture.why(primary)),
          "SwitchedOver",
          "PrimaryForgot");
    }
    if (forgot(picture, primary)) {
      return successor.find(
          primary + " lost what it had accepted: another member remembers more of its tenure",
          "SwitchedOver",
          "PrimaryForgot");
    }
    if (picture.member(primary).isUnableFor(config.patience(), picture.now())) {
      return successor.find(
          "%s cannot serve: %s".formatted(primary, picture.why(primary)),
          "FailedOver",
          "NoSuccessor");
    }
    Optional<String> heir = Membership.heir(picture);
    return heir.isPresent()
        ? successor.leadWhenClear(
            heir.get(), "SwitchedOver", "the spec no longer names the primary " + primary)
        : followUsers(primary);
  }

  /** Nothing is left to record for a person's word. */
  private boolean isPromoted(String name) {
    return record.isPrimary(name)
        && !picture.recordIsOlder() // that ends with a new tenure, the primary's own too
        && picture.is(name, MemberClass.STEADY, MemberClass.ADVANCED)
        && !assessment.outvotes(picture.ballot(name).root());
  }

  /**
   * A primary accepts a root before anybody copies it. One that remembers less of its own tenure
   * than another member lost it with its disk.
   */
  static boolean forgot(Picture picture, String primary) {
    ClusterRecord record = picture.record();
    Optional<Position> own = picture.remembered(primary).map(Remembered::position);
    return record.mandate().isEmpty()
        && picture.config().authority() == Authority.RECORD
        && picture.isUsable(primary)
        && picture
            .usable()
            .filter(m -> !m.equals(primary))
            .flatMap(m -> picture.remembered(m).stream())
            .map(Remembered::position)
            .filter(p -> p.tenure() == record.tenure())
            .anyMatch(p -> own.filter(o -> !p.isAfter(o)).isEmpty());
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
      return Plan.hold(successor.busy(name, "a person promoted it"));
    }
    Digest root = picture.ballot(name).root();
    boolean agreed = picture.is(name, MemberClass.STEADY) && !assessment.outvotes(root);
    return successor.lead(
        name,
        agreed ? Optional.empty() : Optional.of(root),
        "SwitchedOver",
        "a person promoted it");
  }

  /**
   * Rule 10: users may connect to any member. If exactly one other member has users, one of whom
   * changed something, and the primary has none and changed nothing, the users' member leads. It
   * must have stood so for the settle time, in which the primary's own users would show. What users
   * wrote on two members is a conflict to the end: the second does not lead because the first was
   * repaired.
   */
  private Plan followUsers(String primary) {
    Optional<String> name = follower(primary);
    if (name.isEmpty() || !isProven(primary)) {
      return Plan.none();
    }
    return successor.leadWhenClear(
        name.get(), "SwitchedOver", "its users work there, and none at " + primary);
  }

  /** Whom rule 10 follows users to, once the primary proved that nobody wrote there. */
  static Optional<String> follower(Picture picture, Assessment assessment) {
    return picture
        .primary()
        .flatMap(primary -> new Succession(picture, assessment).follower(primary));
  }

  /** Its ballot may be older than what was written there a moment ago. */
  private boolean isProven(String primary) {
    return picture
        .member(primary)
        .since()
        .held()
        .filter(at -> !at.plus(PROVEN).isBefore(picture.now()))
        .isPresent();
  }

  private Optional<String> follower(String primary) {
    if (config.authority() != Authority.RECORD
        || !picture.is(primary, MemberClass.STEADY)
        || !picture.member(primary).isSeen() // its users would not show
        || picture.ballot(primary).hasUsers()) {
      return Optional.empty();
    }
    List<String> used = others(primary).filter(m -> picture.ballot(m).hasUsers()).toList();
    return used.size() == 1
        ? Optional.of(used.getFirst()).filter(name -> mayFollow(name, primary))
        : Optional.empty();
  }

  private boolean mayFollow(String name, String primary) {
    boolean sameGround = picture.ballot(name).memory().equals(picture.ballot(primary).memory());
    return picture.is(name, MemberClass.ADVANCED)
        && sameGround
        && picture.isWanted(name)
        && !assessment.disagreeing().contains(name)
        && !picture.state().work().isChanging(name)
        && !picture.member(name).isUnclear()
        && !hasRival(name)
        && picture.isSettled(name);
  }

  /** Another member with users was repaired since this one strayed. */
  private boolean hasRival(String name) {
    Optional<Instant> since = picture.member(name).strayingSince();
    return since.isPresent()
        && picture.state().news().overruledAt().filter(since.get()::isBefore).isPresent();
  }

  private Stream<String> others(String primary) {
    return picture.usable().filter(m -> !m.equals(primary));
  }
}
