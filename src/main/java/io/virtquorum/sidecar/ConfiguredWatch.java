package io.virtquorum.sidecar;

import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.wire.v1.Configure;
import java.util.Set;

/** What a configuration wants to be watched in a guest. Pure. */
final class ConfiguredWatch {
  private ConfiguredWatch() {}

  /**
   * The settings of a member's watch.
   *
   * @param probes addresses whose connections are not users'
   * @throws IllegalArgumentException with a sentence, if the configuration cannot be worked with
   */
  static WatchSettings settings(String member, Configure configure, Set<String> probes) {
    return new WatchSettings(
        member,
        new FingerprintKey(configure.getFingerprintKey().toByteArray()),
        configure.getFilesList().stream()
            .map(
                file ->
                    new Tree(
                        file.getName(),
                        file.getPath(),
                        file.getExcludeList(),
                        file.getAfterRepairList(),
                        file.getQuiesceList(),
                        file.getQuiesceUnitsList()))
            .toList(),
        configure.getCommandsList().stream()
            .map(c -> new CommandFeature(c.getName(), c.getRunList(), c.getApplyList()))
            .toList(),
        configure.getGuestFactsList(),
        configure.getAccessPortsList(),
        probes,
        new ArchiveLimits(configure.getArchiveEntries(), configure.getArchiveBytes()),
        configure.getAuditBytesPerSecond() == 0
            ? WatchSettings.AUDIT_BYTES_PER_SECOND
            : configure.getAuditBytesPerSecond(),
        configure.getObserve());
  }
}
