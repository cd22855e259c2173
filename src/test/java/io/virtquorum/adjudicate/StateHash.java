package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * What of an adjudicator's state its decisions depend on, as numbers, so that two states that will
 * do the same give the same numbers. Left out is what is only told: holds (each is derived anew at
 * each step), sentences, the names of archive entries, figures of repairs, numbers of orders (an
 * order is its place among those under way). Time is left out but for what has passed or is left:
 * whether the settle time has passed, seconds until a repair may be tried again, and the class of a
 * deadline ({@link #left}).
 */
public final class StateHash {
  private static final Duration STEP = Duration.ofSeconds(7);
  private static final int FAR = 3;
  private final State state;
  private final Instant now;
  private final LongConsumer sink;

  private StateHash(State state, Instant now, LongConsumer sink) {
    this.state = state;
    this.now = now;
    this.sink = sink;
  }

  /** Adds a state as it is at this moment. */
  public static void add(State state, Instant now, LongConsumer sink) {
    new StateHash(state, now, sink).add();
  }

  /** The place of an order among those under way, from 1; 0: it is forgotten. */
  public static int place(State state, String id) {
    List<Job> jobs = state.work().jobs();
    for (int i = 0; i < jobs.size(); i++) {
      if (jobs.get(i).id().equals(id)) {
        return i + 1;
      }
    }
    return 0;
  }

  /** The earliest deadline of an order under way. */
  public static Optional<Instant> deadline(State state) {
    return state.work().jobs().stream().map(Job::deadline).min(Instant::compareTo);
  }

  /** True if nothing is under way and nothing waits to be committed. */
  public static boolean isIdle(State state) {
    return state.work().jobs().isEmpty() && state.news().exposedSince().isEmpty();
  }

  /** What is under way, for a story. */
  public static String words(State state) {
    return "jobs %s members %s".formatted(state.work().jobs(), state.members());
  }

  /**
   * The class of what is left until a moment: 0 it is over, 1 a step of the clock passes it, 2 two
   * do, 3 none that a run has, but for the one that is made for deadlines.
   */
  public static int left(Instant now, Instant then) {
    if (then.isBefore(now)) {
      return 0;
    }
    long steps = Duration.between(now, then).dividedBy(STEP);
    return (int) Math.min(steps + 1, FAR);
  }

  /** Adds a record. */
  public static void add(ClusterRecord record, LongConsumer sink) {
    sink.accept(record.term() << 32 ^ record.tenure());
    sink.accept(record.primary().map(String::hashCode).orElse(0));
    record.members().forEach((name, weight) -> sink.accept(31L * name.hashCode() + weight));
    sink.accept(record.committed().map(Committed::epoch).orElse(0L));
    record.committed().ifPresent(c -> add(c.remembered(), sink));
    sink.accept(record.mandate().map(StateHash::number).orElse(0L));
    record.departed().forEach((name, d) -> sink.accept(31L * name.hashCode() + d.tenure()));
  }

  /** Adds what a memory says. */
  public static void add(Remembered remembered, LongConsumer sink) {
    add(remembered.position(), sink);
    sink.accept(number(remembered.root()));
  }

  /** Adds a ballot. */
  public static void add(Ballot ballot, LongConsumer sink) {
    sink.accept(number(ballot.root()));
    sink.accept(ballot.memory().isPresent() ? 1 : 0);
    ballot.memory().ifPresent(m -> add(m, sink));
    sink.accept(ballot.newestTenure());
    for (Change change : ballot.changes()) {
      sink.accept(31L * change.key().hashCode() + change.kind().ordinal());
      sink.accept(change.before().map(StateHash::number).orElse(0L));
      sink.accept(change.now().map(StateHash::number).orElse(0L));
    }
    sink.accept(
        ballot.sessions() << 2
            | (ballot.usersSinceHeld() ? 2 : 0)
            | (ballot.trouble().isPresent() ? 1 : 0));
  }

  /** The bits of a digest that tell it from the few others of a small world. */
  public static long number(Digest digest) {
    return digest.a() ^ digest.b();
  }

  private static void add(Position position, LongConsumer sink) {
    sink.accept(position.tenure() << 32 ^ position.sequence());
  }

  private void add() {
    sink.accept(state.term());
    sink.accept(state.config().flatMap(Config::promote).map(String::hashCode).orElse(0));
    add(state.record(), sink);
    sink.accept(state.isWriting() ? 1 : 0);
    state.ledger().writing().ifPresent(w -> add(w.record(), sink));
    state.members().forEach(this::add);
    sink.accept(-1);
    state.work().jobs().forEach(this::add);
    sink.accept(state.news().exposedSince().isPresent() ? 1 : 0);
    sink.accept(state.route().map(Route::hashCode).orElse(0));
  }

  private void add(String name, MemberState member) {
    MemberState.Tries tries = member.tries();
    boolean rival =
        state
            .news()
            .overruledAt()
            .filter(at -> member.strayingSince().filter(at::isAfter).isPresent())
            .isPresent();
    sink.accept(
        31L * name.hashCode()
            + member.presence().ordinal()
            + 4 * member.standing().ordinal()
            + (rival ? 16 : 0)
            + 32 * passed(member.unheardSince())
            + 128 * passed(member.strayingSince())
            + 512 * (member.since().unable().isPresent() ? 1 : 0));
    sink.accept(
        (long) tries.failed() << 40
            | (long) tries.voided() << 20
            | (tries.notBefore().isAfter(now)
                ? Duration.between(now, tries.notBefore()).toSeconds() + 1
                : 0));
    sink.accept(member.stillUntil().map(until -> left(now, until) + 1).orElse(0));
    sink.accept(member.ballot().isPresent() ? 1 : 0);
    member.ballot().ifPresent(ballot -> add(ballot, sink));
  }

  /** 0: it has not begun, 1: less than the settle time ago, 2: before that. */
  private int passed(Optional<Instant> since) {
    Duration settle = state.config().map(Config::settle).orElse(Duration.ZERO);
    return since.map(s -> s.plus(settle).isAfter(now) ? 1 : 2).orElse(0);
  }

  private void add(Job job) {
    sink.accept(31L * job.member().hashCode() + left(now, job.deadline()));
    switch (job) {
      case Job.Proving proving -> {
        sink.accept(1);
        add(new Remembered(proving.position(), proving.root()), sink);
      }
      case Job.Quieting quieting -> sink.accept(4 | quieting.still().toSeconds() << 8);
      case Job.Preparing preparing -> {
        sink.accept(2);
        add(preparing.repair());
      }
      case Job.Repairing repairing -> {
        sink.accept(3);
        add(repairing.repair());
      }
    }
  }

  private void add(Job.Repair repair) {
    sink.accept(31L * repair.sample().hashCode() + was(repair.finding()).ordinal());
    sink.accept(number(repair.root()));
    switch (repair.aim()) {
      case Job.Aim.Whole whole -> add(whole.position(), sink);
      case Job.Aim.Rows rows ->
          rows.rows().forEach(r -> sink.accept(r.key().hashCode() ^ number(r.digest())));
      case Job.Aim.Remembered back -> {
        back.rows().forEach(r -> sink.accept(r.key().hashCode() ^ number(r.digest())));
        back.gone().forEach(key -> sink.accept(~key.hashCode()));
      }
      case Job.Aim.Output output ->
          sink.accept(output.feature().hashCode() ^ number(output.digest()));
    }
  }

  private static MemberClass was(Finding finding) {
    return finding instanceof Finding.OfFiles files
        ? files.was().memberClass()
        : MemberClass.STEADY;
  }
}
