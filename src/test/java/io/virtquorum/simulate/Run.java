package io.virtquorum.simulate;

import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * One run: a schedule happens, then all is well, and everybody must become equal in a bounded time;
 * the invariants hold throughout. For one thread.
 */
final class Run {
  /** As long as a run is, if it comes to rest in time. */
  static final long LENGTH = 300 * Timeline.SECOND;

  /** Invariant 11: all are equal after this time without faults. */
  static final long CALM = 30 * 60 * Timeline.SECOND;

  /** Files change fast after so long, and for so long. */
  private static final long HASTE = 50 * Timeline.SECOND;

  /** So many writes of somebody who is always at it do not go by without a commit. */
  private static final int WRITES = 40;

  private final Schedule schedule;
  private final Story story;
  private final World world;
  private final Deeds deeds;
  private final Faults faults;
  private final Person person;

  /**
   * How a run ended.
   *
   * @param failure empty: all is well
   * @param trace equal only for equal runs
   */
  record Result(Optional<Throwable> failure, Figures figures, long trace, List<String> story) {
    /** What failed, in short: equal for equal failures. */
    String kind() {
      return failure
          .map(f -> f instanceof Violation v ? v.invariant : f.getClass().getSimpleName())
          .orElse("");
    }
  }

  private Run(Schedule schedule, boolean told, Method method) {
    this.schedule = schedule;
    this.story = new Story(told);
    this.world = new World(schedule.seed(), story, schedule.shape(), method.voting);
    this.deeds = new Deeds(world);
    this.faults = new Faults(world, deeds);
    this.person = new Person(world, deeds, schedule.attended());
  }

  /**
   * Runs a schedule.
   *
   * @param told whether its story is wanted
   */
  static Result of(Schedule schedule, boolean told) {
    return of(schedule, told, Method.OURS, false);
  }

  /**
   * Runs a schedule.
   *
   * @param counting invariants that are broken are counted and end nothing
   */
  static Result of(Schedule schedule, boolean told, Method method, boolean counting) {
    Run run = new Run(schedule, told, method);
    if (counting) {
      run.world.truth.count(run.world.figures.broken);
    }
    Optional<Throwable> failure = Optional.empty();
    try {
      run.play();
    } catch (RuntimeException | AssertionError e) {
      failure = Optional.of(e);
    }
    Figures figures = run.world.figures;
    if (counting) {
      Losses.count(run.world, failure, figures.broken);
    }
    figures.ran(run.world.timeline.now());
    figures.trace = run.world.timeline.trace();
    figures.kinds.put(schedule.shape().text(), 1L);
    figures.epochs = run.world.truth.epochs().size();
    figures.confirmed = run.world.truth.confirmations.count;
    figures.rotInjected = run.world.rotted.size();
    figures.rotDetected =
        run.world.rotted.stream().filter(r -> figures.detected.contains(r.row())).count();
    return new Result(failure, figures, run.world.timeline.trace(), run.story.lines());
  }

  private void play() {
    world.begin();
    SplittableRandom random = new SplittableRandom(schedule.seed() + 1);
    if (schedule.differ()) {
      deeds.job(world.vm(random.nextLong()), random);
      world.bootstrapFrom("web-" + random.nextInt(schedule.shape().weights().size()));
    }
    if (schedule.shape().observe() && schedule.early()) {
      world.observe(true);
      world.truth.observed(true);
    } else if (!schedule.early()) {
      until("the first epoch", CALM, () -> world.truth.record().committed().isPresent());
      if (schedule.shape().observe()) {
        observe();
      }
    }
    long begin = world.timeline.now();
    schedule.events().forEach(faults::plan);
    if (schedule.shape().quiesce() != Shape.Quiesce.NONE) {
      deeds.rush(begin + HASTE, begin + 2 * HASTE, random);
    }
    advance(begin + schedule.eventful());
    world.heal();
    if (schedule.shape().observe()) {
      advance(world.timeline.now() + Person.LOOKS);
      world.truth.observed(false);
      world.observe(false);
    }
    if (schedule.busy()) {
      keepBusy(random);
    }
    if (schedule.shape().quiesce() == Shape.Quiesce.WORKS) {
      hurry(random);
    }
    long calm = world.timeline.now();
    untilRest();
    world.figures.slowestRest = world.timeline.now() - calm;
    story.tell("everybody is equal after %d s", (world.timeline.now() - calm) / Timeline.SECOND);
    world.truth.nothingIsLost();
    if (schedule.quiet()) {
      commitSoon(random);
      untilRest();
    }
    if (world.timeline.now() < LENGTH) {
      advance(LENGTH);
      world.truth.nothingIsLost();
    }
  }

  private void untilRest() {
    long calm = world.timeline.now();
    person.calm();
    while (!world.isAtRest()) {
      if (world.timeline.now() - calm > CALM) {
        throw new Violation(
            "NoRest", "not everybody is equal after 30 min of calm: " + person.holds());
      }
      advance(world.timeline.now() + Timeline.SECOND);
      if ((world.timeline.now() - calm) % Person.LOOKS < Timeline.SECOND) {
        person.look();
      }
    }
  }

  /** Nothing else happens, and a user writes where users are led. */
  private void commitSoon(SplittableRandom random) {
    Content content = deeds.save(world.served(0), random);
    long since = world.timeline.now();
    while (person.waitsFor(content, since)) {
      advance(world.timeline.now() + Timeline.SECOND);
    }
  }

  /** A person sets mode Observe while all is well; from then on nothing is touched. */
  private void observe() {
    until("rest", CALM, world::isAtRest);
    world.observe(true);
    advance(world.timeline.now() + Person.LOOKS / 2);
    world.truth.observed(true);
  }

  /** Files change faster than they can be copied, and a command keeps their writers still. */
  private void hurry(SplittableRandom random) {
    untilSomebodyLeads();
    advance(world.timeline.now() + 2 * Person.LOOKS);
    long before = world.truth.epochs().size();
    long begin = world.timeline.now();
    deeds.rush(begin, begin + 2 * Person.LOOKS, random);
    advance(begin + 2 * Person.LOOKS);
    if (world.truth.epochs().size() == before && !waits()) {
      throw new Violation("NoProgress", "nothing is committed though writers can be kept still");
    }
  }

  /** Something else than haste is in the way. */
  private boolean waits() {
    return person.holds().stream().anyMatch(hold -> !hold.reason().equals("ChangesTooFast"));
  }

  /** Somebody writes all the time: what is written gets committed all the same. */
  private void keepBusy(SplittableRandom random) {
    untilSomebodyLeads();
    advance(world.timeline.now() + Person.LOOKS);
    long before = world.truth.epochs().size();
    int free = 0; // writes since nothing is in the way any more
    for (int i = 0;
        i < WRITES || (world.truth.epochs().size() == before && free > 0 && free < WRITES);
        i++) {
      deeds.user(world.served(random.nextLong()), random);
      advance(world.timeline.now() + Timeline.SECOND + random.nextLong(3 * Timeline.SECOND));
      free = person.holds().isEmpty() ? free + 1 : 0;
    }
    boolean broken = // a command that keeps writers still and hangs is in everybody's way
        schedule.shape().quiesce() == Shape.Quiesce.FAILS
            || schedule.shape().quiesce() == Shape.Quiesce.HANGS;
    if (world.truth.epochs().size() == before && free > 0 && !broken) {
      throw new Violation("NoProgress", "nothing is committed while somebody writes");
    }
  }

  private void untilSomebodyLeads() {
    // Once for whose state it is to be, and once more if that rots before it is committed.
    for (int i = 0; i < 2 && world.truth.record().committed().isEmpty(); i++) {
      advance(world.timeline.now() + Person.LOOKS);
      person.look();
    }
    until("a primary", CALM, () -> world.truth.record().committed().isPresent());
  }

  private void until(String what, long limit, java.util.function.BooleanSupplier condition) {
    long end = world.timeline.now() + limit;
    while (!condition.getAsBoolean()) {
      if (world.timeline.now() >= end) {
        throw new Violation("NoRest", "in vain waited for " + what + ": " + person.holds());
      }
      advance(world.timeline.now() + Timeline.SECOND / 2);
    }
  }

  private void advance(long until) {
    while (world.timeline.step(until)) {
      world.truth.judge();
    }
  }
}
