package io.virtquorum.scripts;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.collect.CollectSettings;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/** Watches for tests that are about other things than what is watched. */
public final class ScriptGuests {
  private ScriptGuests() {}

  /** A watch of one tree, {@code site} in the directory, by an agent on this machine. */
  public static Watch watch(GuestAgent agent, Path directory, LongSupplier nanoTime) {
    return new ScriptGuest(
            agent,
            directory.resolve("run").toString(),
            nanoTime,
            new SplittableRandom(1),
            CollectSettings.defaults())
        .watch(
            new WatchSettings(
                "web-0",
                new FingerprintKey("0123456789abcdef".getBytes(UTF_8)),
                List.of(Tree.of("site", directory.resolve("site").toString())),
                List.of(),
                List.of(),
                List.of(),
                Set.of(),
                new ArchiveLimits(20, 1 << 30),
                false));
  }
}
