package io.virtquorum.operator;

import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Hold;
import io.virtquorum.adjudicate.Trouble;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/** What conditions are made of. Pure. */
record StatusFacts(
    List<String> members,
    int inSync,
    boolean allEqual,
    Optional<Trouble> trouble,
    Word difference,
    Word primaryAvailable,
    Word isProtected) {
  /** A condition's status, reason and message. */
  record Word(boolean ok, String reason, String message) {}

  static StatusFacts of(StatusFactory.Setup setup, Optional<View> present) {
    if (present.isEmpty()) {
      Word notYet = new Word(false, "Starting", "The members are being prepared.");
      return new StatusFacts(List.of(), 0, false, setup.stalled(), notYet, notYet, notYet);
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
                        .map(StatusFacts::trouble)
                        .findFirst())
            .or(() -> ailing(setup, view));
    return new StatusFacts(
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

  static Optional<Trouble> ailing(StatusFactory.Setup setup, View view) {
    return view.record().members().keySet().stream()
        .filter(m -> view.ballots().containsKey(m))
        .flatMap(
            m ->
                view.ballots().get(m).trouble().stream()
                    .map(t -> MemberHealth.of(m, t.reason(), t.message())))
        .findFirst()
        .or(() -> MemberHealth.trouble(view.health(), setup));
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
    String name = primary.get();
    if (view.route().filter(r -> r.member().isEmpty()).isPresent()) {
      return new Word(
          false,
          "PrimaryBehind",
          "Users are led nowhere: the primary %s may not have what was committed (%s)."
              .formatted(name, view.reason(name)));
    }
    Optional<Ballot> ballot = Optional.ofNullable(view.ballots().get(name));
    if (ballot.filter(Ballot::isUnable).isPresent()) {
      return new Word(
          false,
          "PrimaryCannotServe",
          "The primary %s cannot serve: %s"
              .formatted(name, ballot.get().trouble().orElseThrow().message()));
    }
    return ballot.isPresent()
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
    if (view.exposure().unknownSince().isPresent()) {
      return new Word(
          false,
          "ExposureUnknown",
          "It is not known since %2$s what the primary %1$s holds: what is written there may be nowhere else."
              .formatted(
                  view.record().primary().orElse("(nobody)"),
                  view.exposure().unknownSince().get().truncatedTo(ChronoUnit.SECONDS)));
    }
    if (view.exposure().since().isPresent()) {
      return new Word(
          false,
          "Exposed",
          "The newest change on the primary is not on a majority of members yet.");
    }
    if (inSync >= view.record().majority() && !view.couldLeadOn()) {
      return new Word(
          false,
          "StaleProcess",
          "On every member that could lead next a process writes into files as they were before a"
              + " repair: until it is restarted a failover would wait.");
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
