package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.StreamObserver;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.StateSpec;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.Standing;
import io.virtquorum.wire.v1.ToMember;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What goes into the reducer: time, and whose word. */
class AdjudicationTest {
  private static final Instant NOON = Instant.parse("2026-11-22T12:00:00Z");
  private static final Position THIRD = new Position(1, 3);
  private static final RowKey INDEX = new RowKey("site", "index.html");
  private static final Matrix ROWS =
      Matrix.of(List.of(new Row(INDEX, ScriptedMember.digest("committed"))));
  private static final Digest C = ROWS.root();
  private static final Digest DRIFT = ScriptedMember.digest("drift");
  private static final Map<String, Integer> MEMBERS = Map.of("web-0", 1, "web-1", 1, "web-2", 1);

  private final SteppingClock clock = new SteppingClock(NOON);
  private final Map<String, List<ToMember>> sent = new TreeMap<>();
  private final List<Command.Tell> told = new ArrayList<>();
  private ClusterRecord record =
      new ClusterRecord(
          6, 1, Optional.of("web-0"), MEMBERS, Optional.of(new Committed(3, THIRD, C)));
  private Adjudication adjudication = begin(0);

  private Adjudication begin(long floor) {
    Surroundings.Records records =
        new Surroundings.Records() {
          @Override
          public RecordStore.Swap swap(String n, String c, ClusterRecord was, ClusterRecord next) {
            record = next;
            return new RecordStore.Swap.Written();
          }

          @Override
          public Optional<ClusterRecord> fence(String namespace, String name) {
            return Optional.of(record);
          }
        };
    var surroundings =
        new Surroundings(
            records,
            told::add,
            _ -> true,
            () -> {},
            clock,
            clock::nanoTime,
            new Surroundings.GuestProbes((_, _) -> GuestProbe.Answer.ALIVE, _ -> {}));
    var begun =
        new Adjudication(
            "shop",
            "web",
            new Legacy(record, floor, Optional.empty(), Optional.empty()),
            new byte[32],
            surroundings,
            (_, _) -> {});
    begun.configured(settings());
    return begun;
  }

  private static ClusterSettings settings() {
    return settings(false);
  }

  private static ClusterSettings settings(boolean observe) {
    Map<String, ClusterSettings.Vm> vms = new TreeMap<>();
    for (int i = 0; i < 3; i++) {
      vms.put(
          "web-" + i,
          new ClusterSettings.Vm(
              Optional.of("uid-web-" + i),
              true,
              Optional.of("node-" + i),
              Optional.of("10.244.1.2" + i),
              "02:00:00:00:00:0" + i,
              "172.31.77.1" + i + "/24"));
    }
    return new ClusterSettings(
        new Config(
            MEMBERS,
            observe,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            Config.Bootstrap.ask(),
            Optional.empty()),
        vms,
        StateSpec.ofFiles(new FileTree("site", "/srv/www")),
        List.of(80),
        Duration.ofMillis(100),
        Duration.ofSeconds(2),
        Duration.ofMinutes(10),
        20,
        1L << 30,
        50_000_000,
        GuestProgram.Update.AUTO,
        "");
  }

  private MemberStream attach(String member, long termSeen) {
    Hello hello =
        Hello.newBuilder()
            .setMember(member)
            .setVmiUid("uid-" + member)
            .setTermSeen(termSeen)
            .build();
    MemberStream stream =
        new MemberStream(
            hello,
            new StreamObserver<>() {
              @Override
              public void onNext(ToMember message) {
                sent.computeIfAbsent(member, m -> new ArrayList<>()).add(message);
              }

              @Override
              public void onError(Throwable error) {}

              @Override
              public void onCompleted() {}
            },
            () -> 0); // never silent
    adjudication.attached(stream);
    return stream;
  }

  private MemberStream holds(String member, Digest root) {
    MemberStream stream = attach(member, 6);
    List<Change> changes =
        root.equals(C)
            ? List.of()
            : List.of(
                new Change(
                    INDEX,
                    Change.Kind.WRITTEN,
                    ROWS.digest(INDEX),
                    Optional.of(ScriptedMember.digest("drift"))));
    adjudication.received(
        stream,
        FromMember.newBuilder()
            .setBallot(
                WireMapping.write(
                    new BallotContent(
                        1,
                        "boot-" + member,
                        root,
                        1,
                        Optional.of(new Remembered(THIRD, C)),
                        0,
                        changes,
                        changes.size(),
                        0,
                        false,
                        false,
                        Optional.empty(),
                        Map.of(),
                        List.of(),
                        0)))
            .build());
    return stream;
  }

  /** The order to serve a sample, and who got it. */
  private Optional<Map.Entry<String, io.virtquorum.wire.v1.Command>> serving() {
    return sent.entrySet().stream()
        .flatMap(e -> e.getValue().stream().map(m -> Map.entry(e.getKey(), m.getCommand())))
        .filter(e -> e.getValue().hasServeSample())
        .reduce((_, last) -> last);
  }

  private void tick(Duration after) {
    clock.pass(after);
    adjudication.tick();
  }

  /** All hold C but web-2, for long enough that somebody is asked to serve. */
  private Map<String, MemberStream> repairing() {
    Map<String, MemberStream> streams = new TreeMap<>();
    streams.put("web-0", holds("web-0", C));
    streams.put("web-1", holds("web-1", C));
    streams.put("web-2", holds("web-2", DRIFT));
    tick(Duration.ofSeconds(7));
    assertThat(serving()).isPresent();
    return streams;
  }

  private static FromMember offer(String order, String address) {
    return FromMember.newBuilder()
        .setOffer(WireMapping.write(new OfferContent(order, ROWS, address, 8730, "secret")))
        .build();
  }

  private static FromMember oldTerm(String order) {
    return FromMember.newBuilder()
        .setProgress(
            Progress.newBuilder()
                .setCommandId(order)
                .setOutcome(Progress.Outcome.OUTCOME_REFUSED)
                .setReason(WireMapping.OLD_TERM))
        .build();
  }

  @Test
  void givenAWallClockThatStepsBackAnHourThenARepairWaitsOnlyForItsSettleTime() {
    holds("web-0", C);
    holds("web-1", C);
    holds("web-2", DRIFT);
    tick(Duration.ofSeconds(1));
    clock.step(Duration.ofHours(-1));
    tick(Duration.ofSeconds(4));
    assertThat(serving()).isEmpty();
    tick(Duration.ofSeconds(2));
    assertThat(serving()).isPresent();
  }

  @Test
  void givenAWallClockThatStepsAheadThenARepairStillWaitsForItsSettleTime() {
    holds("web-0", C);
    holds("web-1", C);
    holds("web-2", DRIFT);
    clock.step(Duration.ofHours(1));
    tick(Duration.ofSeconds(1));
    assertThat(serving()).isEmpty();
  }

  @Test
  void givenAnExposureThenItsBeginIsShownByTheWallClockAndStaysWhileThatIsNotSet() {
    holds("web-1", ScriptedMember.digest("other"));
    MemberStream primary = holds("web-0", DRIFT);
    assertThat(adjudication.view().exposure().since()).as("of a look of any age").isEmpty();
    primary.beat(Beat.newBuilder().setLookAgeMillis(0).build());
    tick(Duration.ZERO);
    View before = adjudication.view();
    assertThat(before.exposure().since()).contains(NOON);
    tick(Duration.ofSeconds(1));
    tick(Duration.ofSeconds(1));
    assertThat(adjudication.view().exposure().since()).contains(NOON);
    clock.step(Duration.ofHours(-1));
    tick(Duration.ofSeconds(1));
    assertThat(adjudication.view().exposure().since()).contains(NOON.minus(Duration.ofHours(1)));
  }

  @Test
  void givenAMemberThatHeardANewerTermThenThisLeaderEndsAndTheNextOneIsAboveIt() {
    assertThat(record.term()).isEqualTo(7);
    attach("web-0", 6);
    assertThat(adjudication.deposedFor()).isEmpty();
    attach("web-1", 41);
    assertThat(adjudication.deposedFor()).isPresent();
    assertThat(sent).doesNotContainKey("web-1");

    adjudication = begin(adjudication.terms().highest());
    assertThat(record.term()).isEqualTo(42);
    attach("web-1", 41);
    assertThat(adjudication.deposedFor()).isEmpty();
    assertThat(sent.get("web-1").getFirst().getConfigure().getTerm()).isEqualTo(42);
  }

  @Test
  void givenARecordNewerThanWhatMembersHeardThenTheNextTermIsAboveTheRecord() {
    record = new ClusterRecord(90, 1, Optional.of("web-0"), MEMBERS, record.committed());
    adjudication = begin(41);
    assertThat(record.term()).isEqualTo(91);
  }

  @Test
  void givenAMemberThatAttachesAgainThenItHeardThisLeadersTermFromThisLeader() {
    attach("web-0", 6);
    attach("web-0", 7);
    assertThat(adjudication.deposedFor()).isEmpty();
  }

  @Test
  void givenAMemberThatHeardThisTermFromSomebodyElseThenThisLeaderEnds() {
    attach("web-0", 7);
    assertThat(adjudication.deposedFor()).isPresent();
    assertThat(adjudication.terms().highest()).isEqualTo(7);
  }

  @Test
  void givenAnOrderRefusedByTheMemberThatWasAskedThenThisLeaderEnds() {
    Map<String, MemberStream> streams = repairing();
    String asked = serving().orElseThrow().getKey();
    String order = serving().orElseThrow().getValue().getId();
    adjudication.received(streams.get(asked), oldTerm(order));
    assertThat(adjudication.deposedFor()).contains(Duration.ZERO);
    clock.step(Duration.ofHours(-1));
    clock.pass(Duration.ofSeconds(5));
    assertThat(adjudication.deposedFor()).contains(Duration.ofSeconds(5));
  }

  @Test
  void givenAnOrderRefusedByAMemberThatWasNotAskedThenNothingComesOfThat() {
    Map<String, MemberStream> streams = repairing();
    String asked = serving().orElseThrow().getKey();
    String order = serving().orElseThrow().getValue().getId();
    streams.forEach(
        (member, stream) -> {
          if (!member.equals(asked)) {
            adjudication.received(stream, oldTerm(order));
          }
        });
    assertThat(adjudication.deposedFor()).isEmpty();
  }

  private List<Standing> standings(String member) {
    return sent.get(member).stream()
        .filter(ToMember::hasStanding)
        .map(ToMember::getStanding)
        .toList();
  }

  @Test
  void givenARecordThatChangesThenEachMemberHearsOfItOnceItIsWritten() throws Exception {
    MemberStream web0 = holds("web-0", C);
    holds("web-1", C);
    Standing first = standings("web-0").getLast();
    assertThat(first.getPrimary()).isTrue();
    assertThat(first.getTerm()).isEqualTo(7);
    assertThat(first.getTenure()).isEqualTo(1);
    assertThat(first.getEpoch()).isEqualTo(3);
    assertThat(WireMapping.read(first.getCommitted())).isEqualTo(new Remembered(THIRD, C));
    assertThat(first.getReason()).isEmpty();
    assertThat(standings("web-1").getLast().getPrimary()).isFalse();

    int before = standings("web-0").size();
    tick(Duration.ofSeconds(1));
    assertThat(standings("web-0")).as("nothing changed").hasSize(before);

    Position next = THIRD.next();
    vote(web0, next);
    assertThat(standings("web-0")).as("the primary alone is no majority").hasSize(before);
    vote(attach("web-1", 7), next);
    assertThat(record.committed().orElseThrow().position()).isEqualTo(next);
    for (String member : List.of("web-0", "web-1")) {
      Standing now = standings(member).getLast();
      assertThat(now.getEpoch()).isEqualTo(4);
      assertThat(WireMapping.read(now.getCommitted())).isEqualTo(new Remembered(next, DRIFT));
    }

    adjudication.configured(settings(true));
    assertThat(standings("web-0").getLast().getReason()).isEqualTo("Observe");
    assertThat(standings("web-0").getLast().getSentence()).contains("Observe", "spec.mode");
    attach("web-0", 7);
    assertThat(standings("web-0").getLast().getReason())
        .as("also on another stream")
        .isEqualTo("Observe");
  }

  /** Says that a member holds, and remembers, what drifted once. */
  private void vote(MemberStream stream, Position at) {
    adjudication.received(
        stream,
        FromMember.newBuilder()
            .setBallot(
                WireMapping.write(
                    new BallotContent(
                        2,
                        "boot-" + stream.member(),
                        DRIFT,
                        1,
                        Optional.of(new Remembered(at, DRIFT)),
                        0,
                        List.of(),
                        0,
                        0,
                        false,
                        false,
                        Optional.empty(),
                        Map.of(),
                        List.of(),
                        0)))
            .build());
  }

  @Test
  void givenAnOfferOfTheSamplesOwnAddressThenItIsPulledFrom() {
    Map<String, MemberStream> streams = repairing();
    String sample = serving().orElseThrow().getKey();
    String order = serving().orElseThrow().getValue().getId();
    String own = settings().members().get(sample).syncHost();
    adjudication.received(streams.get(sample), offer(order, own));
    assertThat(sent.get("web-2").getLast().getCommand().getPullSample().getOffer().getAddress())
        .isEqualTo(own);
  }

  @Test
  void givenAnOfferOfAnotherAddressThenTheOrderFailsWithASentence() {
    Map<String, MemberStream> streams = repairing();
    String sample = serving().orElseThrow().getKey();
    String order = serving().orElseThrow().getValue().getId();
    String own = settings().members().get(sample).syncHost();
    adjudication.received(streams.get(sample), offer(order, "172.31.77.99"));
    assertThat(sent.get("web-2")).noneMatch(m -> m.getCommand().hasPullSample());
    assertThat(told.getLast().reason()).isEqualTo("OfferRefused");
    assertThat(told.getLast().message())
        .startsWith(
            ("web-2 could not be repaired, because %1$s could not serve it: %1$s offers its state at"
                    + " 172.31.77.99, and its address on the sync network is %2$s.")
                .formatted(sample, own));
  }
}
