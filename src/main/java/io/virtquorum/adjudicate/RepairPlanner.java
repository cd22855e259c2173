package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Decides who is brought to the target, and from whom (design, rules 7 and 8), after rot was seen
 * to ({@link RotPlanner}). All who can follow do so at once.
 */
final class RepairPlanner {
  private static final int MANY = 3;

  /** Reasons that no second try mends. */
  private static final Set<String> NO_ROOM = Set.of("ArchiveFull", "GuestDiskFull");

  private final Picture picture;
  private final Assessment assessment;
  private final OrderBook orders;
  private final Optional<String> follower;

  private RepairPlanner(Picture picture, Assessment assessment, OrderBook orders) {
    this.picture = picture;
    this.assessment = assessment;
    this.orders = orders;
    this.follower = Succession.follower(picture, assessment);
  }

  /** The state with the new jobs in it, what is to be ordered, and what is held back. */
  static Planner.Plan plan(Picture picture, Assessment assessment) {
    OrderBook orders = new OrderBook(picture.state(), picture.now());
    List<Hold> holds = new ArrayList<>(RotPlanner.plan(picture, assessment, orders));
    RepairPlanner planner = new RepairPlanner(picture, assessment, orders);
    picture.usable().forEach(planner::quiesce);
    planner.proveBeforeItIsLeft();
    assessment.elected().ifPresent(planner::follow);
    OutputPlanner.plan(picture, orders);
    picture.usable().forEach(m -> planner.tooFast(m).ifPresent(holds::add));
    picture.usable().forEach(m -> planner.failing(m).ifPresent(holds::add));
    holds.addAll(Stale.holds(picture));
    return new Planner.Plan(orders.state(), orders.commands(), holds);
  }

  /**
   * Rule 8: after several attempts that the primary's writers voided they are kept still, until
   * everybody came to an end. The guest lets them go on by itself after a while; being told so once
   * more does no harm. Not while the primary has rot: nobody copies from it then, and what cannot
   * be restored must be written anew.
   */
  private void quiesce(String name) {
    boolean wanted =
        picture.config().canQuiesce()
            && picture.record().isPrimary(name)
            && !picture.is(name, MemberClass.DRIFTED)
            && picture.usable().anyMatch(m -> voided(m) >= OrderBook.MANY_VOIDS);
    Optional<Instant> until = picture.member(name).stillUntil();
    if (wanted && until.filter(picture.now()::isBefore).isEmpty()) {
      orders.quiesce(name, OrderBook.STILL);
    } else if (!wanted && until.isPresent()) {
      orders.quiesce(name, Duration.ZERO);
    }
  }

  /** Rule 10: nobody wrote on the primary that users are to be led away from. */
  private void proveBeforeItIsLeft() {
    if (follower.isPresent()) {
      picture
          .primary()
          .flatMap(picture::remembered)
          .ifPresent(
              held ->
                  orders.prove(
                      picture.primary().get(),
                      new Target(
                          held.position(), held.root(), Target.Ground.COMMITTED, Optional.empty()),
                      Command.Accepts.THIS));
    }
  }

  /**
   * How many attempts in a row were voided; none any more where the member holds what it is to
   * hold, however it came by that.
   */
  private int voided(String name) {
    return differs(name) ? tries(name).voided() : 0;
  }

  private boolean differs(String name) {
    return assessment.target().filter(t -> !t.isHeldBy(picture.ballot(name))).isPresent();
  }

  private MemberState.Tries tries(String name) {
    return picture.member(name).tries();
  }

  /** Rules 7 and 8: everybody to the target. */
  private void follow(Verdict.Elected verdict) {
    Target target = verdict.target();
    // 1. The primary accepts an elected root before anyone copies it.
    Optional<String> primary = picture.primary();
    if (primary.isPresent()
        && picture.ballot(primary.get()).root().equals(target.root())
        && !target.rememberedBy(picture.ballot(primary.get()))) {
      orders.prove(primary.get(), target, accepts(target));
      return;
    }
    // 2. The others follow; new ones too, who do not count yet.
    picture.everyone().forEach(name -> bring(name, verdict));
    rebuild(verdict);
  }

  /** What the primary writes is the truth, so what it wrote meanwhile may be accepted with it. */
  private Command.Accepts accepts(Target target) {
    if (target.ground() != Target.Ground.WRITTEN
        || picture.record().committed().isEmpty()
        || picture.record().mandate().isPresent()) {
      return Command.Accepts.THIS;
    }
    return picture.usable().anyMatch(m -> voided(m) > 0)
        ? Command.Accepts.LATER_AGAIN
        : Command.Accepts.LATER;
  }

  private void bring(String name, Verdict.Elected verdict) {
    Target target = verdict.target();
    if (!orders.isReady(name) || target.isHeldBy(picture.ballot(name))) {
      return; // it may have become the sample of an earlier one just now
    }
    if (picture.ballot(name).root().equals(target.root())) {
      orders.prove(name, target, Command.Accepts.THIS);
    } else if (mayBeReplaced(name) && !isHeldBack(name)) {
      sample(name, target)
          .ifPresent(
              sample ->
                  orders.repair(
                      name,
                      sample,
                      target.root(),
                      new Job.Aim.Whole(target.position()),
                      finding(name, verdict)));
    }
  }

  /**
   * Rule 8: where nobody holds all of what everybody is to hold, those who remember it have it
   * together. Whom nobody wrote on comes first: the others' users keep what they wrote longer.
   */
  private void rebuild(Verdict.Elected verdict) {
    Target target = verdict.target();
    if (!verdict.holders().isEmpty()
        || picture.config().authority() != Authority.RECORD
        || picture.record().committed().isEmpty()) {
      return;
    }
    picture
        .usable()
        .filter(m -> !isHeldBack(m))
        .sorted(Comparator.comparing((String m) -> !picture.is(m, MemberClass.DRIFTED)))
        .forEach(
            name -> {
              if (orders.isReady(name)) {
                Rebuild.of(picture, target, name)
                    .flatMap(rebuild -> rebuild.next(m -> !m.equals(name) && orders.isStill(m)))
                    .ifPresent(step -> orders.rebuild(name, step, finding(name, verdict)));
              }
            });
  }

  /** Of the primary only rot is touched, unless votes alone decide. */
  private boolean mayBeReplaced(String name) {
    return !picture.record().isPrimary(name)
        || (picture.config().authority() == Authority.VOTES
            && picture.record().committed().isPresent());
  }

  /**
   * A steady member follows at once; one that strayed only after the settle time, and not if it
   * strayed with a majority.
   */
  private boolean isHeldBack(String name) {
    if (follower.filter(name::equals).isPresent()) {
      return true;
    }
    if (picture.is(name, MemberClass.STEADY) || picture.record().committed().isEmpty()) {
      return false;
    }
    boolean leaderless = // nobody can write on what they would change alike with
        picture.record().primary().filter(picture.state()::isDead).isPresent();
    return (!leaderless && !picture.isSettled(name)) || assessment.disagreeing().contains(name);
  }

  private Finding finding(String name, Verdict.Elected verdict) {
    Classification was = picture.classes().get(name);
    boolean attributed =
        was.memberClass() == MemberClass.ADVANCED
            || was.cause() instanceof Cause.RemembersOutlived // a primary had accepted it
            || picture.record().departed().containsKey(name)
            || mayHaveWrittenAsPrimary(name)
            || (was.memberClass() == MemberClass.BEHIND && picture.ballot(name).usersSinceHeld());
    return new Finding.OfFiles(
        name, verdict, was, Change.keys(picture.ballot(name).changes()), attributed);
  }

  /**
   * Rule 2: what it wrote while it led is somebody's for good, also where that was archived once
   * already and its disk came back older, perhaps without that archive.
   */
  private boolean mayHaveWrittenAsPrimary(String name) {
    Ballot ballot = picture.ballot(name);
    return !ballot.unchanged()
        && ballot
            .memory()
            .filter(held -> picture.record().hasLedSince(name, held.position()))
            .isPresent();
  }

  /**
   * The primary if it holds the target, otherwise the healthiest holder; one that the spec no
   * longer names only if there is no other: its VM may go at any time.
   */
  private Optional<String> sample(String puller, Target target) {
    return picture
        .usable()
        .filter(m -> !m.equals(puller) && orders.isAtHand(m))
        .filter(m -> target.isHeldBy(picture.ballot(m)))
        .min(
            Comparator.comparing((String m) -> !picture.isWanted(m))
                .thenComparing(m -> !picture.record().isPrimary(m))
                .thenComparing(m -> tries(m).failed())
                .thenComparing(Comparator.naturalOrder()));
  }

  /** Rules 8 and 11: a repair that fails again and again, or has no room, needs somebody. */
  private Optional<Hold> failing(String name) {
    return tries(name)
        .failure()
        .filter(
            why ->
                differs(name) && (tries(name).failed() >= MANY || NO_ROOM.contains(why.reason())))
        .map(
            why ->
                Hold.waiting(
                    "RepairFails",
                    why.message(),
                    "It is tried again and again, every two minutes in the end."));
  }

  /** Rule 8: a sample that moves again and again is no failure, but somebody should know. */
  private Optional<Hold> tooFast(String name) {
    MemberState.Tries tries = tries(name);
    boolean canQuiesce = picture.config().canQuiesce();
    if (voided(name) < (canQuiesce ? 2 : 1) * OrderBook.MANY_VOIDS) {
      return Optional.empty();
    }
    return Optional.of(
        Hold.waiting(
            "ChangesTooFast",
            "What %s is to hold changes faster than it can be copied: %s."
                .formatted(name, tries.moved()),
            canQuiesce
                ? "It is tried again and again; see whether the feature's quiesce command keeps all"
                    + " writers still."
                : "It is tried again and again; give the feature a quiesce command that keeps its"
                    + " writers still, or exclude what changes all the time."));
  }
}
