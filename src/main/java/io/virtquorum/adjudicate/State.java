package io.virtquorum.adjudicate;

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
 * @param ledger the record, and what is being written
 * @param members by name
 * @param work what was ordered and has not ended
 * @param news what people are told
 * @param route where users are led, as far as this adjudicator had it done
 */
public record State(
    long term,
    Optional<Config> config,
    Ledger ledger,
    Map<String, MemberState> members,
    Work work,
    News news,
    Optional<Route> route) {

  public State {
    members = java.util.Collections.unmodifiableMap(new TreeMap<>(members));
  }

  /** What a new leader knows: its term, and the record as it read it. */
  public static State begin(long term, ClusterRecord record) {
    return begin(term, record, Exposure.NONE);
  }

  /**
   * The same.
   *
   * @param shown what the leader before had to show; it stands until the primary itself says
   *     otherwise
   */
  public static State begin(long term, ClusterRecord record, Exposure shown) {
    return new State(
        term,
        Optional.empty(),
        new Ledger(record, Optional.empty()),
        Map.of(),
        Work.none(),
        News.none().with(shown),
        Optional.empty());
  }

  /**
   * The record.
   *
   * @param record as last read or written
   * @param writing a change on its way to the API server; nothing is decided until it is known how
   *     that ended
   */
  public record Ledger(ClusterRecord record, Optional<RecordChange> writing) {}

  /** The record as last read or written. */
  public ClusterRecord record() {
    return ledger.record();
  }

  /** The newest ballot of each attached member. */
  public Map<String, Ballot> ballots() {
    Map<String, Ballot> ballots = new TreeMap<>();
    members.forEach((name, m) -> m.ballot().ifPresent(ballot -> ballots.put(name, ballot)));
    return ballots;
  }

  /** The members with an order under way. */
  public List<String> occupied() {
    return members.keySet().stream().filter(work::isBusy).toList();
  }

  /** True if this adjudicator gave this order to this member, and it has not ended. */
  public boolean isUnderWay(String order, String member) {
    return work.job(order).filter(job -> job.asked().equals(member)).isPresent();
  }

  /** True if the detector said that the member is dead and it has not come back. */
  public boolean isDead(String name) {
    return member(name).presence() == MemberState.Presence.DEAD;
  }

  /** True if the member reports and nobody has looked at its files for long. */
  public boolean isBlind(String name) {
    return member(name).since().blind().isPresent();
  }

  /** True while it is not known how the last change of the record ended. */
  public boolean isWriting() {
    return ledger.writing().isPresent();
  }

  MemberState member(String name) {
    return members.getOrDefault(name, MemberState.ABSENT);
  }

  State withMember(String name, UnaryOperator<MemberState> change) {
    Map<String, MemberState> changed = new TreeMap<>(members);
    changed.put(name, change.apply(member(name)));
    return new State(term, config, ledger, changed, work, news, route);
  }

  State withConfig(Config newConfig) {
    return new State(term, Optional.of(newConfig), ledger, members, work, news, route);
  }

  State withRecord(ClusterRecord newRecord) {
    return with(new Ledger(newRecord, Optional.empty()));
  }

  State withWriting(RecordChange next) {
    return with(new Ledger(record(), Optional.of(next)));
  }

  State with(Work newWork) {
    return new State(term, config, ledger, members, newWork, news, route);
  }

  State with(News newNews) {
    return new State(term, config, ledger, members, work, newNews, route);
  }

  State with(Route newRoute) {
    return new State(term, config, ledger, members, work, news, Optional.of(newRoute));
  }

  private State with(Ledger newLedger) {
    return new State(term, config, newLedger, members, work, news, route);
  }
}
