package io.virtquorum.program;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.ServeResult;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** A member whose guest is the real program with one tree; its sidecar is the test. */
final class ProgramMember implements AutoCloseable {
  static final Duration LIMIT = Duration.ofSeconds(20);

  final ScratchTree tree;
  final RealProgram program;
  final ProgramGuest guest;
  final Watch watch;

  ProgramMember(
      String name, ScratchTree tree, Path directory, WatchSettings settings, String... around)
      throws IOException, InterruptedException {
    this.tree = tree;
    this.program = new RealProgram(directory, around);
    this.guest = new ProgramGuest(program.socket, () -> 1, name, CarriedPrograms.none());
    this.watch = guest.watch(settings);
  }

  static WatchSettings settings(
      String member, ScratchTree tree, List<String> afterRepair, List<String> quiesce) {
    return new WatchSettings(
        member,
        new FingerprintKey(new byte[32]),
        List.of(new Tree("site", tree.path.toString(), List.of("*.tmp"), afterRepair, quiesce)),
        List.of(),
        List.of(),
        List.of(),
        Set.of(),
        new ArchiveLimits(20, 1 << 30),
        50_000_000,
        false);
  }

  static WatchSettings settings(
      String member, ScratchTree tree, List<CommandFeature> commands, Set<String> facts) {
    return new WatchSettings(
        member,
        new FingerprintKey(new byte[32]),
        List.of(Tree.of("site", tree.path.toString())),
        commands,
        List.copyOf(facts),
        List.of(),
        Set.of(),
        new ArchiveLimits(20, 1 << 30),
        50_000_000,
        false);
  }

  /** Serves what it holds to another. */
  Offer serve(String address, String joiner) throws GuestException, Trouble {
    Digest root = watch.look(LIMIT).snapshot().matrix().root();
    return ((ServeResult.Begun) watch.serve("order-1", root, address, joiner, LIMIT)).offer();
  }

  @Override
  public void close() throws IOException, InterruptedException {
    watch.close();
    guest.close();
    program.close();
    tree.close();
  }
}
