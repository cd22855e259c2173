package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The reducer that decides for one HACluster: {@code step(state, event, now) -> (state, commands)}.
 * Pure: the same inputs give the same outputs, on any thread. It takes in what happened, has the
 * ballots classified ({@link Classification}) and assessed ({@link Assessor}: which state is
 * right), and has a plan made ({@link Planner}: what to do about it).
 */
public final class Adjudicator {
  /** How long a copy whose sample died may take to end. */
  private static final Duration ORPHANED = Duration.ofSeconds(10);

  private Adjudicator() {}

  /** Takes in one event. */
  public static Step step(State state, Event event, Instant now) {
    List<Command> commands = new ArrayList<>();
    Outcomes outcomes = new Outcomes(now, commands);
    State next = outcomes.expire(take(state, event, now, outcomes, commands));
    if (next.config().isEmpty()) {
      return new Step(next, commands, Optional.empty());
    }
    var classes = Classification.all(next, next.config().get());
    next = date(next, classes, now);
    Picture picture = Picture.of(next, classes, now);
    Assessment assessment = Assessor.assess(picture);
    Planner.Plan plan = Planner.plan(picture, assessment);
    commands.addAll(plan.commands());
    commands.addAll(told(next.news().holds(), plan.holds()));
    next = plan.state().with(plan.state().news().with(plan.holds()));
    Optional<Route> route = Routing.plan(picture, next.isWriting());
    if (route.isPresent() && !route.equals(next.route())) {
      commands.addFirst(new Command.RouteUsers(route.get())); // nothing comes before it
      next = next.with(route.get());
    }
    next = next.with(next.news().with(Exposed.of(next, assessment, now)));
    next = stand(next, assessment, commands);
    return new Step(next, commands, Optional.of(assessment));
  }

  private static State take(
      State state, Event event, Instant now, Outcomes outcomes, List<Command> commands) {
    return switch (event) {
      case Event.Configured configured -> state.withConfig(configured.config());
      case Event.Attached attached ->
          state
              .with(state.work().withoutJobsOf(attached.member()))
              .withMember(attached.member(), m -> m.with(MemberState.Presence.ATTACHED));
      case Event.Detached detached ->
          state.isDead(detached.member())
              ? state
              : state
                  .with(state.work().withoutJobsOf(detached.member()))
                  .withMember(detached.member(), m -> m.with(MemberState.Presence.ABSENT));
      case Event.Died died -> {
        state
            .work()
            .copying(died.member())
            .forEach(job -> commands.add(new Command.Recall(job.id(), job.member())));
        yield state
            .with(
                state
                    .work()
                    .withoutJobsOf(died.member())
                    .hurried(died.member(), now.plus(ORPHANED)))
            .withMember(died.member(), m -> m.with(MemberState.Presence.DEAD));
      }
      case Event.Blind blind ->
          state.withMember(
              blind.member(), m -> m.with(m.since().blind(Optional.of(blind.since()))));
      case Event.Sees sees ->
          state.withMember(sees.member(), m -> m.with(m.since().blind(Optional.empty())));
      case Event.Voted voted -> vote(state, voted);
      case Event.Offered offered -> outcomes.offered(state, offered);
      case Event.Finished finished ->
          state
              .work()
              .job(finished.id())
              .filter(job -> job.asked().equals(finished.member()))
              .map(job -> outcomes.finish(state, job, finished.outcome()))
              .orElse(state);
      case Event.Recorded recorded -> adopt(state, recorded.record(), now, commands);
      case Event.Superseded superseded -> adopt(state, superseded.record(), now, commands);
      case Event.Tick _ -> state;
    };
  }

  /**
   * A ballot of a member that counts as dead is from before its death, unless its sidecar attached
   * again.
   */
  private static State vote(State state, Event.Voted voted) {
    MemberState before = state.member(voted.member());
    if (before.presence() != MemberState.Presence.ATTACHED) {
      return state;
    }
    // What failed on the primary may do now that somebody wrote there; users do not wait for it.
    boolean again =
        state.record().isPrimary(voted.member())
            && before.ballot().filter(b -> !b.root().equals(voted.ballot().root())).isPresent();
    MemberState after = before.with(voted.ballot()).with(before.since().held(voted.held()));
    return state
        .with(state.news().remembered(voted.ballot().newestTenure()))
        .withMember(voted.member(), _ -> again ? after.with(after.tries().impatient()) : after);
  }

  /**
   * What the record says now is a fact, whoever wrote it; also one's own change, whose answer was
   * lost, may be found there.
   */
  private static State adopt(
      State state, ClusterRecord record, Instant now, List<Command> commands) {
    ClusterRecord before = state.record();
    Optional<RecordChange> own = state.ledger().writing().filter(w -> w.record().equals(record));
    own.flatMap(RecordChange::news).ifPresent(commands::add);
    State next = state.withRecord(record);
    long asked = own.map(RecordChange::asked).orElse(0L);
    if (asked != 0) {
      next = next.with(next.news().confirmed(asked));
    }
    if (record.committed().isPresent() && !record.committed().equals(before.committed())) {
      Exposure rest = next.news().exposure().committed(record.committed().get().position(), now);
      next = next.with(next.news().with(rest));
    }
    if (!record.primary().equals(before.primary())) {
      Exposure of = next.news().exposure();
      String to = record.primary().orElse("");
      Optional<Instant> held = next.member(to).since().held();
      next = next.with(next.news().with(of.led(before.primary(), to, held)));
    }
    if (before.committed().isEmpty()
        || before.primary().isEmpty()
        || record.primary().isEmpty()
        || record.primary().equals(before.primary())) {
      return next;
    }
    String why = own.flatMap(RecordChange::succession).orElse("another operator recorded it");
    return next.with(
        next.news()
            .with(new News.Failover(before.primary().get(), record.primary().get(), now, why)));
  }

  /** Keeps since when each member is silent, strays, cannot serve or is not seen. */
  private static State date(State state, Map<String, Classification> classes, Instant now) {
    State next = state;
    for (var entry : classes.entrySet()) {
      String name = entry.getKey();
      MemberState member = state.member(name);
      MemberState.Since since =
          member
              .since()
              .at(
                  now,
                  entry.getValue().isUnheard() || member.isUnclear(),
                  strays(state, name, entry.getValue().memberClass()),
                  member.ballot().map(Ballot::isUnable).orElse(mayStillBeUnable(member)),
                  !member.isSeen());
      if (!since.equals(member.since())) {
        next = next.withMember(name, m -> m.with(since));
      }
    }
    return next;
  }

  /** A stream that flaps must not begin the patience with it anew. */
  private static boolean mayStillBeUnable(MemberState member) {
    return member.presence() != MemberState.Presence.DEAD && member.since().unable().isPresent();
  }

  private static boolean strays(State state, String name, MemberClass own) {
    boolean mayLose =
        !state.record().isPrimary(name)
            || state.config().orElseThrow().authority() == Authority.VOTES;
    return own == MemberClass.BEHIND
        || (mayLose && (own == MemberClass.ADVANCED || own == MemberClass.DRIFTED));
  }

  /** Each attached member is told how it stands, unless it was; by who leads alone. */
  private static State stand(State state, Assessment assessment, List<Command> commands) {
    State next = state;
    if (state.record().term() > state.term()) {
      return next;
    }
    for (var entry : state.members().entrySet()) {
      String name = entry.getKey();
      RecordedStanding now = RecordedStanding.of(state, assessment, name);
      if (entry.getValue().presence() == MemberState.Presence.ATTACHED
          && !entry.getValue().told().equals(Optional.of(now))) {
        commands.add(new Command.Stand(name, now));
        next = next.withMember(name, m -> m.told(now));
      }
    }
    return next;
  }

  /** Each hold is told once. */
  private static List<Command> told(List<Hold> before, List<Hold> after) {
    return after.stream()
        .filter(hold -> !before.contains(hold))
        .<Command>map(
            hold ->
                new Command.Tell(
                    hold.needsAPerson(), hold.reason(), hold.message() + " " + hold.until()))
        .toList();
  }
}
