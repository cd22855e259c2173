package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge of what members and leaders said finds the faults that it is there for. */
final class PromisesTest {
  private static final List<String> TREES = List.of("/etc/app", "/srv/www");
  private static final String MEMORY = ".virtquorum/memory";

  private final Timeline timeline = new Timeline(new SplittableRandom(1));
  private final Truth truth =
      new Truth(
          new FingerprintKey(new byte[32]),
          Map.of("/etc/app", "app", "/srv/www", "site"),
          new Story(false));
  private final SimulatedGuest guest =
      new SimulatedGuest(
          "a", "10.0.0.1", timeline, new SyncNetwork(), truth, new SplittableRandom(2));
  private final List<String> broken = new ArrayList<>();
  private final Promises promises =
      new Promises(truth.disks, (invariant, message) -> broken.add(invariant));

  @BeforeEach
  void start() {
    for (String tree : TREES) {
      Volume volume = new Volume(1, 1 << 20, 0);
      volume.makeDirectories(".virtquorum", 0700, 0);
      guest.mounts.put(tree, volume);
    }
    truth.add(guest);
  }

  private Volume disk(int tree) {
    return guest.mounts.get(TREES.get(tree));
  }

  private void write(int tree, String file, long sequence) {
    var remembered = new Remembered(new Position(1, sequence), new Digest(sequence, 0, 0, 0));
    disk(tree).write(file, MemoryFile.of(guest.name, remembered, Map.of()), 0600, 0, 0);
  }

  private void everywhere(String file, long sequence) {
    for (int i = 0; i < TREES.size(); i++) {
      write(i, file, sequence);
      disk(i).sync();
    }
    promises.remembers(guest);
  }

  @Test
  void givenAMemoryThatIsDurableOnAllDisksBeforeAnyIsInForceThenNothingIsBroken() {
    everywhere(MEMORY, 1);
    everywhere(MEMORY + ".new", 2);
    for (int i = 0; i < TREES.size(); i++) {
      disk(i).move(MEMORY + ".new", MEMORY, 0);
      disk(i).sync();
      promises.remembers(guest);
    }
    assertThat(broken).isEmpty();
  }

  @Test
  void givenAMemoryInForceOnOneDiskWhileTheOthersIsNotSyncedThenItIsFound() {
    everywhere(MEMORY, 1);
    write(0, MEMORY, 2);
    disk(0).sync();
    write(1, MEMORY + ".new", 2);
    promises.remembers(guest);
    assertThat(broken).containsExactly("Forgets");
  }

  @Test
  void givenAFreshDiskThenNobodyIsBlamedForWhatItDoesNotRemember() {
    everywhere(MEMORY, 1);
    guest.mounts.put(TREES.getFirst(), new Volume(1, 1 << 20, 0));
    promises.diskGone(guest);
    promises.remembers(guest);
    assertThat(broken).isEmpty();
  }

  @Test
  void givenAMemoryThatWasBeingWrittenWhenADiskWasUnmountedThenNobodyIsBlamed() {
    everywhere(MEMORY, 1);
    guest.mounted(TREES.getFirst(), false);
    promises.diskGone(guest);
    write(1, MEMORY, 2);
    disk(1).sync();
    promises.remembers(guest);
    guest.mounted(TREES.getFirst(), true);
    promises.remembers(guest);
    assertThat(broken).isEmpty();
    everywhere(MEMORY, 3);
    write(1, MEMORY, 4);
    disk(1).sync();
    promises.remembers(guest);
    assertThat(broken).containsExactly("Forgets");
  }

  @Test
  void givenARepairThatWasAskedForBeforeTheNewestBallotThenWhatItChangesIsFound() {
    timeline.step(Timeline.SECOND);
    promises.voted(guest);
    promises.changes(guest, "page", Timeline.SECOND);
    assertThat(broken).isEmpty();
    promises.changes(guest, "page", Timeline.SECOND - 1);
    assertThat(broken).containsExactly("VotedDuringRepair");
  }

  @Test
  void givenALeaderThatDecidesAnewThenAWriteThatItGaveUpIsFound() {
    promises.recordedLate(false);
    assertThat(broken).isEmpty();
    promises.recordedLate(true);
    assertThat(broken).containsExactly("RecordedLate");
  }
}
