package io.virtquorum.operator;

import io.virtquorum.adjudicate.Adjudicator;
import io.virtquorum.adjudicate.Assessment;
import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Exposure;
import io.virtquorum.adjudicate.Incarnation;
import io.virtquorum.adjudicate.State;
import io.virtquorum.adjudicate.Step;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.wire.HealthContent;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** What happens to a cluster, told to the real reducer; every record that it wants is written. */
final class Story {
  static final Instant START = Instant.parse("2026-11-22T10:00:00Z");
  static final Position THIRD = new Position(1, 3);
  static final Digest C = ScriptedMember.digest("committed");
  static final Digest OTHER = ScriptedMember.digest("other");
  static final Map<String, Integer> MEMBERS = Map.of("web-0", 1, "web-1", 1, "web-2", 1);

  private State state;
  private Optional<Assessment> assessment = Optional.empty();
  private final Map<String, HealthContent> health = new HashMap<>();
  private Instant now = START;

  private Story(ClusterRecord record) {
    Optional<Instant> committedAt = record.committed().map(_ -> START);
    state = State.begin(1, record, Exposure.begin(Optional.empty(), committedAt));
    on(
        new Event.Configured(
            new Config(
                MEMBERS,
                false,
                Config.Voting.standard(),
                Config.Timing.standard(),
                false,
                Config.Bootstrap.ask(),
                Optional.empty())));
  }

  /** A cluster whose third epoch is committed; web-0 is its primary. */
  static Story committed() {
    return new Story(
        new ClusterRecord(
            1, 1, Optional.of("web-0"), MEMBERS, Optional.of(new Committed(3, THIRD, C))));
  }

  /** A cluster that nobody has led yet. */
  static Story fresh() {
    return new Story(ClusterRecord.none());
  }

  Story on(Event event) {
    Step step = Adjudicator.step(state, event, now);
    state = step.state();
    assessment = step.assessment();
    for (Command command : step.commands()) {
      if (command instanceof Command.Write write) {
        on(new Event.Recorded(write.record()));
      }
    }
    return this;
  }

  Story later(Duration time) {
    now = now.plus(time);
    return on(new Event.Tick());
  }

  /** The member attaches and holds this, as it remembers. */
  Story holds(String member, Digest root) {
    return reports(member, root, Optional.of(new Remembered(THIRD, root)), List.of());
  }

  /** The member attaches and differs from C in one row. */
  Story differs(String member, Change.Kind kind) {
    return reports(
        member,
        OTHER,
        Optional.of(new Remembered(THIRD, C)),
        List.of(
            new Change(
                new RowKey("site", "index.html"),
                kind,
                Optional.of(ScriptedMember.digest("before")),
                Optional.of(ScriptedMember.digest("now")))));
  }

  Story reports(String member, Digest root, Optional<Remembered> memory, List<Change> changes) {
    return reports(member, root, memory, changes, Map.of());
  }

  /** The member attaches, holds C, and has this beside its files. */
  Story has(String member, Map<String, Output> outputs) {
    return reports(member, C, Optional.of(new Remembered(THIRD, C)), List.of(), outputs);
  }

  private Story reports(
      String member,
      Digest root,
      Optional<Remembered> memory,
      List<Change> changes,
      Map<String, Output> outputs) {
    on(new Event.Attached(member));
    return on(
        new Event.Voted(
            member,
            new Ballot(
                new Incarnation("uid-" + member, "boot-" + member),
                1,
                root,
                4,
                memory,
                0,
                changes,
                changes.size(),
                member.equals("web-0") ? 1 : 0,
                false,
                false,
                Optional.empty(),
                outputs,
                List.of(),
                0),
            Optional.of(now))); // it held what it remembers until now
  }

  /** The member holds C, and a process there writes into what a repair replaced. */
  Story writesInto(String member, StaleProcess process) {
    on(new Event.Attached(member));
    return on(
        new Event.Voted(
            member,
            new Ballot(
                new Incarnation("uid-" + member, "boot-" + member),
                1,
                C,
                4,
                Optional.of(new Remembered(THIRD, C)),
                0,
                List.of(),
                0,
                0,
                false,
                false,
                Optional.empty(),
                Map.of(),
                List.of(process),
                0),
            Optional.of(now)));
  }

  /** The member says that this ails it, or that others do not answer it. */
  Story ails(String member, HealthContent said) {
    health.put(member, said);
    return this;
  }

  View view() {
    return View.of(state, assessment, health, UnaryOperator.identity());
  }

  Instant now() {
    return now;
  }
}
