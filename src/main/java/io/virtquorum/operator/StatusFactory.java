package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.virtquorum.adjudicate.Assessment;
import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Exposure;
import io.virtquorum.adjudicate.MemberClass;
import io.virtquorum.adjudicate.News;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.FailoverStatus;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.api.MemberStatus;
import io.virtquorum.api.RepairStatus;
import io.virtquorum.api.TallyStatus;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Puts into an HACluster's status what there is to say. Pure but for the clock, which only dates
 * what changed: the same facts give the same status again, so nothing is written where nothing is
 * new.
 */
final class StatusFactory {
  private static final int MOST_STALE = 5;

  private final Clock clock;

  StatusFactory(Clock clock) {
    this.clock = clock;
  }

  /**
   * What the reconciler has to say beside the view.
   *
   * @param generation of the spec that was read
   * @param stalled what keeps the cluster from being set up, for a person to mend; empty: nothing
   * @param restartPending members that run without what they need, and why they are not restarted
   * @param nodes where members run
   * @param uninstalled why the guest program may not have come by cloud-init to a member
   */
  record Setup(
      long generation,
      Optional<Trouble> stalled,
      List<String> restartPending,
      Map<String, String> nodes,
      Map<String, String> uninstalled) {}

  /** What a person must mend that nobody has told yet: holds are told by who holds. */
  static Optional<Trouble> toMend(Setup setup, View view) {
    return setup.stalled().or(() -> StatusFacts.ailing(setup, view));
  }

  HAClusterStatus status(HAClusterStatus before, Setup setup, Optional<View> view) {
    StatusFacts facts = StatusFacts.of(setup, view);
    return new HAClusterStatus(
        setup.generation(),
        conditions(before, setup, view, facts),
        before.record(),
        facts.inSync() + "/" + facts.members().size(),
        view.flatMap(v -> exposedSince(v.exposure()))
            .map(t -> t.truncatedTo(ChronoUnit.MILLIS))
            .orElse(null),
        view.map(v -> members(before, v, setup)).orElse(before.members()),
        view.flatMap(v -> v.assessment().flatMap(a -> tally(v, a))).orElse(before.tally()),
        view.flatMap(View::lastRepair).map(r -> repair(r)).orElse(before.lastRepair()),
        view.flatMap(View::lastFailover)
            .map(
                f ->
                    new FailoverStatus(
                        f.from(), f.to(), f.at().truncatedTo(ChronoUnit.SECONDS), f.why()))
            .orElse(before.lastFailover()));
  }

  /** The longest that anything may have been exposed. */
  private static Optional<Instant> exposedSince(Exposure exposure) {
    return Stream.concat(exposure.since().stream(), exposure.unknownSince().stream())
        .min(Comparator.naturalOrder());
  }

  private static RepairStatus repair(News.Repair fact) {
    return new RepairStatus(
        fact.member(),
        fact.sample(),
        fact.rows(),
        fact.bytes(),
        fact.finding().right().hex(),
        fact.took(),
        fact.at().truncatedTo(ChronoUnit.SECONDS),
        fact.finding().words());
  }

  private List<MemberStatus> members(HAClusterStatus before, View view, Setup setup) {
    List<MemberStatus> statuses = new ArrayList<>();
    for (String name : view.record().members().keySet()) {
      Optional<Ballot> ballot = Optional.ofNullable(view.ballots().get(name));
      Optional<Assessment> assessment = view.assessment();
      MemberClass memberClass = assessment.map(a -> a.classOf(name)).orElse(MemberClass.UNKNOWN);
      boolean inSync = view.inSync(name);
      String root = ballot.map(b -> b.root().hex()).orElse(null);
      String why = inSync ? null : view.reason(name);
      MemberStatus next =
          new MemberStatus(
              name,
              memberClass.name().toLowerCase(Locale.ROOT),
              inSync,
              root,
              view.record().members().get(name),
              ballot.flatMap(b -> assessment.map(a -> a.weightOf(name))).orElse(null),
              ballot.map(Ballot::sessions).orElse(null),
              ballot.map(b -> b.incarnation().bootId()).orElse(null),
              setup.nodes().get(name),
              null,
              why,
              ballot.map(StatusFactory::stale).orElse(List.of()));
      statuses.add(dated(before, next));
    }
    return statuses;
  }

  /** A ballot is dated when it says something else than the one before. */
  private MemberStatus dated(HAClusterStatus before, MemberStatus next) {
    Optional<MemberStatus> same =
        before.members().stream()
            .filter(
                m ->
                    m.name().equals(next.name()) && java.util.Objects.equals(m.root(), next.root()))
            .findFirst();
    Instant time =
        same.isPresent()
            ? same.get().lastBallot() // null while it has not reported
            : next.root() == null ? null : clock.instant().truncatedTo(ChronoUnit.SECONDS);
    return new MemberStatus(
        next.name(),
        next.ballotClass(),
        next.inSync(),
        next.root(),
        next.weight(),
        next.votes(),
        next.sessions(),
        next.incarnation(),
        next.node(),
        time,
        next.reason(),
        next.staleProcesses());
  }

  private static List<String> stale(Ballot ballot) {
    return ballot.stale().stream().limit(MOST_STALE).map(StaleProcess::words).toList();
  }

  /** The vote in words: who voted for what, and what that amounts to. */
  private static Optional<TallyStatus> tally(View view, Assessment assessment) {
    return assessment
        .tally()
        .map(
            tally -> {
              long needed = assessment.verdict().count().rule().needed(tally.total());
              String voices =
                  String.join(", ", tally.votes().stream().map(v -> voice(view, v)).toList());
              return switch (tally) {
                case Tally.Elected elected ->
                    new TallyStatus(
                        elected.root().hex(),
                        (int) elected.weight(),
                        (int) elected.total(),
                        (int) needed,
                        "Elected",
                        "%s has %d of %d votes, %d needed: %s."
                            .formatted(
                                elected.root().brief(),
                                elected.weight(),
                                elected.total(),
                                needed,
                                voices));
                case Tally.NoMajority none ->
                    new TallyStatus(
                        null,
                        0,
                        (int) none.total(),
                        (int) needed,
                        "NoMajority",
                        "No state has the %d of %d votes needed: %s."
                            .formatted(
                                needed, none.total(), voices.isEmpty() ? "nobody voted" : voices));
              };
            });
  }

  private static String voice(View view, Vote vote) {
    String role = view.record().isPrimary(vote.voter()) ? "the primary " : "";
    return "%s%s (%d) for %s".formatted(role, vote.voter(), vote.weight(), vote.root().brief());
  }

  private List<Condition> conditions(
      HAClusterStatus before, Setup setup, Optional<View> view, StatusFacts facts) {
    List<Condition> conditions = new ArrayList<>();
    boolean ready = facts.trouble().isEmpty() && facts.allEqual() && facts.primaryAvailable().ok();
    StatusFacts.Word calm =
        new StatusFacts.Word(true, "AllEqual", "All members hold the committed state.");
    StatusFacts.Word sync =
        facts.allEqual() ? view.flatMap(StatusFactory::outputs).orElse(calm) : facts.difference();
    conditions.add(
        condition(
            before,
            setup,
            "Ready",
            ready
                ? new StatusFacts.Word(
                    true,
                    "Ready",
                    "Users are led to the primary and all %s are equal."
                        .formatted(sync.ok() ? "members" : "files"))
                : facts
                    .trouble()
                    .map(t -> new StatusFacts.Word(false, t.reason(), t.message()))
                    .orElse(facts.primaryAvailable().ok() ? sync : facts.primaryAvailable())));
    conditions.add(
        condition(
            before,
            setup,
            "Reconciling",
            facts.trouble().isEmpty() && !ready
                ? new StatusFacts.Word(true, "Progressing", sync.message())
                : new StatusFacts.Word(
                    false, ready ? "Ready" : "Stalled", "Nothing is under way.")));
    conditions.add(
        condition(
            before,
            setup,
            "Stalled",
            facts
                .trouble()
                .map(t -> new StatusFacts.Word(true, t.reason(), t.message()))
                .orElse(new StatusFacts.Word(false, "NotStalled", "Nothing waits for a person."))));
    conditions.add(condition(before, setup, "InSync", sync));
    conditions.add(condition(before, setup, "Protected", facts.isProtected()));
    conditions.add(condition(before, setup, "PrimaryAvailable", facts.primaryAvailable()));
    conditions.add(
        condition(
            before,
            setup,
            "RestartPending",
            setup.restartPending().isEmpty()
                ? new StatusFacts.Word(false, "NotNeeded", "Every member runs as its spec says.")
                : new StatusFacts.Word(
                    true, "RestartNeeded", String.join(" ", setup.restartPending()))));
    return conditions;
  }

  /** Where members differ beside their files, feature by feature (design, rule 1). */
  private static Optional<StatusFacts.Word> outputs(View view) {
    Map<String, Map<Output, List<String>>> differing =
        view.assessment().map(Assessment::outputs).orElse(Map.of());
    if (differing.isEmpty()) {
      return Optional.empty();
    }
    boolean failed =
        differing.values().stream()
            .flatMap(holders -> holders.keySet().stream())
            .anyMatch(output -> output.kind() == Output.Kind.FAILED);
    return Optional.of(
        new StatusFacts.Word(
            false,
            failed ? "CommandFailed" : "OutputsDiffer",
            new TreeMap<>(differing)
                .entrySet().stream()
                    .map(e -> sentence(e.getKey(), e.getValue()))
                    .collect(Collectors.joining(" "))));
  }

  private static String sentence(String feature, Map<Output, List<String>> holders) {
    boolean repairable =
        holders.keySet().stream().anyMatch(o -> o.kind() == Output.Kind.REPAIRABLE);
    String what =
        holders.keySet().stream().anyMatch(o -> o.kind() == Output.Kind.FAILED)
            ? "The command of the feature %s failed"
            : repairable
                ? "The feature %s differs"
                : "The feature %s differs and can only be compared";
    return holders.entrySet().stream()
        .map(e -> "%s: %s".formatted(String.join(", ", e.getValue()), e.getKey().display()))
        .collect(Collectors.joining("; ", what.formatted(feature) + " (", ")."));
  }

  private Condition condition(
      HAClusterStatus before, Setup setup, String type, StatusFacts.Word word) {
    String status = word.ok() ? "True" : "False";
    String since =
        before
            .condition(type)
            .filter(c -> c.getStatus().equals(status))
            .map(Condition::getLastTransitionTime)
            .orElse(
                DateTimeFormatter.ISO_INSTANT
                    .withZone(ZoneOffset.UTC)
                    .format(clock.instant().truncatedTo(ChronoUnit.SECONDS)));
    return new ConditionBuilder()
        .withType(type)
        .withStatus(status)
        .withReason(word.reason())
        .withMessage(word.message())
        .withObservedGeneration(setup.generation())
        .withLastTransitionTime(since)
        .build();
  }
}
