package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.StaleProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Takes in how orders went: offers, ends, and deadlines that passed. Lives for one event. */
final class Outcomes {
  private static final Duration FIRST_RETRY = Duration.ofSeconds(2);
  private static final Duration LAST_RETRY = Duration.ofMinutes(2);
  private static final Duration RETRY_VOID = Duration.ofSeconds(1);

  /** As often as members look at their outputs: what always differs must not be asked for more. */
  private static final Duration RETRY_VOID_OUTPUT = Duration.ofSeconds(20);

  private final Instant now;
  private final List<Command> commands;

  /**
   * @param commands takes what follows at once
   */
  Outcomes(Instant now, List<Command> commands) {
    this.now = now;
    this.commands = commands;
  }

  /** A sample serves: the puller may begin, if that is still wanted. */
  State offered(State state, Event.Offered offered) {
    if (!(state.work().job(offered.id()).orElse(null) instanceof Job.Preparing preparing)
        || !preparing.asked().equals(offered.member())) {
      return state;
    }
    Job.Repair repair = preparing.repair();
    Offer offer = offered.offer();
    if (isOvertaken(state, repair)) {
      return state.with(state.work().without(preparing));
    }
    if (!offer.matrix().root().equals(repair.root())) {
      return finish(state, preparing, new Outcome.Void(repair.sample() + " moved on"));
    }
    List<Row> wanted = rows(repair.aim());
    if (!wanted.isEmpty()) {
      List<Row> there =
          wanted.stream()
              .filter(r -> offer.matrix().digest(r.key()).filter(r.digest()::equals).isPresent())
              .toList();
      if (there.isEmpty()) {
        Trouble trouble =
            new Trouble("RowsMissing", repair.sample() + " does not hold these rows either.");
        return finish(state, preparing, new Outcome.Failed(trouble))
            .withMember(repair.sample(), MemberState::refreshed);
      }
      repair =
          repair.with(
              repair.aim() instanceof Job.Aim.Remembered back
                  ? new Job.Aim.Remembered(there, back.gone())
                  : new Job.Aim.Rows(there));
    }
    Job.Repairing job = new Job.Repairing(preparing.id() + "p", repair, now.plus(OrderBook.REPAIR));
    commands.add(pull(job, offer));
    return state.with(state.work().without(preparing).with(job));
  }

  /** Single rows that are to come, if the repair is about such. */
  private static List<Row> rows(Job.Aim aim) {
    return switch (aim) {
      case Job.Aim.Rows some -> some.rows();
      case Job.Aim.Remembered back -> back.rows();
      case Job.Aim.Whole _, Job.Aim.Output _ -> List.of();
    };
  }

  private static Command pull(Job.Repairing job, Offer offer) {
    Job.Repair repair = job.repair();
    Command.Archived archive = OrderBook.archived(repair);
    return switch (repair.aim()) {
      case Job.Aim.Whole whole ->
          new Command.Pull(job.id(), repair.member(), offer, whole.position(), archive);
      case Job.Aim.Rows rows ->
          new Command.Restore(job.id(), repair.member(), offer, rows.rows(), archive);
      case Job.Aim.Remembered back ->
          new Command.Rebuild(
              job.id(), repair.member(), Optional.of(offer), back.rows(), back.gone(), archive);
      case Job.Aim.Output output ->
          new Command.Apply(
              job.id(), repair.member(), offer, output.feature(), output.digest(), archive);
    };
  }

  /** The record moved on since the repair was planned, so that it would do harm or nothing. */
  private static boolean isOvertaken(State state, Job.Repair repair) {
    ClusterRecord record =
        state.ledger().writing().map(RecordChange::record).orElse(state.record());
    if (!(repair.aim() instanceof Job.Aim.Whole whole)) {
      return repair.aim() instanceof Job.Aim.Remembered && record.isPrimary(repair.member());
    }
    Position position = whole.position();
    boolean primaryMayLose =
        state.config().filter(c -> c.authority() == Authority.VOTES).isPresent();
    return (record.isPrimary(repair.member()) && (!primaryMayLose || record.mandate().isPresent()))
        || record
            .committed()
            .map(Committed::position)
            .filter(
                c ->
                    c.isAfter(position)
                        || (position.isAfter(c) && position.tenure() < record.tenure()))
            .isPresent();
  }

  /** An order ended. */
  State finish(State state, Job job, Outcome outcome) {
    State rest = state.with(state.work().without(job));
    String name = job.member();
    if (job instanceof Job.Quieting quieting) {
      return quieted(rest, quieting, outcome);
    }
    return switch (outcome) {
      case Outcome.Done done when job instanceof Job.Repairing repairing -> {
        Job.Repair repair = repairing.repair();
        commands.add(new Command.Tell(false, "Repaired", sentence(repair, done)));
        yield rest.withMember(name, m -> succeeded(m, repairing, done.stale()))
            .with(
                rest.news()
                    .with(
                        new News.Repair(
                            name,
                            repair.sample(),
                            done.rows(),
                            done.bytes(),
                            done.took(),
                            now,
                            repair.finding(),
                            done.archiveEntry())));
      }
      case Outcome.Done _ when job instanceof Job.Proving proving ->
          proved(rest, proving, proving.root());
      case Outcome.Done _ -> rest.withMember(name, MemberState::succeeded);
      case Outcome.Accepted accepted when job instanceof Job.Proving proving ->
          proved(rest, proving, accepted.root());
      case Outcome.Accepted _, Outcome.Recalled _ -> rest.withMember(name, MemberState::stale);
      case Outcome.Void moved ->
          rest.withMember(
                  name,
                  m -> tried(m, job, t -> t.voidedUntil(now.plus(retry(job)), moved.message())))
              .withMember(job.asked(), MemberState::stale);
      case Outcome.Failed failed -> {
        int attempts = tries(rest.member(name), job).failed() + 1;
        Duration wait = backOff(attempts);
        Trouble trouble = told(job, failed);
        commands.add(
            new Command.Tell(
                true,
                trouble.reason(),
                "%s Try %d; the next in %d s."
                    .formatted(trouble.message(), attempts, wait.toSeconds())));
        yield rest.withMember(name, m -> tried(m, job, t -> t.failedUntil(now.plus(wait), trouble)))
            .withMember(
                job.asked(), job.isOverwriting() ? MemberState::unclear : MemberState::stale);
      }
    };
  }

  /** The member held this root after it was asked for a proof, and remembers it. */
  private static State proved(State state, Job.Proving job, Digest root) {
    State next = state.withMember(job.member(), m -> m.proved(job.position(), root, began(job)));
    if (!state.record().isPrimary(job.member())) {
      return next;
    }
    Exposure exposure = next.news().exposure();
    Trail trail = exposure.trail().proved(job.position(), began(job));
    return next.with(next.news().with(exposure.with(trail)));
  }

  /** What is proven was held after this. */
  private static Instant began(Job.Proving job) {
    return job.deadline().minus(OrderBook.PROVE);
  }

  /** As a sentence that says what was to be done, and where it failed. */
  private static Trouble told(Job job, Outcome.Failed failed) {
    Trouble why = failed.trouble();
    String deed =
        switch (job) {
          case Job.Preparing preparing when failed.asked() ->
              "%s could not be repaired, because %s could not serve it"
                  .formatted(job.member(), preparing.repair().sample());
          case Job.Preparing _, Job.Repairing _ -> job.member() + " could not be repaired";
          case Job.Proving _ -> job.member() + " could not prove what it holds";
          case Job.Quieting quieting when quieting.still().isZero() ->
              "The writers of %s could not be let go on".formatted(job.member());
          case Job.Quieting _ ->
              "The writers of %s could not be kept still".formatted(job.member());
        };
    return new Trouble(why.reason(), deed + ": " + Words.sentence(why.message()));
  }

  private static Duration retry(Job voided) {
    return voided.output().isPresent() ? RETRY_VOID_OUTPUT : RETRY_VOID;
  }

  private static MemberState.Tries tries(MemberState member, Job job) {
    return job.output().map(member::triesOf).orElse(member.tries());
  }

  private static MemberState tried(
      MemberState member, Job job, UnaryOperator<MemberState.Tries> change) {
    MemberState.Tries after = change.apply(tries(member, job));
    return job.output().map(f -> member.with(f, after)).orElseGet(() -> member.with(after));
  }

  /**
   * @param stale who still writes into what was replaced, by this repair of files or an earlier one
   */
  private static MemberState succeeded(
      MemberState member, Job.Repairing job, List<StaleProcess> stale) {
    if (job.repair().aim() instanceof Job.Aim.Whole whole) {
      Instant began = job.deadline().minus(OrderBook.REPAIR);
      return member.proved(whole.position(), job.repair().root(), began).with(stale);
    }
    return job.output()
        .map(f -> member.stale().with(f, MemberState.Tries.NONE))
        .orElseGet(() -> member.succeeded().with(stale));
  }

  /**
   * Where the command failed nothing waits for it: it is tried again when its time would be over.
   */
  private State quieted(State rest, Job.Quieting job, Outcome outcome) {
    if (outcome instanceof Outcome.Failed failed) {
      commands.add(new Command.Tell(true, "QuiesceFailed", told(job, failed).message()));
    }
    boolean still = job.still().isPositive();
    if (!still && outcome instanceof Outcome.Done done && done.took().isPositive()) {
      commands.add(
          new Command.Tell(
              false,
              "WritersHeld",
              "The writers of %s were kept still for %d ms."
                  .formatted(job.member(), done.took().toMillis())));
    }
    return rest.withMember(
        job.member(),
        m -> m.stale().still(still ? Optional.of(now.plus(OrderBook.STILL)) : Optional.empty()));
  }

  /**
   * Orders without an answer by their deadline are unknown: they are forgotten, and what is so is
   * seen in the next ballots. A guest may be at them yet; a sidecar votes only when what was begun
   * has ended.
   */
  State expire(State state) {
    State next = state;
    for (Job job : state.work().jobs()) {
      if (job.deadline().isBefore(now)) {
        Trouble trouble = new Trouble("NoAnswer", "its sidecar gave no answer in time.");
        next = finish(next, job, new Outcome.Failed(trouble));
        if (!job.isOverwriting()) {
          next = next.withMember(job.asked(), MemberState::refreshed);
        }
      }
    }
    return next;
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
            repair.finding().words(),
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
}
