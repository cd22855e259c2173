package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.guest.wire.v1.ArchiveLimits;
import io.virtquorum.guest.wire.v1.Configure;
import io.virtquorum.guest.wire.v1.Tree;
import java.util.List;

/** What a watch wants, as the program is told. Pure. */
final class Settings {
  private Settings() {}

  /**
   * The configuration of a watch: equal for equal settings, so that a new session goes on with what
   * the program has open.
   *
   * @throws IllegalArgumentException with a sentence, if the program could not work with it
   */
  static Configure configure(WatchSettings settings) {
    if (settings.trees().isEmpty()) {
      throw new IllegalArgumentException("There is no file tree to watch");
    }
    return Configure.newBuilder()
        .setKey(ByteString.copyFrom(settings.key().secret()))
        // A cluster's memories are told from another's by its key, which no other has.
        .setCluster(settings.key().fingerprint(List.of("the cluster of a memory")).hex())
        .setMember(settings.member())
        .addAllTrees(settings.trees().stream().map(Settings::tree).toList())
        .setArchive(
            ArchiveLimits.newBuilder()
                .setEntries(settings.archive().entries())
                .setBytes(settings.archive().bytes()))
        .setReadOnly(settings.readOnly())
        .addAllAccessPorts(settings.accessPorts())
        .addAllProbes(settings.probes().stream().sorted().toList())
        .build();
  }

  private static Tree tree(io.virtquorum.guest.Tree tree) {
    return Tree.newBuilder()
        .setName(tree.name())
        .setPath(ByteString.copyFrom(tree.path(), UTF_8))
        .addAllExclude(tree.excludes())
        .build();
  }
}
