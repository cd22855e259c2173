package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.virtquorum.adjudicate.Assessment;
import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Hold;
import io.virtquorum.adjudicate.MemberClass;
import io.virtquorum.adjudicate.News;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.FailoverStatus;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.api.MemberStatus;
import io.virtquorum.api.RepairStatus;
import io.virtquorum.api.TallyStatus;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Puts into an HACluster's status what there is to say. Pure but for the clock, which only dates
 * what changed: the same facts give the same status again, so nothing is written where nothing is
 * new.
 */
final class StatusFactory {
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
   */
  record Setup(
      long generation,
      Optional<Trouble> stalled,
      List<String> restartPending,
      Map<String, String> nodes) {}

  /** What a person must mend that nobody has told yet: holds are told by who holds. */
  static Optional<Trouble> toMend(Setup setup, View view) {
    return setup.stalled().or(() -> Facts.ailing(setup, view));
  }

  HAClusterStatus status(HAClusterStatus before, Setup setup, Optional<View> view) {
    Facts facts = Facts.of(setup, view);
    return new HAClusterStatus(
        setup.generation(),
        conditions(before, setup, view, facts),
        before.record(),
        facts.inSync() + "/" + facts.members().size(),
        view.flatMap(View::exposedSince).map(t -> t.truncatedTo(ChronoUnit.SECONDS)).orElse(null),
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
              why);
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
        next.reason());
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
      HAClusterStatus before, Setup setup, Optional<View> view, Facts facts) {
    List<Condition> conditions = new ArrayList<>();
    boolean ready = facts.trouble().isEmpty() && facts.allEqual() && facts.primaryAvailable().ok();
    Word calm = new Word(true, "AllEqual", "All members hold the committed state.");
    Word sync =
        facts.allEqual() ? view.flatMap(StatusFactory::outputs).orElse(calm) : facts.difference();
    conditions.add(
        condition(
            before,
            setup,
            "Ready",
            ready
                ? new Word(
                    true,
                    "Ready",
                    "Users are led to the primary and all %s are equal."
                        .formatted(sync.ok() ? "members" : "files"))
                : facts
                    .trouble()
                    .map(t -> new Word(false, t.reason(), t.message()))
                    .orElse(facts.primaryAvailable().ok() ? sync : facts.primaryAvailable())));
    conditions.add(
        condition(
            before,
            setup,
            "Reconciling",
            facts.trouble().isEmpty() && !ready
                ? new Word(true, "Progressing", sync.message())
                : new Word(false, ready ? "Ready" : "Stalled", "Nothing is under way.")));
    conditions.add(
        condition(
            before,
            setup,
            "Stalled",
            facts
                .trouble()
                .map(t -> new Word(true, t.reason(), t.message()))
                .orElse(new Word(false, "NotStalled", "Nothing waits for a person."))));
    conditions.add(condition(before, setup, "InSync", sync));
    conditions.add(condition(before, setup, "Protected", facts.isProtected()));
    conditions.add(condition(before, setup, "PrimaryAvailable", facts.primaryAvailable()));
    conditions.add(
        condition(
            before,
            setup,
            "RestartPending",
            setup.restartPending().isEmpty()
                ? new Word(false, "NotNeeded", "Every member runs as its spec says.")
                : new Word(true, "RestartNeeded", String.join(" ", setup.restartPending()))));
    return conditions;
  }

  /** Where members differ beside their files, feature by feature (design, rule 1). */
  private static Optional<Word> outputs(View view) {
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
        new Word(
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

  private Condition condition(HAClusterStatus before, Setup setup, String type, Word word) {
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

  /** A condition's status, reason and message. */
  record Word(boolean ok, String reason, String message) {}

  /** What conditions are made of. */
  private record Facts(
      List<String> members,
      int inSync,
      boolean allEqual,
      Optional<Trouble> trouble,
      Word difference,
      Word primaryAvailable,
      Word isProtected) {

    static Facts of(Setup setup, Optional<View> present) {
      if (present.isEmpty()) {
        Word notYet = new Word(false, "Starting", "The members are being prepared.");
        return new Facts(List.of(), 0, false, setup.stalled(), notYet, notYet, notYet);
      }
      View view = present.get();
      List<String> members = List.copyOf(view.record().members().keySet());
      int inSync = (int) members.stream().filter(view::inSync).count();
      boolean allEqual = !members.isEmpty() && inSync == members.size();
      Optional<Trouble> trouble =
          setup
              .stalled()
              .or(
                  () ->
                      view.holds().stream()
                          .filter(Hold::needsAPerson)
                          .map(Facts::trouble)
                          .findFirst())
              .or(() -> ailing(setup, view));
      return new Facts(
          members,
          inSync,
          allEqual,
          trouble,
          difference(view, members),
          primary(view),
          protection(view, members, inSync));
    }

    private static Trouble trouble(Hold hold) {
      return new Trouble(hold.reason(), hold.message() + " " + hold.until());
    }

    private static Optional<Trouble> ailing(Setup setup, View view) {
      return view.record().members().keySet().stream()
          .filter(m -> view.ballots().containsKey(m))
          .flatMap(
              m ->
                  view.ballots().get(m).trouble().stream()
                      .map(t -> MemberHealth.of(m, t.reason(), t.message())))
          .findFirst()
          .or(() -> MemberHealth.trouble(view.health(), setup.nodes()));
    }

    private static Word difference(View view, List<String> members) {
      List<String> differing =
          members.stream()
              .filter(m -> !view.inSync(m))
              .map(
                  m ->
                      "%s%s: %s"
                          .formatted(
                              m,
                              !view.repairing().contains(m)
                                  ? ""
                                  : view.record().isPrimary(m)
                                      ? " (being verified)"
                                      : " (being repaired)",
                              view.reason(m)))
              .toList();
      String reason =
          view.holds().stream()
              .findFirst()
              .map(Hold::reason)
              .orElse(view.repairing().isEmpty() ? "MembersDiffer" : "Repairing");
      return new Word(
          false,
          reason,
          differing.isEmpty()
              ? "The first epoch is being prepared."
              : String.join("; ", differing) + ".");
    }

    private static Word primary(View view) {
      Optional<String> primary = view.record().primary();
      if (primary.isEmpty()) {
        return new Word(false, "NoPrimary", "There is no primary before the first epoch.");
      }
      return view.ballots().containsKey(primary.get())
          ? new Word(true, "PrimaryAnswers", "The primary %s answers.".formatted(primary.get()))
          : new Word(
              false,
              "PrimarySilent",
              "The primary %s does not report: %s."
                  .formatted(
                      primary.get(),
                      view.assessment()
                          .map(a -> a.classes().get(primary.get()))
                          .map(c -> c.why())
                          .orElse("its sidecar is not connected")));
    }

    private static Word protection(View view, List<String> members, int inSync) {
      if (members.size() < 3) {
        return new Word(
            false,
            "TooFewMembers",
            "%d member%s cannot outvote a wrong one: three or more are needed."
                .formatted(members.size(), members.size() == 1 ? "" : "s"));
      }
      if (view.record().committed().isEmpty()) {
        return new Word(false, "NothingCommitted", "There is no first epoch yet.");
      }
      if (view.exposedSince().isPresent()) {
        return new Word(
            false,
            "Exposed",
            "The newest change on the primary is not on a majority of members yet.");
      }
      return inSync >= view.record().majority()
          ? new Word(
              true,
              "MajorityHolds",
              "%d of %d members hold the committed state.".formatted(inSync, members.size()))
          : new Word(
              false,
              "MajorityMissing",
              "Only %d of %d members hold the committed state.".formatted(inSync, members.size()));
    }
  }
}
