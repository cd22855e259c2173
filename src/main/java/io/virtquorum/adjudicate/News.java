package io.virtquorum.adjudicate;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What an adjudicator has to tell people.
 *
 * @param exposure how long what was written on the primary has not been committed
 * @param holds what was held back after the last step, so that each is told once
 * @param lastRepair the newest repair that ended well
 * @param lastFailover the newest change of the primary
 * @param overruledAt when a member was last repaired on which users had written
 * @param newestTenure that any member remembered since this leader began; 0: none
 * @param confirmed what the primary asked with last before the record was read anew, see {@link
 *     Ballot#asks}; 0: nothing
 */
public record News(
    Exposure exposure,
    List<Hold> holds,
    Optional<Repair> lastRepair,
    Optional<Failover> lastFailover,
    Optional<Instant> overruledAt,
    long newestTenure,
    long confirmed) {

  public News {
    holds = List.copyOf(holds);
  }

  /** Nothing yet. */
  static News none() {
    return new News(
        Exposure.NONE, List.of(), Optional.empty(), Optional.empty(), Optional.empty(), 0, 0);
  }

  /** A repair that ended well. */
  public record Repair(
      String member,
      String sample,
      int rows,
      long bytes,
      Duration took,
      Instant at,
      Finding finding,
      String archiveEntry) {
    /** The same at another time. */
    public Repair at(Instant other) {
      return new Repair(member, sample, rows, bytes, took, other, finding, archiveEntry);
    }
  }

  /** A change of the primary. */
  public record Failover(String from, String to, Instant at, String why) {
    /** The same at another time. */
    public Failover at(Instant other) {
      return new Failover(from, to, other, why);
    }
  }

  /** Since when the primary is known to hold something that is not committed. */
  public Optional<Instant> exposedSince() {
    return exposure.since();
  }

  News with(Exposure newExposure) {
    return new News(
        newExposure, holds, lastRepair, lastFailover, overruledAt, newestTenure, confirmed);
  }

  News with(List<Hold> newHolds) {
    return new News(
        exposure, newHolds, lastRepair, lastFailover, overruledAt, newestTenure, confirmed);
  }

  News with(Repair repair) {
    boolean overruled =
        repair.finding() instanceof Finding.OfFiles files
            && files.was().memberClass() == MemberClass.ADVANCED;
    return new News(
        exposure,
        holds,
        Optional.of(repair),
        lastFailover,
        overruled ? Optional.of(repair.at()) : overruledAt,
        newestTenure,
        confirmed);
  }

  News with(Failover failover) {
    return new News(
        exposure, holds, lastRepair, Optional.of(failover), overruledAt, newestTenure, confirmed);
  }

  /** A member remembers something of this tenure. */
  News remembered(long tenure) {
    return new News(
        exposure,
        holds,
        lastRepair,
        lastFailover,
        overruledAt,
        Math.max(newestTenure, tenure),
        confirmed);
  }

  /** The record said what it says after the primary had asked with this. */
  News confirmed(long asked) {
    return new News(exposure, holds, lastRepair, lastFailover, overruledAt, newestTenure, asked);
  }
}
