package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.Standing;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member of an HACluster, as its adjudicator sees it: beats, looks at the state and votes when
 * it changed, and obeys one order after another. All work in the guest is done in {@link #round},
 * by one thread; beats and messages do not wait for it.
 */
final class Member implements Link.Listener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Member.class);

  /** The pause after what failed. */
  static final Duration AFTER_FAILURE = Duration.ofSeconds(1);

  /** What a look called for and could not be done is tried again after it. */
  private static final Duration LATER = Duration.ofSeconds(10);

  private final Guest guest;
  private final Orders orders;
  private final Function<Configure, MemberWork> works;
  private final Uplink link;
  private final LongSupplier nanoTime;
  private final Driver driver;
  private final Recall recall;
  private volatile Configure wanted;
  private volatile boolean ballotDue;
  private volatile boolean healthDue;
  private volatile boolean changed;
  private volatile boolean closed;

  // Of the thread of the rounds alone.
  private Optional<MemberWork> work = Optional.empty();
  private Configure working;
  private BallotContent sent;
  private long ballots;
  private final Schedule schedule;
  private final GuestSilence silence = new GuestSilence();
  private final Looks looks = new Looks();
  private final Standings standings = new Standings();
  private final UnforeseenFailures failures = new UnforeseenFailures();
  private Optional<BallotContent.Trouble> misconfigured = Optional.empty();
  private HealthContent said = HealthContent.GOOD;

  /**
   * Begins to dial at once; what it has to do is done in rounds.
   *
   * @param guest stays the caller's to close, after this
   * @param works makes the work of a configuration; an {@link IllegalArgumentException} says in a
   *     sentence what is wrong with it
   * @param dial makes the link from what this member says and hears
   * @param nanoTime as {@link System#nanoTime}
   * @param driver of the rounds
   */
  Member(
      Identity identity,
      String cluster,
      String version,
      Guest guest,
      Orders orders,
      Function<Configure, MemberWork> works,
      Dial dial,
      LongSupplier nanoTime,
      Driver driver) {
    this.nanoTime = nanoTime;
    this.driver = driver;
    this.recall = new Recall(driver);
    this.schedule = new Schedule(nanoTime.getAsLong());
    this.guest = guest;
    this.orders = orders;
    this.works = works;
    this.link =
        dial.dial(
            () ->
                Hello.newBuilder()
                    .setNamespace(identity.namespace())
                    .setCluster(cluster)
                    .setMember(identity.name())
                    .setVmiUid(identity.uid())
                    .setTermSeen(orders.term())
                    .setVersion(version)
                    .build(),
            this::beat,
            this);
    guest.onNews(
        () -> {
          changed = true;
          driver.news();
        });
  }

  /** Makes a link. */
  interface Dial {
    Uplink dial(
        java.util.function.Supplier<Hello> hello,
        java.util.function.LongFunction<Beat> beat,
        Link.Listener listener);
  }

  /** What drives the rounds. */
  interface Driver {
    /** There is a reason for another round now. Any thread; does not wait. */
    void news();

    /**
     * Whatever the round waits for in the guest ends now and fails, until {@link #goOn}. Any
     * thread; does not wait.
     */
    void interrupt();

    /** Rounds may wait again. By the thread of the rounds. */
    void goOn();
  }

  @Override
  public void attached() {
    orders.attached();
    ballotDue = true;
    healthDue = true;
    driver.news();
  }

  @Override
  public void configured(Configure configure) {
    if (!orders.configured(configure.getTerm())) {
      log.atWarn()
          .addKeyValue("term", configure.getTerm())
          .addKeyValue("newest", orders.term())
          .log("An older leader's configuration is not obeyed");
      return;
    }
    if (configure.getBeatMillis() > 0) {
      link.beatEvery(Duration.ofMillis(configure.getBeatMillis()));
    }
    wanted = configure;
    recall.unless(orders::wants);
    driver.news();
  }

  @Override
  public void ordered(Command command) {
    orders.take(command, nanoTime.getAsLong()).ifPresentOrElse(link::send, driver::news);
    recall.unless(orders::wants);
  }

  @Override
  public void recalled(io.virtquorum.wire.v1.Recall recall) {
    if (orders.obeys(recall.getTerm())) {
      orders.recall(recall.getId());
      this.recall.unless(orders::wants);
      driver.news();
    }
  }

  @Override
  public void stands(Standing standing) {
    if (orders.obeys(standing.getTerm())) {
      standings.hear(standing);
      driver.news();
    }
  }

  /** Ends the link, so that a round under way is the last one. Any thread. */
  void endLink() {
    closed = true;
    link.close();
  }

  /** Ends what still runs in the guest, within seconds. By the thread of the rounds. */
  @Override
  public void close() {
    work.ifPresent(MemberWork::close);
  }

  private Beat beat(long number) {
    Guest.Presence presence = guest.presence();
    Beat.Builder beat = Beat.newBuilder();
    looks
        .age(nanoTime.getAsLong())
        .ifPresent(
            age -> beat.setLookAgeMillis((int) Math.min(age / 1_000_000, Integer.MAX_VALUE)));
    looks
        .heldAge(nanoTime.getAsLong())
        .ifPresent(
            age -> beat.setHeldAgeMillis((int) Math.min(age / 1_000_000, Integer.MAX_VALUE)));
    return beat.setNumber(number)
        .setLooking(looks.isUnderWay())
        .setGuest(
            switch (presence.state()) {
              case STARTING -> GuestState.GUEST_STATE_STARTING;
              case ANSWERING -> GuestState.GUEST_STATE_ANSWERING;
              case SILENT -> GuestState.GUEST_STATE_SILENT;
              case GONE -> GuestState.GUEST_STATE_GONE;
            })
        .setAgentAgeMillis((int) Math.min(presence.age().toMillis(), Integer.MAX_VALUE))
        .build();
  }

  /**
   * Does what is to be done now: one order, or a look if one is due.
   *
   * @return nanoseconds until the next round, unless there is news before; 0 for at once
   * @throws RuntimeException if it fails in a way nobody foresaw; the adjudicator is told if that
   *     goes on
   */
  long round() {
    try {
      return doWhatIsDue();
    } catch (RuntimeException e) {
      failures.failed(e, nanoTime.getAsLong());
      report();
      throw e;
    }
  }

  /** True if nothing that a look called for is left to do: what it saw of users is kept. */
  boolean isFollowedUp() {
    return schedule.isFollowedUp();
  }

  /** True if rounds failed and the state could not be looked at since. */
  boolean fails() {
    return failures.last();
  }

  private long doWhatIsDue() {
    configure();
    standings.pass(work);
    Optional<Orders.Order> order = orders.next();
    if (order.isPresent()) {
      obey(order.get());
      return 0;
    }
    lookIfDue();
    followUpIfDue();
    report();
    return schedule.left(changed, nanoTime.getAsLong());
  }

  private void configure() {
    Configure configure = wanted;
    if (configure == null || configure.toBuilder().clearTerm().build().equals(working)) {
      return;
    }
    work.ifPresent(MemberWork::close);
    work = Optional.empty();
    looks.forget();
    standings.forget();
    working = configure.toBuilder().clearTerm().build();
    sent = null;
    try {
      work = Optional.of(works.apply(configure));
      misconfigured = Optional.empty();
      schedule.all(nanoTime.getAsLong()); // an audit finds what the cache hid while nobody looked
    } catch (IllegalArgumentException e) {
      log.atError().setCause(e).log("This member cannot work as it is configured");
      misconfigured =
          Optional.of(new BallotContent.Trouble("ConfigurationUnusable", e.getMessage()));
    } catch (RuntimeException e) {
      working = null; // the next round tries again
      throw e;
    }
  }

  private void lookIfDue() {
    if (work.isEmpty()) {
      schedule.lookIn(AFTER_FAILURE, nanoTime.getAsLong());
      return;
    }
    long now = nanoTime.getAsLong();
    boolean audit = schedule.isAuditDue(now);
    if (audit || schedule.isLookDue(changed, ballotDue, now)) {
      work.get().tend();
      look(audit);
    }
  }

  private void followUpIfDue() {
    if (!schedule.isFollowUpDue(nanoTime.getAsLong())) {
      return;
    }
    try {
      if (work.isEmpty() || work.get().followUp()) {
        schedule.followedUp();
      } else {
        schedule.followUpIn(LATER, nanoTime.getAsLong());
      }
    } catch (GuestException e) { // the look that follows says it
      schedule.followUpIn(AFTER_FAILURE, nanoTime.getAsLong());
      log.atDebug().log("What a look calls for waits: {}", e.getMessage());
    }
  }

  /** Looks, and votes if there is something new to say. True if it could look. */
  private boolean look(boolean audit) {
    Duration pause = millis(working.getQuickMillis(), Duration.ofSeconds(2));
    long start = nanoTime.getAsLong();
    boolean well = false;
    boolean holds = false;
    changed = false; // what is told from now on asks for another look
    looks.begins(start);
    try {
      boolean due = ballotDue;
      ballotDue = false; // an attach during the look asks for another one
      BallotContent ballot;
      try {
        ballot = work.orElseThrow().look(audit);
      } catch (GuestException | RuntimeException e) {
        ballotDue |= due;
        throw e;
      }
      if (sent != null && !sent.bootId().equals(ballot.bootId())) {
        looks.forget(); // the guest booted between two looks
      }
      well = ballot.trouble().isEmpty();
      holds = ballot.memory().isPresent() && ballot.changesTotal() == 0;
      if (audit) {
        schedule.audited(
            millis(working.getAuditMillis(), Duration.ofMinutes(10)), nanoTime.getAsLong());
      }
      if (audit || due || !ballot.equals(sent)) {
        vote(ballot);
      }
      if (silence.lasts()) {
        silence.answered();
        log.atInfo().log("The state can be looked at again");
      }
      failures.looked();
      return true;
    } catch (GuestException e) {
      pause = pause.compareTo(AFTER_FAILURE) < 0 ? AFTER_FAILURE : pause;
      if (!silence.lasts() && !closed) {
        log.atWarn().addKeyValue("why", e.getMessage()).log("The state cannot be looked at");
      }
      if (e instanceof GuestException.Rebooted) {
        looks.forget();
      }
      silence.failed(e, start, nanoTime.getAsLong(), guest.presence().state());
      return false;
    } finally {
      looks.ends(well, holds);
      schedule.looked(start, pause, well, nanoTime.getAsLong());
    }
  }

  /** Says how the member is, if that is news for the adjudicator. */
  private void report() {
    HealthContent work = this.work.map(MemberWork::health).orElse(HealthContent.GOOD);
    List<BallotContent.Trouble> ailments =
        Stream.of(
                misconfigured.stream(),
                silence.ailment().stream(),
                failures.ailment().stream(),
                work.ailments().stream())
            .flatMap(Function.identity())
            .toList();
    HealthContent health = new HealthContent(ailments, work.silentPeers());
    if (!health.equals(said)) {
      log.atWarn()
          .addKeyValue("silentPeers", health.silentPeers())
          .log("Health: {}", ailments.isEmpty() ? "nothing ails this member" : ailments);
    } else if (!healthDue || health.equals(HealthContent.GOOD)) {
      return; // a new stream begins with good health
    }
    healthDue = false;
    said = health;
    link.send(WireMapping.write(health));
  }

  private void vote(BallotContent ballot) {
    link.send(WireMapping.write(ballot).toBuilder().setNumber(++ballots).build());
    sent = ballot.unaudited(); // a quick pass that finds the same as an audit is no news
  }

  private void obey(Orders.Order order) {
    Command command = order.command();
    String id = command.getId();
    long start = nanoTime.getAsLong();
    link.withdrawBallot(); // a new stream must not begin with what was true before this order
    recall.begins(order);
    FromMember answer =
        orders.refusal(order, start).orElseGet(() -> run(command, order.left(start)));
    if (recall.ends() && !Answers.isDone(answer)) {
      answer = Answers.recalled(id);
    }
    orders.answered(id, answer);
    link.send(answer);
    var line =
        log.atInfo()
            .addKeyValue("order", id)
            .addKeyValue("what", command.getOrderCase())
            .addKeyValue("term", command.getTerm())
            .addKeyValue("millis", (nanoTime.getAsLong() - start) / 1_000_000);
    if (answer.hasProgress()) {
      line.addKeyValue("outcome", answer.getProgress().getOutcome())
          .addKeyValue("reason", answer.getProgress().getReason())
          .log("Order ended: {}", answer.getProgress().getMessage());
    } else {
      line.log("Serving a sample");
    }
    if (answer.hasOffer() || Answers.isDone(answer)) {
      schedule.obeyed(nanoTime.getAsLong());
    }
    ballotDue = true; // whatever it did, the adjudicator decides on what is there now
  }

  private FromMember run(Command command, Duration left) {
    String id = command.getId();
    if (work.isEmpty()) {
      return Answers.refused(id, "NotConfigured", "This sidecar has no usable configuration");
    }
    try {
      if (command.hasAudit()) {
        return look(true)
            ? Answers.message(Answers.done(id))
            : Answers.failed(id, "GuestUnreachable", "The guest did not answer the audit");
      }
      return work.get().run(command, left, recall);
    } catch (GuestException e) {
      return Answers.failed(id, "GuestUnreachable", e.getMessage());
    } catch (RuntimeException e) {
      log.atError().setCause(e).addKeyValue("order", id).log("An order failed unexpectedly");
      return Answers.failed(id, "SidecarFailed", "The sidecar failed; its log says how: " + e);
    }
  }

  private static Duration millis(int millis, Duration otherwise) {
    return millis > 0 ? Duration.ofMillis(millis) : otherwise;
  }
}
