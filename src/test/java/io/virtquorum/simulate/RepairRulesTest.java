package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The judge of copies that are given up for want of room. */
final class RepairRulesTest {
  private static final String COPY = ".virtquorum/archive/epoch-1/files/page";

  private final Truth truth =
      new Truth(new FingerprintKey(new byte[32]), Map.of("/srv/www", "site"), new Story(false));
  private final Volume disk = new Volume(1, 1 << 20, 0);
  private SimulatedGuest guest;

  @BeforeEach
  void start() {
    guest =
        new SimulatedGuest(
            "a",
            "10.0.0.1",
            new Timeline(new SplittableRandom(1)),
            new SyncNetwork(),
            truth,
            new SplittableRandom(2));
    guest.mounts.put("/srv/www", disk);
    truth.add(guest);
    guest.powerOn();
    write("page", "new");
    write(COPY, "old");
  }

  @Test
  void givenACopyOfWhatTheMemberChangedItselfThenItMayNotBeGivenUp() {
    truth.repairs.begins(guest);
    assertThatThrownBy(this::giveUp)
        .isInstanceOfSatisfying(
            Violation.class,
            violation ->
                org.assertj.core.api.Assertions.assertThat(violation.getMessage())
                    .contains("is given up, and is its own"));
  }

  @Test
  void givenACopyOfWhatIsElsewhereInTheTreeThenItMay() {
    write("moved", "old");
    truth.repairs.begins(guest);
    assertThatCode(this::giveUp).doesNotThrowAnyException();
  }

  @Test
  void givenACopyOfWhatTheMemberRememberedThenItMay() {
    Digest digest = truth.disks.platterDigest(disk.get(COPY));
    var held = new Remembered(new Position(1, 1), new Digest(1, 2, 3, 4));
    disk.write(
        ".virtquorum/memory", MemoryFile.of(guest.name, held, Map.of("page", digest)), 0600, 0, 0);
    disk.sync();
    truth.repairs.begins(guest);
    assertThatCode(this::giveUp).doesNotThrowAnyException();
  }

  private void giveUp() {
    truth.repairs.unkept(guest, "/srv/www", "page", disk.get(COPY));
  }

  private void write(String path, String text) {
    disk.makeDirectories(Volume.parent(path), 0755, 0);
    disk.write(path, Content.of(text, Content.Origin.USER), 0644, 0, 0);
    disk.sync();
  }
}
