package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * All that an adjudicator knows. Immutable; {@link Adjudicator#step} makes the next one.
 *
 * @param term of this adjudicator
 * @param config empty until the spec was read
 * @param record as last read or written
 * @param writing a record on its way to the API server; nothing is decided until it is known how
 *     that ended
 * @param counter numbers orders
 * @param exposedSince since when the primary holds something that is not committed
 * @param holds what was held back after the last step, so that each is told once
 */
public record State(
    long term,
    Optional<Config> config,
    ClusterRecord record,
    Optional<ClusterRecord> writing,
    Map<String, MemberState> members,
    List<Job> jobs,
    long counter,
    Optional<Instant> exposedSince,
    List<Hold> holds,
    Optional<RepairFact> lastRepair,
    Optional<FailoverFact> lastFailover) {

  public State {
    members = java.util.Collections.unmodifiableMap(new TreeMap<>(members));
    jobs = List.copyOf(jobs);
    holds = List.copyOf(holds);
  }

  /** What a new leader knows: its term, and the record as it read it. */
  public static State begin(long term, ClusterRecord record) {
    return new State(
        term,
        Optional.empty(),
        record,
        Optional.empty(),
        Map.of(),
        List.of(),
        0,
        Optional.empty(),
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  /**
   * A repair that ended well.
   *
   * @param why completes "(member) was repaired from (sample): ..."
   */
  public record RepairFact(
      String member,
      String sample,
      int rows,
      long bytes,
      Duration took,
      Instant at,
      String why,
      String archiveEntry) {}

  /** A change of the primary. */
  public record FailoverFact(String from, String to, Instant at, String why) {}

  /** The newest ballot of each attached member. */
  public Map<String, Ballot> ballots() {
    Map<String, Ballot> ballots = new TreeMap<>();
    members.forEach((name, m) -> m.ballot().ifPresent(ballot -> ballots.put(name, ballot)));
    return ballots;
  }

  /** The members with an order under way. */
  public List<String> occupied() {
    return members.keySet().stream().filter(this::busy).toList();
  }

  /** True if the detector said that the member is dead and it has not come back. */
  public boolean isDead(String name) {
    return member(name).presence() == MemberState.Presence.DEAD;
  }

  MemberState member(String name) {
    return members.getOrDefault(name, MemberState.absent());
  }

  boolean busy(String name) {
    return jobs.stream().anyMatch(job -> job.involves(name));
  }

  Optional<Job> job(String id) {
    return jobs.stream().filter(job -> job.id().equals(id)).findFirst();
  }

  State withMember(String name, UnaryOperator<MemberState> change) {
    Map<String, MemberState> changed = new TreeMap<>(members);
    changed.put(name, change.apply(member(name)));
    return new State(
        term,
        config,
        record,
        writing,
        changed,
        jobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  State withConfig(Config newConfig) {
    return new State(
        term,
        Optional.of(newConfig),
        record,
        writing,
        members,
        jobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  /** The same knowledge with a record that was just written. */
  public State recorded(ClusterRecord written) {
    return withRecord(written);
  }

  State withRecord(ClusterRecord newRecord) {
    return new State(
        term,
        config,
        newRecord,
        Optional.empty(),
        members,
        jobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  State withWriting(ClusterRecord next) {
    return new State(
        term,
        config,
        record,
        Optional.of(next),
        members,
        jobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  State without(Job job) {
    List<Job> rest = new ArrayList<>(jobs);
    rest.remove(job);
    return withJobs(rest);
  }

  /**
   * Forgets what was ordered of a member. A puller whose sample went is still at work until it says
   * otherwise.
   */
  State withoutJobsOf(String name) {
    return withJobs(
        jobs.stream()
            .filter(job -> !job.involves(name) || (job.isWriting() && !job.member().equals(name)))
            .toList());
  }

  /** Members that copy from this one must end before that: nobody will serve them any more. */
  State hurried(String sample, Instant deadline) {
    return withJobs(
        jobs.stream()
            .map(
                job ->
                    job instanceof Job.Repairing repairing
                            && repairing.repair().sample().equals(sample)
                            && repairing.deadline().isAfter(deadline)
                        ? new Job.Repairing(repairing.id(), repairing.repair(), deadline)
                        : job)
            .toList());
  }

  /** True if this member's whole state is being replaced at this moment. */
  boolean isOverwritten(String name) {
    return jobs.stream()
        .anyMatch(
            job ->
                job instanceof Job.Repairing repairing
                    && repairing.member().equals(name)
                    && repairing.repair().aim() instanceof Job.Aim.Whole);
  }

  State with(Job job) {
    List<Job> more = new ArrayList<>(jobs);
    more.add(job);
    return withJobs(more);
  }

  private State withJobs(List<Job> newJobs) {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        newJobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  State counted() {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        jobs,
        counter + 1,
        exposedSince,
        holds,
        lastRepair,
        lastFailover);
  }

  State exposed(Optional<Instant> since) {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        jobs,
        counter,
        since,
        holds,
        lastRepair,
        lastFailover);
  }

  State withHolds(List<Hold> newHolds) {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        jobs,
        counter,
        exposedSince,
        newHolds,
        lastRepair,
        lastFailover);
  }

  State with(RepairFact fact) {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        jobs,
        counter,
        exposedSince,
        holds,
        Optional.of(fact),
        lastFailover);
  }

  State with(FailoverFact fact) {
    return new State(
        term,
        config,
        record,
        writing,
        members,
        jobs,
        counter,
        exposedSince,
        holds,
        lastRepair,
        Optional.of(fact));
  }
}
