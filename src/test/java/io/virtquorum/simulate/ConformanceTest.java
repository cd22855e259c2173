package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.ServeResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.wire.v1.Request.OperationCase;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * The simulated guest program against the real one: the same trees, the same client, and the same
 * must come out. What the real program does decides; what is not compared here fails the build.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ConformanceTest {
  private static final Position FIRST = new Position(1, 1);
  private static final Position SECOND = new Position(1, 2);
  private static final ArchiveNote NOTE = new ArchiveNote("verdict", "because", false);

  /** An address needs an interface of its own: the program's own tests give one in a namespace. */
  private static final Set<OperationCase> ELSEWHERE = EnumSet.of(OperationCase.ADDRESS);

  /**
   * What the simulated program does not do, for its sidecars never ask: they have no commands,
   * facts and newer programs, and people restore from archives. What an update leaves, a program
   * that begins anew, is compared all the same.
   */
  private static final Set<OperationCase> NOT_SIMULATED =
      EnumSet.of(
          OperationCase.RUN,
          OperationCase.FACTS,
          OperationCase.KEEP_OUTPUT,
          OperationCase.ARCHIVE_RESTORE,
          OperationCase.ARCHIVE_PRUNE,
          OperationCase.UPDATE,
          OperationCase.CONFIRM_UPDATE,
          OperationCase.OPERATION_NOT_SET);

  private final Set<OperationCase> compared = EnumSet.noneOf(OperationCase.class);
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  @TempDir java.nio.file.Path directory;
  private int directories;
  private int tests;
  private Sites.Pair donor;
  private Sites.Pair joiner;

  @BeforeEach
  void begin() throws Exception {
    Timeline timeline = new Timeline(new SplittableRandom(1));
    SyncNetwork network = new SyncNetwork();
    Truth truth =
        new Truth(new FingerprintKey(new byte[32]), Map.of("/srv/www", "site"), new Story(false));
    Sites sites =
        new Sites(directory.resolve("" + ++directories), timeline, network, truth, compared);
    donor = sites.pair("donor", "127.0.0.2");
    open.push(donor);
    joiner = sites.pair("joiner", "127.0.0.3");
    open.push(joiner);
    tests++;
  }

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  @AfterAll
  void eachOperationThatIsSimulatedWasCompared() {
    if (tests > 0) {
      Set<OperationCase> simulated = EnumSet.copyOf(Operations.KNOWN);
      simulated.removeAll(ELSEWHERE);
      assertThat(compared).containsAll(simulated);
    }
  }

  @Test
  void givenAnOperationThenItIsSimulatedOrItIsSaidThatItIsNot() {
    Set<OperationCase> all = EnumSet.allOf(OperationCase.class);
    all.removeAll(Operations.KNOWN);
    assertThat(all).isEqualTo(NOT_SIMULATED);
  }

  private interface Asked<T> {
    T of(Sites.Site site) throws Exception;
  }

  /** What both say, which is the same. */
  private static <T> T same(Sites.Pair pair, Asked<T> asked) throws Exception {
    T real = asked.of(pair.real());
    assertThat(asked.of(pair.simulated())).isEqualTo(real);
    return real;
  }

  private static Digest holds(Sites.Site site, Position position) throws Exception {
    Digest root = site.see().matrix().root();
    VerifyResult proven = site.call(w -> w.verify(position, root, Sites.LIMIT));
    assertThat(proven).isInstanceOf(VerifyResult.Equal.class);
    return root;
  }

  private static PullResult pull(Sites.Site from, Sites.Site to, Goal goal, boolean users)
      throws Exception {
    Offer offer = offer(from, to);
    PullResult result = to.call(w -> w.pull(offer, goal, NOTE, _ -> users, Sites.LIMIT));
    from.call(
        w -> {
          w.endServing();
          return null;
        });
    return result;
  }

  private static PullResult pulled(Sites.Site site, Offer offer) throws Exception {
    return site.call(w -> w.pull(offer, new Goal.Whole(SECOND), NOTE, _ -> false, Sites.LIMIT));
  }

  private static Offer offer(Sites.Site from, Sites.Site to) throws Exception {
    Snapshot held = from.see();
    Digest root = held.matrix().root();
    return from.call(
        w ->
            ((ServeResult.Begun) w.serve("one", root, from.address(), to.address(), Sites.LIMIT))
                .offer());
  }

  private static Map<String, Change.Kind> kinds(Snapshot snapshot) {
    Map<String, Change.Kind> kinds = new HashMap<>();
    snapshot.changes().forEach(change -> kinds.put(change.key().item(), change.kind()));
    return kinds;
  }

  @Test
  void givenTheSameTreesThenTheSameRowsAreSeenAndAreEqualToEachOther() throws Exception {
    for (Sites.Pair pair : List.of(donor, joiner)) {
      pair.write("index.html", "hello");
      pair.write("docs/a", "");
      pair.write("odd name'; \\", "x");
    }
    joiner.write("other", "mine");
    List<RowKey> keys =
        same(donor, site -> site.see().matrix().rows().stream().map(r -> r.key()).toList());
    assertThat(keys).hasSize(5);
    List<RowKey> different = List.of(new RowKey("site", "other"));
    assertThat(differing(donor.real(), joiner.real())).isEqualTo(different);
    assertThat(differing(donor.simulated(), joiner.simulated())).isEqualTo(different);
  }

  private static List<RowKey> differing(Sites.Site one, Sites.Site other) throws Exception {
    return one.see().matrix().differences(other.see().matrix()).stream().map(r -> r.key()).toList();
  }

  @Test
  void givenChangesSinceWhatIsRememberedThenTheyAreToldAlike() throws Exception {
    for (String file : List.of("kept", "written", "gone", "docs/a")) {
      joiner.write(file, "1");
    }
    holds(joiner.real(), FIRST);
    holds(joiner.simulated(), FIRST);
    joiner.write("written", "2");
    joiner.remove("gone");
    joiner.rename("docs", "moved");
    joiner.write("new/file", "2");
    Map<String, Change.Kind> changes = same(joiner, site -> kinds(site.see()));
    assertThat(changes).containsKeys("written", "gone", "docs/a", "moved/a", "new/file");
    assertThat(changes).doesNotContainKey("kept");
    Position remembered = same(joiner, site -> site.see().memory().orElseThrow().position());
    assertThat(remembered).isEqualTo(FIRST);
    Boolean kept =
        same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), true, Sites.LIMIT)));
    assertThat(kept).isTrue();
  }

  @Test
  void givenAProgramThatBeginsAnewThenTheSameIsKnownAsBefore() throws Exception {
    joiner.write("kept", "1");
    joiner.write("written", "1");
    holds(joiner.real(), FIRST);
    holds(joiner.simulated(), FIRST);
    joiner.write("written", "2");
    same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), true, Sites.LIMIT)));
    for (Sites.Site site : List.of(joiner.real(), joiner.simulated())) {
      site.beginAnew();
      try {
        site.see();
      } catch (GuestException.Unreachable e) {
        assertThat(e).hasMessageContaining("lost"); // the session from before
      }
    }
    joiner.write("new", "2");
    Map<String, Change.Kind> changes = same(joiner, site -> kinds(site.see()));
    assertThat(changes).containsKeys("written", "new").doesNotContainKey("kept");
    Position remembered = same(joiner, site -> site.see().memory().orElseThrow().position());
    assertThat(remembered).isEqualTo(FIRST);
    Boolean users =
        same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), false, Sites.LIMIT)));
    assertThat(users).isTrue();
  }

  @Test
  void givenUsersWhereNothingIsRememberedYetThenAnotherLifeKnowsOfThemUntilSomethingIs()
      throws Exception {
    joiner.write("written", "1");
    Boolean nobody =
        same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), false, Sites.LIMIT)));
    assertThat(nobody).isFalse();
    same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), true, Sites.LIMIT)));
    for (boolean marked : new boolean[] {true, false}) {
      for (Sites.Site site : List.of(joiner.real(), joiner.simulated())) {
        site.beginAnew();
        try {
          site.see();
        } catch (GuestException.Unreachable e) {
          assertThat(e).hasMessageContaining("lost"); // the session from before
        }
      }
      Boolean users =
          same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), false, Sites.LIMIT)));
      assertThat(users).isEqualTo(marked);
      holds(joiner.real(), FIRST);
      holds(joiner.simulated(), FIRST);
      same(joiner, site -> site.call(w -> w.rememberUsers(site.see(), false, Sites.LIMIT)));
    }
  }

  @Test
  void givenAPullOfAWholeStateThenTheSameRowsComeAndTheSameIsArchived() throws Exception {
    donor.write("same", "1");
    donor.write("differs", "theirs");
    donor.write("docs/deep/added", "theirs");
    donor.write("became-file", "theirs");
    donor.write("became-directory/in", "theirs");
    joiner.write("same", "1");
    joiner.write("differs", "mine");
    joiner.write("gone/with/all", "mine");
    joiner.write("gone/other", "mine");
    joiner.write("became-file/in", "mine");
    joiner.write("became-directory", "mine");
    joiner.write("only-mine", "mine");
    assertThat(pulled(new Goal.Whole(SECOND), true)).isPositive();
    Map<String, String> files = same(joiner, Sites.Site::files);
    assertThat(files).containsEntry("docs/deep/added", "theirs");
    Map<String, String> archive = same(joiner, Sites.Site::archive);
    assertThat(archive)
        .containsEntry("gone/with/all", "mine")
        .containsEntry("became-file/in", "mine")
        .containsEntry("became-directory", "mine")
        .hasSize(6);
    Position position = same(joiner, site -> site.see().memory().orElseThrow().position());
    assertThat(position).isEqualTo(SECOND);
    Integer changes = same(joiner, site -> site.see().changesTotal());
    assertThat(changes).isZero();
  }

  /** Rows that both replaced. */
  private int pulled(Goal goal, boolean users) throws Exception {
    PullResult real = pull(donor.real(), joiner.real(), goal, users);
    PullResult simulated = pull(donor.simulated(), joiner.simulated(), goal, users);
    assertThat(real).isInstanceOf(PullResult.Done.class);
    assertThat(simulated).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) simulated).rows()).isEqualTo(((PullResult.Done) real).rows());
    return ((PullResult.Done) real).rows();
  }

  @Test
  void givenAProcessThatHasWhatAPullReplacesOpenThenItIsSaidUntilItClosedTheFile()
      throws Exception {
    donor.write("docs/log", "theirs");
    joiner.write("docs/log", "mine");
    joiner.write("docs/gone", "mine");
    for (Sites.Site to : List.of(joiner.real(), joiner.simulated())) {
      Sites.Site from = to == joiner.real() ? donor.real() : donor.simulated();
      AutoCloseable log = to.keepOpen("docs/log");
      AutoCloseable gone = to.keepOpen("docs/gone");
      assertThat(to.see().stale()).isEmpty();
      PullResult result = pull(from, to, new Goal.Whole(SECOND), false);
      assertThat(files(((PullResult.Done) result).stale())).containsOnly("docs/log", "docs/gone");
      PullResult nothing = pull(from, to, new Goal.Whole(new Position(1, 3)), false);
      assertThat(files(((PullResult.Done) nothing).stale()))
          .as("though it replaced nothing")
          .containsOnly("docs/log", "docs/gone");
      to.beginAnew();
      try {
        to.see();
      } catch (GuestException.Unreachable e) {
        assertThat(e).hasMessageContaining("lost");
      }
      gone.close();
      assertThat(files(to.see().stale())).containsOnly("docs/log");
      log.close();
      assertThat(to.see().stale()).isEmpty();
    }
  }

  private static List<String> files(List<StaleProcess> stale) {
    return stale.stream().map(process -> process.file().item()).toList();
  }

  @Test
  void givenAPullThatOnlyAddsThenNothingIsArchived() throws Exception {
    donor.write("docs/added", "theirs");
    assertThat(pulled(new Goal.Whole(SECOND), false)).isEqualTo(2);
    Map<String, String> archive = same(joiner, Sites.Site::archive);
    assertThat(archive).isEmpty();
  }

  @Test
  void givenADonorThatMovedMeanwhileThenThePullIsVoidAndNothingChanged() throws Exception {
    donor.write("a", "1");
    joiner.write("a", "0");
    for (int i = 0; i < 2; i++) {
      Sites.Site from = i == 0 ? donor.real() : donor.simulated();
      Sites.Site to = i == 0 ? joiner.real() : joiner.simulated();
      Offer offer = offer(from, to);
      from.write("a", "2");
      assertThat(pulled(to, offer)).isInstanceOf(PullResult.Void.class);
    }
    Map<String, String> files = same(joiner, Sites.Site::files);
    assertThat(files).containsEntry("a", "0");
  }

  @Test
  void givenRowsThatAreToBeAsTheyAreRememberedThenTheyComeBackAndWhatWasThereIsKept()
      throws Exception {
    for (Sites.Pair pair : List.of(donor, joiner)) {
      pair.write("changed", "right");
      pair.write("docs/a", "right");
      pair.write("same", "1");
    }
    Snapshot real = remembered(joiner.real());
    Snapshot simulated = remembered(joiner.simulated());
    joiner.write("changed", "drift");
    joiner.rename("docs", "moved");
    joiner.write("new/file", "drift");
    PullResult one = pull(donor.real(), joiner.real(), back(real, joiner.real()), false);
    PullResult other =
        pull(donor.simulated(), joiner.simulated(), back(simulated, joiner.simulated()), false);
    assertThat(one).isInstanceOf(PullResult.Done.class);
    assertThat(((PullResult.Done) other).rows()).isEqualTo(((PullResult.Done) one).rows());
    Integer changes = same(joiner, site -> site.see().changesTotal());
    assertThat(changes).isZero();
    Map<String, String> archive = same(joiner, Sites.Site::archive);
    assertThat(archive).containsEntry("changed", "drift").containsEntry("new/file", "drift");
  }

  @Test
  void givenWritesThatGoOnThenAMomentOfThemIsAcceptedAndServed() throws Exception {
    for (Sites.Pair pair : List.of(donor, joiner)) {
      pair.write("log", "1");
      pair.write("gone", "1");
    }
    for (int i = 0; i < 2; i++) {
      Sites.Site from = i == 0 ? donor.real() : donor.simulated();
      Sites.Site to = i == 0 ? joiner.real() : joiner.simulated();
      Digest before = holds(from, FIRST);
      assertThat(holds(to, FIRST)).isEqualTo(before);
      from.write("log", "12");
      from.write("docs/added", "mine");
      from.see();
      from.write("log", "123");
      VerifyResult result = from.call(w -> w.accept(SECOND, before, false, Sites.LIMIT));
      assertThat(result).isInstanceOf(VerifyResult.Equal.class);
      Digest accepted = result.snapshot().matrix().root();
      from.write("log", "1234");
      from.write("docs/added", "another");
      var begun =
          from.call(w -> w.serve("one", accepted, from.address(), to.address(), Sites.LIMIT));
      assertThat(pulled(to, ((ServeResult.Begun) begun).offer()))
          .isInstanceOf(PullResult.Done.class);
      assertThat(from.see().memory()).contains(new Remembered(SECOND, accepted));
      assertThat(kinds(from.see()))
          .isEqualTo(Map.of("log", Change.Kind.WRITTEN, "docs/added", Change.Kind.WRITTEN));
    }
    Map<String, String> files = same(joiner, Sites.Site::files);
    assertThat(files).containsEntry("log", "123").containsEntry("docs/added", "mine");
  }

  private static Snapshot remembered(Sites.Site site) throws Exception {
    holds(site, FIRST);
    return site.see();
  }

  private static Goal back(Snapshot held, Sites.Site site) throws Exception {
    Map<RowKey, Optional<Digest>> rows = new HashMap<>();
    site.see()
        .matrix()
        .differences(held.matrix())
        .forEach(row -> rows.put(row.key(), row.theirs()));
    return new Goal.Remembered(rows);
  }

  @Test
  void givenAnothersSecretOrNobodyWhoServesThenThePullFails() throws Exception {
    donor.write("a", "1");
    for (int i = 0; i < 2; i++) {
      Sites.Site from = i == 0 ? donor.real() : donor.simulated();
      Sites.Site to = i == 0 ? joiner.real() : joiner.simulated();
      Offer offer = offer(from, to);
      String forged = offer.password().substring(0, offer.password().length() - 4) + "0000";
      Offer wrong = new Offer(offer.address(), offer.port(), forged, offer.rows());
      assertThat(pulled(to, wrong))
          .extracting(result -> ((PullResult.Failed) result).reason())
          .isEqualTo(PullResult.Reason.SampleRefused);
      from.call(
          w -> {
            w.endServing();
            return null;
          });
      assertThat(pulled(to, offer))
          .extracting(result -> ((PullResult.Failed) result).reason())
          .isEqualTo(PullResult.Reason.SampleUnreachable);
    }
  }

  @Test
  void givenAWriteAndWhatTheRecordSaysThenWhoWaitsIsConfirmedByTheSameAlone() throws Exception {
    joiner.write("order", "0");
    for (Sites.Site site : List.of(joiner.real(), joiner.simulated())) {
      Digest first = holds(site, FIRST);
      stands(site, true, 1, FIRST, first);
      site.write("order", "0"); // as it was: no look that was remembered is of that
      assertThat(site.commits()).as("nothing differs, but who knows who leads by now").isFalse();
      assertThat(site.commits(asks -> standing(true, 1, FIRST, first, asks)))
          .as("nothing differs, and that is so still")
          .isTrue();
      assertThat(site.commits(asks -> standing(false, 2, FIRST, first, asks)))
          .as("nothing differs, and another leads by now")
          .isFalse();
      stands(site, true, 1, FIRST, first);
      site.write("order", "1");
      assertThat(site.commits()).as("nobody said so").isFalse();
      Digest second = holds(site, SECOND);
      stands(site, true, 1, SECOND, first);
      assertThat(site.commits()).as("of another root").isFalse();
      stands(site, true, 1, SECOND, second);
      assertThat(site.commits()).as("committed").isTrue();
      stands(site, false, 2, SECOND, second);
      assertThat(site.commits()).as("another leads").isFalse();
    }
  }

  private static void stands(
      Sites.Site site, boolean primary, long tenure, Position position, Digest root)
      throws Exception {
    site.tells(_ -> standing(primary, tenure, position, root, 0));
  }

  private static Standing standing(
      boolean primary, long tenure, Position position, Digest root, long confirmed) {
    return new Standing(
        primary, tenure, Optional.of(new Remembered(position, root)), 1, "", "", confirmed);
  }

  @Test
  void givenUsersPeersAndWritersThenTheyAreAskedAlike() throws Exception {
    same(donor, site -> site.call(w -> w.users(Sites.LIMIT)).connections());
    String own = joiner.real().address();
    same(
        joiner,
        site -> site.call(w -> w.silent(own, List.of("127.0.0.2", "192.0.2.1"), Sites.LIMIT)));
    same(
        joiner,
        site ->
            site.call(
                w -> {
                  w.settle(Sites.LIMIT);
                  w.quiesce(java.time.Duration.ofSeconds(5), Sites.LIMIT);
                  w.resume(Sites.LIMIT);
                  return site.isStill();
                }));
  }
}
