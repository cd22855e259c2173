package io.virtquorum.adjudicate;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One adjudicator and ballots by hand: for decisions that depend on exactly who reported what.
 * Three members, web-0 leads, C is at 1.1; every record that is wanted is written at once.
 */
final class Decider {
  static final Position C_AT = new Position(1, 1);
  static final RowKey PAGE = new RowKey("site", "index.html");
  static final RowKey DATA = new RowKey("site", "data");
  static final Digest PAGE_1 = new Digest(11, 0, 0, 0);
  static final Digest DATA_1 = new Digest(12, 0, 0, 0);
  static final Matrix MATRIX = Matrix.of(List.of(new Row(PAGE, PAGE_1), new Row(DATA, DATA_1)));
  static final Digest C = MATRIX.root();
  static final Digest OTHER = new Digest(0x7777L << 48, 0, 0, 7);
  static final Remembered HOLDS_C = new Remembered(C_AT, C);

  final List<Command> commands = new ArrayList<>();
  State state;
  Optional<Assessment> assessment = Optional.empty();
  Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private Config config;
  private long ballots;
  private Optional<Instant> held = Optional.empty();

  private Decider(Map<String, Integer> members) {
    this(
        members,
        new ClusterRecord(
            1, 1, Optional.of("web-0"), members, Optional.of(new Committed(1, C_AT, C))));
  }

  private Decider(Map<String, Integer> members, ClusterRecord record) {
    Optional<Instant> committedAt = record.committed().map(_ -> now);
    state = State.begin(record.term() + 1, record, Exposure.begin(Optional.empty(), committedAt));
    config =
        new Config(
            members,
            false,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            Config.Bootstrap.ask(),
            Optional.empty());
    configure(config);
  }

  /** Three members of which nobody reported yet. */
  static Decider three() {
    return new Decider(Map.of("web-0", 1, "web-1", 1, "web-2", 1));
  }

  /** Members of these weights: web-0 and so on. */
  static Decider weighing(int... weights) {
    return new Decider(members(weights));
  }

  /** Three members of a cluster that has committed nothing yet. */
  static Decider young() {
    return new Decider(members(1, 1, 1), ClusterRecord.none());
  }

  static Map<String, Integer> members(int... weights) {
    Map<String, Integer> members = new java.util.TreeMap<>();
    for (int i = 0; i < weights.length; i++) {
      members.put("web-" + i, weights[i]);
    }
    return members;
  }

  /** Three members that all hold C. */
  static Decider steady() {
    return steady(1, 1, 1);
  }

  /** Members of these weights that all hold C. */
  static Decider steady(int... weights) {
    Decider decider = weighing(weights);
    for (int i = 0; i < weights.length; i++) {
      decider.holds(i);
    }
    return decider.forget();
  }

  Config config() {
    return config;
  }

  Decider configure(Config next) {
    config = next;
    return on(new Event.Configured(next));
  }

  Decider on(Event event) {
    Step step = Adjudicator.step(state, event, now);
    state = step.state();
    assessment = step.assessment();
    for (Command command : step.commands()) {
      commands.add(command);
      if (command instanceof Command.Write write) {
        on(new Event.Recorded(write.record()));
      }
    }
    return this;
  }

  Decider later(Duration time) {
    now = now.plus(time);
    return on(new Event.Tick());
  }

  Decider forget() {
    commands.clear();
    return this;
  }

  Decider died(int member) {
    return on(new Event.Died(name(member)));
  }

  /** Whoever votes from now on says that a look found it as it remembers then; empty: none did. */
  Decider lookedAt(Optional<Instant> moment) {
    held = moment;
    return this;
  }

  /** The member holds C and remembers it. */
  Decider holds(int member) {
    return votes(member, C, Optional.of(HOLDS_C), 0, false);
  }

  /** The member holds exactly what it remembers. */
  Decider remembers(int member, Position position, Digest root) {
    return votes(member, root, Optional.of(new Remembered(position, root)), 0, false);
  }

  /** The member holds what it remembers, and processes write into what a repair replaced. */
  Decider writesInto(int member, Position position, Digest root, StaleProcess... processes) {
    return writesInto(
        member,
        Optional.of(new Remembered(position, root)),
        root,
        List.of(),
        false,
        Arrays.asList(processes));
  }

  Decider writesInto(
      int member,
      Optional<Remembered> memory,
      Digest root,
      List<Change> changes,
      boolean users,
      List<StaleProcess> processes) {
    return votes(
        member,
        ballot(root, memory, 0, changes, changes.size(), 0, users, Optional.empty(), Map.of())
            .with(processes));
  }

  /** The member remembers C and differs from it. */
  Decider changed(int member, Digest root, boolean users, Change... changes) {
    return votes(member, root, Optional.of(HOLDS_C), 0, users, changes);
  }

  Decider votes(
      int member,
      Digest root,
      Optional<Remembered> memory,
      int sessions,
      boolean users,
      Change... changes) {
    List<Change> all = Arrays.asList(changes);
    return votes(
        member,
        ballot(root, memory, 0, all, all.size(), sessions, users, Optional.empty(), Map.of()));
  }

  /** The member holds C, but something is the matter with it. */
  Decider ails(int member, Trouble trouble) {
    return votes(
        member,
        ballot(C, Optional.of(HOLDS_C), 0, List.of(), 0, 0, false, Optional.of(trouble), Map.of()));
  }

  /** The member holds C, and has this beside its files. */
  Decider has(int member, Map<String, Output> outputs) {
    return votes(
        member,
        ballot(C, Optional.of(HOLDS_C), 0, List.of(), 0, 0, false, Optional.empty(), outputs));
  }

  /** The member remembers C and differs in more rows than a ballot lists. */
  Decider changedMuch(int member, Digest root, int total, Change... listed) {
    return votes(
        member,
        ballot(
            root,
            Optional.of(HOLDS_C),
            0,
            Arrays.asList(listed),
            total,
            0,
            false,
            Optional.empty(),
            Map.of()));
  }

  /** The member holds C, and asks with this number whether it leads still. */
  Decider asks(int member, long number) {
    return votes(member, asking(number));
  }

  /** The ballot of a member that does. */
  Ballot asking(long number) {
    return new Ballot(
        new Incarnation("uid", "boot"),
        ++ballots,
        C,
        2,
        Optional.of(HOLDS_C),
        0,
        List.of(),
        0,
        0,
        false,
        false,
        Optional.empty(),
        Map.of(),
        List.of(),
        number);
  }

  /** The member has a fresh disk below one tree, and another tree remembers this tenure. */
  Decider remembersInPart(int member, long tenure) {
    return votes(
        member,
        ballot(
            OTHER, Optional.empty(), tenure, List.of(), 0, 0, false, Optional.empty(), Map.of()));
  }

  private Decider votes(int member, Ballot ballot) {
    if (state.member(name(member)).presence() != MemberState.Presence.ATTACHED) {
      on(new Event.Attached(name(member)));
    }
    return on(new Event.Voted(name(member), ballot, held));
  }

  private Ballot ballot(
      Digest root,
      Optional<Remembered> memory,
      long newestTenure,
      List<Change> changes,
      int total,
      int sessions,
      boolean users,
      Optional<Trouble> trouble,
      Map<String, Output> outputs) {
    return new Ballot(
        new Incarnation("uid", "boot"),
        ++ballots,
        root,
        2,
        memory,
        newestTenure,
        changes,
        total,
        sessions,
        users,
        false,
        trouble,
        outputs,
        List.of(),
        0);
  }

  /** The newest order of this kind ended so. */
  Decider ended(Class<? extends Command.Order> kind, Outcome outcome) {
    return finished(newest(kind).id(), outcome);
  }

  /** The order ended so, as the member says that was asked. */
  Decider finished(String id, Outcome outcome) {
    return on(new Event.Finished(asked(id), id, outcome));
  }

  /** The member that was asked serves this. */
  Decider offered(String id, Offer offer) {
    return on(new Event.Offered(asked(id), id, offer));
  }

  private String asked(String id) {
    return state.work().job(id).map(Job::asked).orElse("web-0");
  }

  /** Who was asked last to prove what it holds did. */
  Decider proves() {
    return ended(Command.Prove.class, new Outcome.Done(0, 0, Duration.ZERO, ""));
  }

  /** The newest order of this kind failed. */
  Decider failed(Class<? extends Command.Order> kind) {
    return ended(kind, new Outcome.Failed(new Trouble("DiskFull", "it is full.")));
  }

  /** The sample that was asked last serves this. */
  Decider serves(Matrix matrix) {
    return offered(
        newest(Command.Serve.class).id(), new Offer(matrix, "172.31.77.2", 20_000, "secret"));
  }

  static String name(int member) {
    return "web-" + member;
  }

  static Change written(RowKey key, Digest before, Digest after) {
    return new Change(key, Change.Kind.WRITTEN, Optional.of(before), Optional.of(after));
  }

  static Change rot(RowKey key, Digest before) {
    return new Change(key, Change.Kind.ROT, Optional.of(before), Optional.of(OTHER));
  }

  /** What was ordered of this kind since the last {@link #forget}. */
  <T extends Command> List<T> ordered(Class<T> kind) {
    return commands.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /** The newest order of this kind, which there must be. */
  <T extends Command> T newest(Class<T> kind) {
    return ordered(kind).getLast();
  }

  Optional<String> said(String reason) {
    return ordered(Command.Tell.class).stream()
        .filter(t -> t.reason().equals(reason))
        .map(Command.Tell::message)
        .reduce((first, second) -> second);
  }

  /** The hold of this reason; one that waits for a person is explained in the documentation. */
  Optional<Hold> held(String reason) {
    Optional<Hold> held =
        state.news().holds().stream().filter(h -> h.reason().equals(reason)).findFirst();
    held.filter(Hold::needsAPerson)
        .ifPresent(h -> Troubleshooting.assertExplained(reason, h.message() + " " + h.until()));
    return held;
  }

  /** Why a member has its class. */
  String why(int member) {
    return assessment.orElseThrow().classes().get(name(member)).why();
  }

  MemberClass classOf(int member) {
    return assessment.orElseThrow().classOf(name(member));
  }

  /** The target, which there must be. */
  Target target() {
    return assessment.flatMap(Assessment::target).orElseThrow();
  }
}
