package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge itself: each invariant finds the fault that it is there for. */
final class TruthTest {
  private static final Map<String, Integer> MEMBERS = Map.of("a", 1, "b", 1, "c", 1);

  private static final String ENTRY = ".virtquorum/archive/one";

  private final Timeline timeline = new Timeline(new SplittableRandom(1));
  private final Story story = new Story(false);
  private final Truth truth =
      new Truth(new FingerprintKey(new byte[32]), Map.of("/srv/www", "site"), story);
  private final SyncNetwork network = new SyncNetwork();
  private SimulatedGuest a;
  private SimulatedGuest b;
  private Volume disk;

  @BeforeEach
  void start() {
    a = guest("a");
    b = guest("b");
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

  /** One member's record, whose first epoch is this or is still to come. */
  private static ClusterRecord alone(Optional<Remembered> first) {
    return new ClusterRecord(
        1,
        1,
        Optional.of("a"),
        Map.of("a", 1),
        first.map(held -> new Committed(1, held.position(), held.root())));
  }

  private void remembers(Remembered remembered, Matrix rows) {
    Map<String, Digest> byPath = new TreeMap<>();
    rows.rows().forEach(row -> byPath.put(row.key().item(), row.digest()));
    disk.makeDirectories(".virtquorum", 0700, 0);
    disk.write(".virtquorum/memory", MemoryFile.of(a.name, remembered, byPath), 0600, 0, 0);
    disk.sync();
    truth.remembered(a, "/srv/www");
  }

  private void rot(String path, String bytes) {
    disk.rot(path, Content.of(bytes, Content.Origin.ROT), false);
    truth.held(a);
  }

  /** These rows, but this item as the others have it. */
  private static Matrix with(Matrix rows, Matrix others, String item) {
    return Matrix.of(
        Stream.concat(
                rows.rows().stream().filter(r -> !r.key().item().equals(item)),
                others.rows().stream().filter(r -> r.key().item().equals(item)))
            .toList());
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
  void whoLeadsMustHaveNoProcessThatWritesIntoWhatARepairReplaced() {
    Volume other = b.mounts.get("/srv/www");
    Opened opened = Opened.of(b, "/srv/www", "page");
    other.makeDirectories(ENTRY + "/files", 0700, 0);
    other.move("page", ENTRY + "/files/page", 0);
    Matrix rows = truth.disks.matrix(a, Disks.View.WRITTEN);
    Remembered remembered = new Remembered(new Position(1, 1), rows.root());
    remembers(remembered, rows);
    ClusterRecord before = alone(Optional.of(remembered));
    truth.recorded(this, alone(Optional.empty()), before);
    ClusterRecord after =
        new ClusterRecord(1, 2, Optional.of("b"), before.members(), before.committed());
    violates("StaleLed", () -> truth.recorded(this, before, after));
    opened.close();
    truth.recorded(this, before, after);
  }

  @Test
  void whatSomebodyRemovedFromThePrimaryWhileItWasReplacedMustBeGoneAgainSoon() {
    Matrix rows = truth.disks.matrix(a, Disks.View.WRITTEN);
    Remembered remembered = new Remembered(new Position(1, 1), rows.root());
    remembers(remembered, rows);
    truth.recorded(this, alone(Optional.empty()), alone(Optional.of(remembered)));
    Content made = Content.of("made", Content.Origin.IMAGE);
    disk.remove("page", 0);
    truth.replaced(a, "/srv/www", "page", null, made);
    disk.write("page", made, 0644, 0, 0);
    violates("PrimaryOverwritten", this::aMinute);
    truth.replaced(a, "/srv/www", "page", null, made);
    disk.remove("page", 0);
    aMinute();
  }

  private void aMinute() {
    long end = timeline.now() + 60 * Timeline.SECOND;
    while (timeline.step(end)) {
      // the judge looks by itself
    }
  }

  @Test
  void aCommitThatNoMajorityOfDisksHeldIsFound() {
    ClusterRecord before = record(1, 1, "a", Optional.empty());
    violates(
        "CommitWithoutMajority",
        () -> truth.recorded(this, before, record(1, 1, "a", committed(1, 1))));
  }

  @Test
  void rowsThatRottedOneAfterTheOtherWhileTheyWereReadWereHeldAllTheSame() {
    disk.write("data", Content.of("data", Content.Origin.USER), 0644, 0, 0);
    disk.sync();
    truth.held(a);
    Matrix good = truth.disks.matrix(a, Disks.View.WRITTEN);
    rot("data", "dat_");
    rot("page", "_");
    Matrix rotten = truth.disks.matrix(a, Disks.View.PLATTER);
    Matrix read = with(good, rotten, "page"); // and "data" is as it was when it was read
    Remembered remembered = new Remembered(new Position(1, 1), read.root());
    ClusterRecord before = alone(Optional.empty());
    ClusterRecord after = alone(Optional.of(remembered));
    violates("CommitWithoutMajority", () -> truth.recorded(this, before, after));
    remembers(remembered, read);
    truth.recorded(this, before, after);
  }

  @Test
  void aRowThatADiskRemembersAndNeverHeldIsFound() {
    Matrix never =
        with(
            truth.disks.matrix(a, Disks.View.WRITTEN),
            truth.disks.matrix(truth.disks.guest("b"), Disks.View.WRITTEN),
            "page");
    Remembered remembered = new Remembered(new Position(1, 1), never.root());
    remembers(remembered, never);
    violates(
        "CommitWithoutMajority",
        () -> truth.recorded(this, alone(Optional.empty()), alone(Optional.of(remembered))));
  }

  @Test
  void whatAPowerCutLeftBesideAFileIsTheNextEditorsToOverwrite() {
    World world = new World(1, story, Shape.plain(2, false), Config.Voting.standard());
    world.begin();
    SimulatedVm vm = world.vm(0);
    Volume volume = vm.guest.mounts.get("/srv/www");
    volume.write("log.tmp", Content.of("half-way", Content.Origin.USER), 0644, 0, 0);
    volume.sync();
    world.truth.held(vm.guest);
    new Deeds(world).write(vm, "/srv/www", "log", Content.of("next", Content.Origin.USER), true);
    assertThat(volume.exists("log.tmp")).isFalse();
    world.truth.judge();
    world.truth.nothingIsLost();
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

  private Content archived(Content.Origin origin) {
    Content content = Content.of("old", origin);
    disk.makeDirectories(ENTRY + "/files", 0700, 0);
    disk.write(
        ENTRY + "/manifest",
        Content.of("virtquorum-archive 1 5 0\nwhy\n", Content.Origin.OWN),
        0600,
        0,
        0);
    disk.write(ENTRY + "/files/page", content, 0644, 0, 0);
    return content;
  }

  @Test
  void whatAUserWroteThatIsPrunedIsFoundWhateverTheArchiveSaysOfIt() {
    archived(Content.Origin.USER);
    violates("ArchivePruned", () -> truth.repairs.pruning(a, disk, ENTRY));
  }

  @Test
  void whatSoftwareWroteMayBePruned() {
    archived(Content.Origin.JOB);
    truth.repairs.pruning(a, disk, ENTRY);
  }

  @Test
  void whatAUserWroteMayBePrunedOnceItWasCommittedOrReplacedOrWhereThereIsAnotherCopy() {
    archived(Content.Origin.USER).committed = true;
    truth.repairs.pruning(a, disk, ENTRY);
    archived(Content.Origin.USER).superseded = true;
    truth.repairs.pruning(a, disk, ENTRY);
    b.mounts.get("/srv/www").write("copy", archived(Content.Origin.USER), 0644, 0, 0);
    truth.repairs.pruning(a, disk, ENTRY);
  }

  @Test
  void whatAUserWroteMayBePrunedOnlyIfTheGuestDiedBeforeItsSidecarLooked() {
    Content seen = archived(Content.Origin.USER);
    truth.userWrote(a, seen);
    truth.witnesses.saw(a, timeline.now());
    disk.sync();
    a.crash();
    violates("ArchivePruned", () -> truth.repairs.pruning(a, disk, ENTRY));
    a.reboot();
    truth.userWrote(a, archived(Content.Origin.USER));
    disk.sync();
    a.crash();
    truth.repairs.pruning(a, disk, ENTRY);
  }

  @Test
  void whatAUserWroteMayBePrunedWhereTheDiskCameBackFromBeforeItsSidecarLooked() {
    Content content = archived(Content.Origin.USER);
    truth.userWrote(a, content);
    disk.sync();
    Volume before = disk.copy();
    truth.witnesses.saw(a, timeline.now());
    Volume after = disk.copy();
    truth.diskReplaced(a, after);
    violates("ArchivePruned", () -> truth.repairs.pruning(a, disk, ENTRY));
    content.released = false;
    truth.diskReplaced(b, before);
    violates("ArchivePruned", () -> truth.repairs.pruning(a, disk, ENTRY));
    content.released = false;
    truth.diskReplaced(a, before);
    truth.repairs.pruning(a, disk, ENTRY);
  }

  @Test
  void whatAUserWroteWhereUsersAreLedMayNotBePrunedThoughTheGuestDied() {
    truth.clients.led(() -> Optional.of(a));
    truth.userWrote(a, archived(Content.Origin.USER));
    disk.sync();
    a.crash();
    violates("ArchivePruned", () -> truth.repairs.pruning(a, disk, ENTRY));
  }

  @Test
  void whatIsCommittedAndOnlyInArchivesIsFound() {
    ThreeGuests guests = new ThreeGuests();
    guests.write(guests.a, "page", "new", Content.Origin.USER);
    guests.repair(guests.b, "page", guests.a);
    guests.commit(guests.a, guests.b);
    guests.repair(guests.a, "page", guests.c);
    guests.truth.judge();
    violates(
        "Lost",
        () -> {
          guests.repair(guests.b, "page", guests.c);
          guests.truth.judge();
        });
  }

  @Test
  void whatWasCommittedMayBeOnlyInArchivesOnceSomethingTookItsPlaceWhereUsersAreLed() {
    ThreeGuests guests = new ThreeGuests();
    guests.write(guests.a, "page", "new", Content.Origin.USER);
    guests.repair(guests.b, "page", guests.a);
    guests.commit(guests.a, guests.b);
    guests.lead(guests.a);
    guests.write(guests.a, "page", "newest", Content.Origin.USER);
    guests.repair(guests.b, "page", guests.a);
    guests.truth.judge();
    guests.truth.nothingIsLost();
  }

  @Test
  void whatAUserReplacedMayGoByAPowerCutWhereItsCopyWasNotDurableYet() {
    Content page = disk.get("page").content;
    b.mounts.get("/srv/www").write("copy", page, 0644, 0, 0);
    disk.remove("page", 0);
    disk.sync();
    truth.takenAway(List.of(page));
    truth.judge();

    b.crash();

    assertThat(truth.disks.exists(page)).isFalse();
    truth.judge();
    truth.nothingIsLost();
  }

  @Test
  void whatAUserReplacedMayGoByAPowerCutElsewhereBeforeItsRemovalIsDurable() {
    Content page = disk.get("page").content;
    b.mounts.get("/srv/www").write("copy", page, 0644, 0, 0);
    disk.remove("page", 0);
    truth.takenAway(List.of(page));

    b.crash();

    assertThat(truth.disks.exists(page)).isFalse();
    truth.judge();
    truth.nothingIsLost();
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
