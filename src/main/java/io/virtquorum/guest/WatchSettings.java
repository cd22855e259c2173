package io.virtquorum.guest;

import io.virtquorum.fingerprint.FingerprintKey;
import java.util.List;
import java.util.Set;

/**
 * What is to be watched in a guest, and how it may be treated. Immutable.
 *
 * @param member whose guest it is: what another member's disk remembers is not this one's
 * @param key of the fingerprints
 * @param trees in the order of the HACluster, at least one; names and paths differ
 * @param commands whose output is a feature
 * @param facts of {@code timezone}, {@code os} and {@code kernel}
 * @param accessPorts TCP ports, 1 to 65535, on which users reach the guest
 * @param probes literal addresses whose connections are not users'
 * @param archive how much the member's archive keeps
 * @param auditBytesPerSecond that are read from the disk at most, above 0
 * @param readOnly nothing in the guest is touched, not even what it remembers: mode Observe
 */
public record WatchSettings(
    String member,
    FingerprintKey key,
    List<Tree> trees,
    List<CommandFeature> commands,
    List<String> facts,
    List<Integer> accessPorts,
    Set<String> probes,
    ArchiveLimits archive,
    long auditBytesPerSecond,
    boolean readOnly) {
  /** What audits read a second where nobody says otherwise: users of the disk come first. */
  public static final long AUDIT_BYTES_PER_SECOND = 50_000_000;

  public WatchSettings {
    if (auditBytesPerSecond <= 0) {
      throw new IllegalArgumentException(
          "An audit that reads " + auditBytesPerSecond + " bytes a second never ends");
    }
    trees = List.copyOf(trees);
    commands = List.copyOf(commands);
    facts = List.copyOf(facts);
    accessPorts = List.copyOf(accessPorts);
    probes = Set.copyOf(probes);
  }
}
