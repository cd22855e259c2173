package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * One moment as the rules see it: who is there, what each holds, and how the votes were counted.
 * Immutable; everything is derived from the state.
 *
 * @param reporting members of the record that report and are healthy, in order of their names
 */
record Picture(
    State state,
    Config config,
    Map<String, Classification> classes,
    List<String> reporting,
    Verdict.Count count,
    Instant now) {

  /** Counts the votes of a state whose config is known. */
  static Picture of(State state, Map<String, Classification> classes, Instant now) {
    Config config = state.config().orElseThrow();
    List<String> reporting =
        state.record().members().keySet().stream()
            .filter(name -> state.member(name).usable())
            .toList();
    return new Picture(
        state, config, classes, reporting, VoteCount.of(state, config, classes), now);
  }

  ClusterRecord record() {
    return state.record();
  }

  /** The members of the record and of the spec, in order of their names. */
  Set<String> everyone() {
    return classes.keySet();
  }

  /** Members of the record that report and are healthy, in order of their names. */
  Stream<String> usable() {
    return reporting.stream();
  }

  /** True if the spec names it; whom it does not name is to leave. */
  boolean isWanted(String name) {
    return config.members().containsKey(name);
  }

  boolean isUsable(String name) {
    return member(name).usable();
  }

  /** True if its state is being replaced, or may be; rows that rotted do not count. */
  boolean isOverwritten(String name) {
    return state.work().isOverwriting(name) || member(name).isUnclear();
  }

  /** True if somebody there still writes into files that a repair took out of its trees. */
  boolean hasStaleProcess(String name) {
    return member(name).ballot().filter(b -> !b.stale().isEmpty()).isPresent();
  }

  MemberState member(String name) {
    return state.member(name);
  }

  /** The ballot of a usable member. */
  Ballot ballot(String name) {
    return member(name).ballot().orElseThrow();
  }

  /** What usable members have beside their files: by feature and member, in order. */
  Map<String, Map<String, Output>> outputs() {
    Map<String, Map<String, Output>> features = new TreeMap<>();
    usable()
        .forEach(
            name ->
                ballot(name)
                    .outputs()
                    .forEach(
                        (feature, output) ->
                            features
                                .computeIfAbsent(feature, f -> new TreeMap<>())
                                .put(name, output)));
    return features;
  }

  MemberClass classOf(String name) {
    Classification found = classes.get(name);
    return found == null ? MemberClass.UNKNOWN : found.memberClass();
  }

  boolean is(String name, MemberClass... wanted) {
    return List.of(wanted).contains(classOf(name));
  }

  /** Why a member has its class; completes "(the member) is (class): ...". */
  String why(String name) {
    return classes.get(name).why();
  }

  /** True if it has differed from what it should hold for the settle time. */
  boolean isSettled(String name) {
    return member(name).strayedFor(config.settle(), now);
  }

  /** True if it may live, and may still say within the settle time what it holds. */
  boolean isExpected(String name) {
    return member(name)
        .unheardSince()
        .filter(since -> since.plus(config.settle()).isAfter(now))
        .isPresent();
  }

  /** Who reports and is healthy, those who are to join included, in order of their names. */
  Stream<String> healthy() {
    return everyone().stream().filter(this::isUsable);
  }

  /** Members of the record that do not report, or are not healthy; in order of their names. */
  List<String> silent() {
    return record().members().keySet().stream().filter(m -> !isUsable(m)).toList();
  }

  /** What a member remembers; empty: nothing, or it does not report. */
  Optional<Remembered> remembered(String name) {
    return member(name).ballot().flatMap(Ballot::memory);
  }

  /** The latest tenure that anybody remembers; 0 if nobody remembers anything. */
  long newestTenure() {
    return state.news().newestTenure();
  }

  /** True if somebody remembers what this record cannot know of: it decides nothing (rule 3). */
  boolean recordIsOlder() {
    return OlderRecord.isOlder(this);
  }

  /** What the recorded primary asks with, see {@link Ballot#asks}; 0: nothing. */
  long asked() {
    return record().primary().flatMap(name -> member(name).ballot()).map(Ballot::asks).orElse(0L);
  }

  /** The recorded primary, if it reports and is healthy. */
  Optional<String> primary() {
    return record().primary().filter(this::isUsable);
  }

  /** The root beyond C that this ballot's member accepted in the present tenure. */
  Optional<Target> accepted(Ballot ballot, Committed committed) {
    return ballot
        .memory()
        .filter(m -> m.position().tenure() == record().tenure())
        .filter(m -> m.position().isAfter(committed.position()))
        .map(m -> new Target(m.position(), m.root(), ground(), record().primary()));
  }

  /** Why what was accepted in this tenure is to be the state. */
  private Target.Ground ground() {
    if (record().mandate().isPresent()) {
      return Target.Ground.PROMOTED;
    }
    return config.authority() == Authority.RECORD ? Target.Ground.WRITTEN : Target.Ground.VOTED;
  }

  /** True if an order is under way that leads to this position. */
  boolean isUnderWay(Position position) {
    return state.work().jobs().stream()
        .anyMatch(
            job ->
                job instanceof Job.Proving proving
                    ? proving.position().equals(position)
                    : job.repairing().filter(repair -> isFor(repair, position)).isPresent());
  }

  private static boolean isFor(Job.Repair repair, Position position) {
    return repair.aim() instanceof Job.Aim.Whole whole && whole.position().equals(position);
  }

  /** The verdict that everyone is to hold this. */
  Verdict.Elected elect(Target target) {
    return new Verdict.Elected(
        target, usable().filter(m -> ballot(m).root().equals(target.root())).toList(), count);
  }

  Target committedTarget(Committed committed) {
    return new Target(
        committed.position(), committed.root(), Target.Ground.COMMITTED, Optional.empty());
  }
}
