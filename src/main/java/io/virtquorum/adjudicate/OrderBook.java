package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Gives orders to members and keeps account of them: a member changes for one job at a time, and
 * may serve several others. Lives for one step of the reducer.
 */
final class OrderBook {
  /** How long a member may take to prove what it holds. */
  static final Duration PROVE = Duration.ofMinutes(2);

  /** How long a sample may take to begin to serve. */
  static final Duration PREPARE = Duration.ofSeconds(60);

  /** How long a repair may take: the one deadline of copy, archive and verification together. */
  static final Duration REPAIR = Duration.ofMinutes(10);

  /** After so many voided attempts the writers are kept still, where there is a command for it. */
  static final int MANY_VOIDS = 3;

  /** How long writers are kept still at most: the guest itself lets them go on after that. */
  static final Duration STILL = Duration.ofSeconds(60);

  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  private final List<Command> commands = new ArrayList<>();
  private final Instant now;
  private State state;

  OrderBook(State state, Instant now) {
    this.state = state;
    this.now = now;
  }

  /** The state with the jobs in it. */
  State state() {
    return state;
  }

  List<Command> commands() {
    return commands;
  }

  /** Usable, idle, not waiting to try again, and known as it is after its last order. */
  boolean isReady(String name) {
    return isFree(name) && !isWaiting(name);
  }

  /** Its last repair failed a moment ago. */
  boolean isWaiting(String name) {
    return state.member(name).tries().notBefore().isAfter(now);
  }

  /** Usable, idle, and known as it is after its last order. */
  boolean isFree(String name) {
    MemberState member = state.member(name);
    return member.usable() && member.fresh() && !state.work().isBusy(name);
  }

  /** Free, or serves others at most: it can serve one more, and prove what it holds. */
  boolean isStill(String name) {
    MemberState member = state.member(name);
    return member.usable() && member.fresh() && !state.work().isChanging(name);
  }

  /** Still, and it did not fail a moment ago. */
  boolean isAtHand(String name) {
    return isStill(name) && !isWaiting(name);
  }

  /**
   * Has a member prove that it holds the target, and remember it; nothing while it is busy with
   * itself. Those that copy from it go on, however slow they are.
   */
  void prove(String name, Target target, Command.Accepts accepts) {
    if (isAtHand(name)) {
      String id = nextId();
      Job job = new Job.Proving(id, name, target.position(), target.root(), now.plus(PROVE));
      state = state.with(state.work().with(job));
      commands.add(new Command.Prove(id, name, target.position(), target.root(), accepts));
    }
  }

  /**
   * Has a member repaired from a sample: it must be ready, and the sample still.
   *
   * @param root what the sample is to serve
   */
  void repair(String name, String sample, Digest root, Job.Aim aim, Finding finding) {
    commands.add(new Command.Serve(prepare(name, sample, root, aim, finding), sample, root, name));
  }

  /** Has a member make the output of a command the sample's: it must be free, the sample still. */
  void apply(String name, String sample, String feature, Digest digest, Finding finding) {
    Digest root = Output.matrix(feature, digest).root();
    String id = prepare(name, sample, root, new Job.Aim.Output(feature, digest), finding);
    commands.add(new Command.ServeOutput(id, sample, feature, digest, name));
  }

  /** Has a member brought back to what it remembers, as far as one step goes. */
  void rebuild(String name, Rebuild.Step step, Finding finding) {
    var aim = new Job.Aim.Remembered(step.rows(), step.gone());
    if (step.donor().isPresent()) {
      Digest root = state.member(step.donor().get()).ballot().orElseThrow().root();
      repair(name, step.donor().get(), root, aim, finding);
      return;
    }
    String id = nextId() + "p";
    var repair = new Job.Repair(name, name, finding.right(), aim, entry(), finding);
    state = state.with(state.work().with(new Job.Repairing(id, repair, now.plus(REPAIR))));
    commands.add(
        new Command.Rebuild(id, name, Optional.empty(), List.of(), step.gone(), archived(repair)));
  }

  /** What the archive says of a repair. */
  static Command.Archived archived(Job.Repair repair) {
    return new Command.Archived(
        repair.entry(), repair.finding().words(), repair.finding().isAttributed());
  }

  private String entry() {
    long epoch = state.record().committed().map(Committed::epoch).orElse(0L);
    return "epoch-%d-%s".formatted(epoch, STAMP.format(now));
  }

  private String prepare(String name, String sample, Digest root, Job.Aim aim, Finding finding) {
    String id = nextId();
    Job job =
        new Job.Preparing(
            id, new Job.Repair(name, sample, root, aim, entry(), finding), now.plus(PREPARE));
    state = state.with(state.work().with(job));
    return id;
  }

  /** Has a member keep its writers still, or let them go on (zero); nothing while it is busy. */
  void quiesce(String name, Duration still) {
    if (isAtHand(name)) {
      String id = nextId();
      state = state.with(state.work().with(new Job.Quieting(id, name, still, now.plus(PREPARE))));
      commands.add(new Command.Quiesce(id, name, still));
    }
  }

  private String nextId() {
    state = state.with(state.work().counted());
    return "t%d-%d".formatted(state.term(), state.work().counter());
  }
}
