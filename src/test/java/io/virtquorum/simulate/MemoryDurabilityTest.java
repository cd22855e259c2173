package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a member says that it remembers outlives a power cut. Found by the simulation. */
final class MemoryDurabilityTest {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private final Timeline timeline = new Timeline(new SplittableRandom(1));
  private final SimulatedGuest guest =
      new SimulatedGuest(
          "web-0",
          "172.31.77.11",
          timeline,
          new SyncNetwork(),
          new Truth(new FingerprintKey(new byte[32]), Map.of("/srv/www", "site"), new Story(false)),
          new SplittableRandom(2));
  private final List<Remembered> remembered = new ArrayList<>();

  @Test
  void givenASidecarThatDiedWhileItRemembersWhenTheNextSaysItRemembersThenAPowerCutTakesNothing() {
    Volume disk = new Volume(10, 1 << 20, guest.fileTime());
    disk.write("page", Content.of("x", Content.Origin.USER), 0644, 0, 0);
    disk.sync();
    guest.mounts.put("/srv/www", disk);
    guest.truth.add(guest);
    guest.powerOn();
    Timeline.Task first =
        timeline.spawn(
            () -> {
              try {
                FileTrees trees = trees();
                Snapshot snapshot = trees.quick(LIMIT);
                trees.remember(new Position(1, 1), snapshot, LIMIT);
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    while (!disk.exists(".virtquorum/memory.new")) {
      timeline.step(timeline.now() + Timeline.SECOND);
    }
    first.kill();
    Timeline.Task next =
        timeline.spawn(
            () -> {
              try {
                remembered.add(trees().memory(LIMIT).orElseThrow());
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    while (!next.isOver()) {
      timeline.step(timeline.now() + Timeline.SECOND);
    }
    assertThat(guest.truth.disks.memories(guest)).hasSize(1).containsAll(remembered);
  }

  private FileTrees trees() {
    return new FileTrees(
        new Shell(guest, "/run/virtquorum", timeline::now, new SplittableRandom(3)),
        new FingerprintKey(new byte[32]),
        List.of(Tree.of("site", "/srv/www")),
        CollectSettings.defaults());
  }
}
