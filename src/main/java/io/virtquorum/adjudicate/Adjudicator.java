package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The reducer that decides for one HACluster: {@code step(state, event, now) -> (state, commands)}.
 * Pure: the same inputs give the same outputs, on any thread. It takes in what happened, has the
 * ballots assessed ({@link Assessor}: which state is right), and has a plan made ({@link Planner}:
 * what to do about it).
 */
public final class Adjudicator {
  private static final Duration FIRST_RETRY = Duration.ofSeconds(2);
  private static final Duration LAST_RETRY = Duration.ofMinutes(2);

  private static final Duration RETRY_VOID = Duration.ofSeconds(1);

  /** How long a copy whose sample died may take to end. */
  private static final Duration ORPHANED = Duration.ofSeconds(10);

  private Adjudicator() {}

  /** Takes in one event. */
  public static Step step(State state, Event event, Instant now) {
    List<Command> commands = new ArrayList<>();
    State next = expire(take(state, event, now, commands), now, commands);
    if (next.config().isEmpty()) {
      return new Step(next, commands);
    }
    next = stray(next, Assessor.assess(next, now), now);
    Assessment assessment = Assessor.assess(next, now);
    List<Hold> before = next.holds();
    Step planned = Planner.plan(next, assessment, now);
    commands.addAll(planned.commands());
    planned.state().holds().stream()
        .filter(hold -> before.stream().noneMatch(b -> b.equals(hold)))
        .forEach(
            hold ->
                commands.add(
                    new Command.Tell(
                        !hold.reason().equals("WaitingForMembers"),
                        hold.reason(),
                        hold.message() + " " + hold.until())));
    return new Step(expose(planned.state(), assessment, now), commands);
  }

  /** What the present state amounts to, for status and people; empty until the spec was read. */
  public static Optional<Assessment> assess(State state, Instant now) {
    return state.config().map(c -> Assessor.assess(state, now));
  }

  private static State take(State state, Event event, Instant now, List<Command> commands) {
    return switch (event) {
      case Event.Configured configured -> state.withConfig(configured.config());
      case Event.Attached attached ->
          state
              .withoutJobsOf(attached.member())
              .withMember(attached.member(), m -> m.with(MemberState.Presence.ATTACHED));
      case Event.Detached detached ->
          state.member(detached.member()).presence() == MemberState.Presence.DEAD
              ? state
              : state
                  .withoutJobsOf(detached.member())
                  .withMember(detached.member(), m -> m.with(MemberState.Presence.ABSENT));
      case Event.Died died ->
          state
              .withoutJobsOf(died.member())
              .hurried(died.member(), now.plus(ORPHANED))
              .withMember(died.member(), m -> m.with(MemberState.Presence.DEAD));
      case Event.Voted voted -> vote(state, voted);
      case Event.Offered offered -> offer(state, offered, now, commands);
      case Event.Finished finished ->
          state
              .job(finished.id())
              .map(job -> finish(state, job, finished.outcome(), now, commands))
              .orElse(state);
      case Event.Recorded recorded -> adopt(state, recorded.record(), now);
      case Event.Superseded superseded -> adopt(state, superseded.record(), now);
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
    return state.withMember(
        voted.member(), m -> again ? m.with(voted.ballot()).impatient() : m.with(voted.ballot()));
  }

  /** What the record says now is a fact, whoever wrote it. */
  private static State adopt(State state, ClusterRecord record, Instant now) {
    ClusterRecord before = state.record();
    State next = state.withRecord(record);
    if (!record.committed().equals(before.committed())) {
      next = next.exposed(Optional.empty()); // what is newer than this counts from now
    }
    if (before.committed().isEmpty()
        || before.primary().isEmpty()
        || record.primary().isEmpty()
        || record.primary().equals(before.primary())) {
      return next;
    }
    String from = before.primary().get();
    Classification was = Classification.of(before, from, state.member(from).ballot());
    String why =
        state.member(from).presence() == MemberState.Presence.DEAD
            ? from + " is dead"
            : was.memberClass() == MemberClass.BEHIND
                ? from + " lost the committed state: " + was.why()
                : "it was recorded so";
    return next.with(new State.FailoverFact(from, record.primary().get(), now, why));
  }

  private static State offer(
      State state, Event.Offered offered, Instant now, List<Command> commands) {
    if (!(state.job(offered.id()).orElse(null) instanceof Job.Preparing preparing)) {
      return state;
    }
    Job.Repair repair = preparing.repair();
    if (isOvertaken(state, repair)) {
      return state.without(preparing);
    }
    if (!offered.offer().matrix().root().equals(repair.root())) {
      return finish(
          state, preparing, new Outcome.Void(repair.sample() + " moved on"), now, commands);
    }
    if (repair.aim() instanceof Job.Aim.Rows rows) {
      List<Row> there =
          rows.rows().stream()
              .filter(r -> offered.offer().matrix().digest(r.key()).equals(Optional.of(r.digest())))
              .toList();
      if (there.isEmpty()) {
        Trouble trouble =
            new Trouble("RowsMissing", repair.sample() + " does not hold what rotted either.");
        return finish(state, preparing, new Outcome.Failed(trouble), now, commands)
            .withMember(repair.sample(), MemberState::refreshed);
      }
      repair = repair.with(new Job.Aim.Rows(there));
    }
    Job.Repairing job =
        new Job.Repairing(preparing.id() + "p", repair, now.plus(RepairPlanner.REPAIR));
    commands.add(
        switch (repair.aim()) {
          case Job.Aim.Whole whole ->
              new Command.Pull(
                  job.id(), repair.member(), offered.offer(), whole.position(), repair.why());
          case Job.Aim.Rows rows ->
              new Command.Restore(
                  job.id(), repair.member(), offered.offer(), rows.rows(), repair.why());
        });
    return state.without(preparing).with(job);
  }

  /** The record moved on since the repair was planned, so that it would do harm or nothing. */
  private static boolean isOvertaken(State state, Job.Repair repair) {
    if (!(repair.aim() instanceof Job.Aim.Whole whole)) {
      return false;
    }
    ClusterRecord record = state.writing().orElse(state.record());
    Position position = whole.position();
    return record.isPrimary(repair.member())
        || record
            .committed()
            .map(Committed::position)
            .filter(
                c ->
                    c.isAfter(position)
                        || (position.isAfter(c) && position.tenure() < record.tenure()))
            .isPresent();
  }

  private static State finish(
      State state, Job job, Outcome outcome, Instant now, List<Command> commands) {
    State rest = state.without(job);
    String name = job.member();
    return switch (outcome) {
      case Outcome.Done done when job instanceof Job.Repairing repairing -> {
        Job.Repair repair = repairing.repair();
        commands.add(new Command.Tell(false, "Repaired", sentence(repair, done)));
        yield rest.withMember(name, MemberState::succeeded)
            .with(
                new State.RepairFact(
                    name,
                    repair.sample(),
                    done.rows(),
                    done.bytes(),
                    done.took(),
                    now,
                    repair.why(),
                    done.archiveEntry()));
      }
      case Outcome.Done _ -> rest.withMember(name, MemberState::succeeded);
      case Outcome.Void _ -> {
        State voided =
            rest.withMember(name, m -> m.voided(now.plus(RETRY_VOID)))
                .withMember(obeyed(job), MemberState::stale);
        if (voided.member(name).voids() % 3 == 0) {
          commands.add(
              new Command.Tell(
                  true,
                  "ChangesTooFast",
                  "What %s is to hold changes faster than it can be copied; still trying."
                      .formatted(name)));
        }
        yield voided;
      }
      case Outcome.Failed failed -> {
        int attempts = rest.member(name).attempts() + 1;
        Duration wait = backOff(attempts);
        commands.add(
            new Command.Tell(
                true,
                failed.trouble().reason(),
                "%s could not be repaired: %s Try %d; the next in %d s."
                    .formatted(name, failed.trouble().message(), attempts, wait.toSeconds())));
        yield rest.withMember(name, m -> m.failed(now.plus(wait)))
            .withMember(obeyed(job), MemberState::stale);
      }
    };
  }

  /** Whose sidecar had the order: its next ballot tells how it is now. */
  private static String obeyed(Job job) {
    return job instanceof Job.Preparing preparing ? preparing.repair().sample() : job.member();
  }

  private static String sentence(Job.Repair repair, Outcome.Done done) {
    String archive =
        done.archiveEntry().isEmpty()
            ? ""
            : " What was replaced is in its archive as %s.".formatted(done.archiveEntry());
    return "%s was repaired from %s: %s. %d %s, %d bytes over the sync network, %d ms.%s"
        .formatted(
            repair.member(),
            repair.sample(),
            repair.why(),
            done.rows(),
            done.rows() == 1 ? "row" : "rows",
            done.bytes(),
            done.took().toMillis(),
            archive);
  }

  private static Duration backOff(int attempts) {
    Duration wait = FIRST_RETRY.multipliedBy(1L << Math.min(attempts - 1, 10));
    return wait.compareTo(LAST_RETRY) > 0 ? LAST_RETRY : wait;
  }

  /**
   * Orders without an answer by their deadline are unknown: they are forgotten, and what is so is
   * seen in the next ballots.
   */
  private static State expire(State state, Instant now, List<Command> commands) {
    State next = state;
    for (Job job : state.jobs()) {
      if (job.deadline().isBefore(now)) {
        next =
            finish(
                    next,
                    job,
                    new Outcome.Failed(
                        new Trouble("NoAnswer", "its sidecar gave no answer in time.")),
                    now,
                    commands)
                .withMember(obeyed(job), MemberState::refreshed);
      }
    }
    return next;
  }

  /** Keeps since when each member differs from what it should hold. */
  private static State stray(State state, Assessment assessment, Instant now) {
    State next = state;
    for (Map.Entry<String, Classification> entry : assessment.classes().entrySet()) {
      MemberClass memberClass = entry.getValue().memberClass();
      boolean strays =
          memberClass == MemberClass.BEHIND
              || (!state.record().isPrimary(entry.getKey())
                  && (memberClass == MemberClass.ADVANCED || memberClass == MemberClass.DRIFTED));
      Optional<Instant> since = state.member(entry.getKey()).strayingSince();
      if (strays != since.isPresent()) {
        next =
            next.withMember(
                entry.getKey(), m -> m.straying(strays ? Optional.of(now) : Optional.empty()));
      }
    }
    return next;
  }

  private static State expose(State state, Assessment assessment, Instant now) {
    boolean exposed =
        state.record().committed().isPresent()
            && (targetIsNewer(state.record().committed().get(), assessment)
                || state
                    .record()
                    .primary()
                    .filter(p -> hasWritten(state, assessment, p))
                    .isPresent());
    if (exposed == state.exposedSince().isPresent()) {
      return state;
    }
    return state.exposed(exposed ? Optional.of(now) : Optional.empty());
  }

  private static boolean targetIsNewer(Committed committed, Assessment assessment) {
    return assessment.target().filter(t -> t.position().isAfter(committed.position())).isPresent();
  }

  /** Also what is not elected yet, for instance because another row rotted, is exposed. */
  private static boolean hasWritten(State state, Assessment assessment, String primary) {
    MemberClass own = assessment.classOf(primary);
    return (own == MemberClass.ADVANCED || own == MemberClass.DRIFTED)
        && state.member(primary).ballot().get().changes().stream()
            .anyMatch(c -> c.kind() == Change.Kind.WRITTEN);
  }
}
