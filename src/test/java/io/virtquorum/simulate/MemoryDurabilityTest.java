package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.program.ProgramGuest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a member says that it remembers outlives a power cut. Found by the simulation. */
final class MemoryDurabilityTest {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final List<String> TREES = List.of("/etc/app", "/srv/www");

  @Test
  void givenAPowerCutAtAnyStepOfRememberingThenBothTreesRememberTheOldStateOrTheNew() {
    List<Long> sequences = new ArrayList<>();
    for (int step = 0; step < 12; step++) {
      sequences.add(rememberedAfterACutAt(step));
    }
    assertThat(sequences).containsOnly(1L, 2L).contains(1L, 2L);
  }

  /** The sequence that is remembered after it; 0: none. */
  private static long rememberedAfterACutAt(int step) {
    Timeline timeline = new Timeline(new SplittableRandom(1));
    Truth truth =
        new Truth(
            new FingerprintKey(new byte[32]),
            Map.of(TREES.getFirst(), "app", TREES.getLast(), "site"),
            new Story(false));
    SimulatedGuest guest =
        new SimulatedGuest(
            "web-0",
            "172.31.77.11",
            timeline,
            new SyncNetwork(),
            truth,
            new SplittableRandom(step));
    for (String tree : TREES) {
      Volume disk = new Volume(10, 1 << 20, guest.fileTime());
      disk.write("page", Content.of("x", Content.Origin.USER), 0644, 0, 0);
      disk.sync();
      guest.mounts.put(tree, disk);
    }
    truth.add(guest);
    guest.powerOn();
    Pod pod = new Pod(guest);
    pod.arrived();
    Watch watch =
        new ProgramGuest(pod.port(), timeline.time(), new SplittableRandom(3)).watch(settings());
    run(timeline, () -> remember(watch, 1));
    guest.trap(
        step,
        () -> {
          guest.crash();
          guest.reboot();
        });
    run(timeline, () -> remember(watch, 2));
    guest.trap(0, () -> {});
    List<Remembered> found = new ArrayList<>();
    run(timeline, () -> watch.look(LIMIT).snapshot().memory().ifPresent(found::add));
    return found.stream().mapToLong(memory -> memory.position().sequence()).sum();
  }

  private static void remember(Watch watch, long sequence) throws GuestException, Trouble {
    watch.verify(new Position(1, sequence), watch.look(LIMIT).snapshot().matrix().root(), LIMIT);
  }

  private interface Asked {
    void run() throws GuestException, Trouble;
  }

  /** What is asked while the power is cut fails. */
  private static void run(Timeline timeline, Asked asked) {
    Timeline.Task task =
        timeline.spawn(
            () -> {
              try {
                asked.run();
              } catch (GuestException | Trouble e) {
                // the power was cut
              }
            });
    while (!task.isOver()) {
      timeline.step(timeline.now() + Timeline.SECOND);
    }
  }

  private static WatchSettings settings() {
    return new WatchSettings(
        "web-0",
        new FingerprintKey(new byte[32]),
        List.of(Tree.of("app", TREES.getFirst()), Tree.of("site", TREES.getLast())),
        List.of(),
        List.of(),
        List.of(),
        Set.of(),
        new ArchiveLimits(20, 1 << 20),
        50_000_000,
        false);
  }
}
