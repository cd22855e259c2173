package io.virtquorum.adjudicate;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * What was ordered and has not ended.
 *
 * @param jobs in the order in which they began
 * @param counter numbers orders
 */
record Work(List<Job> jobs, long counter) {
  Work {
    jobs = List.copyOf(jobs);
  }

  static Work none() {
    return new Work(List.of(), 0);
  }

  /** True if the member has a part in anything. */
  boolean isBusy(String name) {
    return jobs.stream().anyMatch(job -> job.involves(name));
  }

  /** True if the member itself is to change or to remember something; it may serve others. */
  boolean isChanging(String name) {
    return jobs.stream().anyMatch(job -> job.member().equals(name));
  }

  Optional<Job> job(String id) {
    return jobs.stream().filter(job -> job.id().equals(id)).findFirst();
  }

  /** True if more of this member's state than rotted rows is being replaced at this moment. */
  boolean isOverwriting(String name) {
    return jobs.stream().anyMatch(job -> job.isOverwriting() && job.member().equals(name));
  }

  Work counted() {
    return new Work(jobs, counter + 1);
  }

  Work with(Job job) {
    List<Job> more = new ArrayList<>(jobs);
    more.add(job);
    return new Work(more, counter);
  }

  Work without(Job job) {
    return filtered(j -> !j.equals(job));
  }

  /**
   * Forgets what was ordered of a member. A puller whose sample went is still at work until it says
   * otherwise.
   */
  Work withoutJobsOf(String name) {
    return filtered(job -> !job.involves(name) || (job.isWriting() && !job.member().equals(name)));
  }

  /** The orders by which others copy from this member. */
  List<Job.Repairing> copying(String sample) {
    return jobs.stream()
        .filter(Job.Repairing.class::isInstance)
        .map(Job.Repairing.class::cast)
        .filter(job -> job.isFrom(sample))
        .toList();
  }

  /** Members that copy from this one must end before that: nobody will serve them any more. */
  Work hurried(String sample, Instant deadline) {
    return mapped(
        job ->
            job instanceof Job.Repairing repairing
                    && repairing.isFrom(sample)
                    && repairing.deadline().isAfter(deadline)
                ? new Job.Repairing(repairing.id(), repairing.repair(), deadline)
                : job);
  }

  private Work filtered(Predicate<Job> kept) {
    return new Work(jobs.stream().filter(kept).toList(), counter);
  }

  private Work mapped(UnaryOperator<Job> change) {
    return new Work(jobs.stream().map(change).toList(), counter);
  }
}
