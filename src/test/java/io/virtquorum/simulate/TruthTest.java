package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge itself: each invariant finds the fault that it is there for. */
final class TruthTest {
  private static final Map<String, Integer> MEMBERS = Map.of("a", 1, "b", 1, "c", 1);

  private final Timeline timeline = new Timeline(new SplittableRandom(1));
  private final Story story = new Story(false);
  private final Truth truth =
      new Truth(new FingerprintKey(new byte[32]), Map.of("/srv/www", "site"), story);
  private final SyncNetwork network = new SyncNetwork();
  private SimulatedGuest a;
  private Volume disk;

  @BeforeEach
  void start() {
    a = guest("a");
    guest("b");
    guest("c");
    disk = a.mounts.get("/srv/www");
    truth.held(a);
  }

  private SimulatedGuest guest(String name) {
    SimulatedGuest guest =
        new SimulatedGuest(
            name, "10.0.0." + name, timeline, network, truth, new SplittableRandom(2));
    Volume volume = new Volume(1, 1 << 20, 0);
    volume.write("page", Content.of(name, Content.Origin.USER), 0644, 0, 0);
    volume.sync();
    guest.mounts.put("/srv/www", volume);
    truth.add(guest);
    guest.powerOn();
    return guest;
  }

  private static ClusterRecord record(
      long term, long tenure, String primary, Optional<Committed> committed) {
    return new ClusterRecord(term, tenure, Optional.of(primary), MEMBERS, committed);
  }

  private static Optional<Committed> committed(long epoch, long sequence) {
    return Optional.of(
        new Committed(epoch, new Position(1, sequence), new Digest(sequence, 0, 0, 0)));
  }

  private static void violates(String invariant, Runnable action) {
    assertThatThrownBy(action::run)
        .isInstanceOfSatisfying(Violation.class, v -> assertThat(v.invariant).isEqualTo(invariant));
  }

  @Test
  void aCommitThatNoMajorityOfDisksHeldIsFound() {
    ClusterRecord before = record(1, 1, "a", Optional.empty());
    violates(
        "CommitWithoutMajority",
        () -> truth.recorded(this, before, record(1, 1, "a", committed(1, 1))));
  }

  @Test
  void anOlderLeaderThatWritesIsFound() {
    ClusterRecord before = record(2, 1, "a", Optional.empty());
    violates(
        "OldLeaderWrote", () -> truth.recorded(this, before, record(1, 1, "a", Optional.empty())));
  }

  @Test
  void twoLeadersOfOneTermAreFound() {
    ClusterRecord before = record(1, 1, "a", Optional.empty());
    ClusterRecord next = record(1, 2, "b", Optional.empty());
    truth.recorded("one", before, next);
    violates(
        "TwoLeadersWrote",
        () -> truth.recorded("other", next, record(1, 3, "a", Optional.empty())));
  }

  @Test
  void aPrimaryThatChangesWithoutATenureIsFound() {
    ClusterRecord before = record(1, 1, "a", Optional.empty());
    violates("Tenure", () -> truth.recorded(this, before, record(1, 1, "b", Optional.empty())));
  }

  @Test
  void anEpochThatIsLeftOutIsFound() {
    ClusterRecord before = record(1, 1, "a", Optional.empty());
    violates("Epoch", () -> truth.recorded(this, before, record(1, 1, "a", committed(2, 1))));
  }

  @Test
  void aRowThatIsReplacedAndNotArchivedIsFound() {
    Node page = disk.get("page");
    violates(
        "Destroyed",
        () -> truth.replaced(a, "/srv/www", "page", page, Content.of("new", Content.Origin.USER)));
    disk.makeDirectories(".virtquorum/archive/one/files", 0700, 0);
    disk.create(".virtquorum/archive/one/files/page", page, 0);
    truth.replaced(a, "/srv/www", "page", page, Content.of("new", Content.Origin.USER));
  }

  @Test
  void rotThatIsCopiedIsFound() {
    Content rot = Content.of("rot", Content.Origin.ROT);
    rot.detectable = true;
    violates("RotSpread", () -> truth.replaced(a, "/srv/www", "other", null, rot));
  }

  @Test
  void anArchiveEntryWithUsersFilesThatIsPrunedIsFound() {
    String entry = ".virtquorum/archive/one";
    disk.makeDirectories(entry, 0700, 0);
    disk.write(
        entry + "/manifest",
        Content.of("virtquorum-archive 1 5 2\nwhy\n", Content.Origin.OWN),
        0600,
        0,
        0);
    violates("ArchivePruned", () -> truth.pruning(a, disk, entry));
  }

  @Test
  void aUsersFileThatIsOnNoDiskAnyMoreIsFoundUnlessTheGuestItselfTookIt() {
    Content page = disk.get("page").content;
    disk.remove("page", 0);
    violates("Lost", truth::judge);
    violates("Lost", truth::nothingIsLost);
    truth.takenAway(List.of(page));
    truth.judge();
    truth.nothingIsLost();
  }
}
