package io.virtquorum.operator;

import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.CommandFeature;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.StateSpec;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.GuestUpdate;
import io.virtquorum.wire.v1.Peer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the reconciler derived from the spec and the cluster, for one adjudicator. Two equal
 * settings ask for the same.
 *
 * @param config for the reducer
 * @param members what is known of each member's VM, by name
 * @param state the features
 * @param accessPorts TCP ports in the guests
 * @param beat between two signs of life
 * @param quick between two quick passes
 * @param audit for one full audit
 * @param archiveEntries kept a member
 * @param archiveBytes kept a member
 * @param auditBytesPerSecond read from a member's disk at most
 * @param guestUpdate when a newer sidecar updates the program in its guest
 * @param auditRequest changes when a person asks for a full audit now; empty: nobody did
 */
record ClusterSettings(
    Config config,
    Map<String, Vm> members,
    StateSpec state,
    List<Integer> accessPorts,
    Duration beat,
    Duration quick,
    Duration audit,
    int archiveEntries,
    long archiveBytes,
    long auditBytesPerSecond,
    GuestProgram.Update guestUpdate,
    String auditRequest) {

  /** Annotation of an HACluster: a new value makes every member audit at once. */
  static final String AUDIT = "virtquorum.io/audit";

  /**
   * Annotation of an HACluster: the member that is to be the primary, with what it holds. Taken
   * away once that is recorded.
   */
  static final String PROMOTE = "virtquorum.io/promote";

  ClusterSettings {
    members = Map.copyOf(members);
    accessPorts = List.copyOf(accessPorts);
  }

  /**
   * A member's VM as Kubernetes sees it.
   *
   * @param uid of the VirtualMachineInstance; empty: there is none
   * @param running its phase is Running
   * @param node where it runs
   * @param podAddress where users reach its guest; empty: nowhere
   * @param syncMac of its sync NIC
   * @param syncAddress on the sync network, with prefix length
   */
  record Vm(
      Optional<String> uid,
      boolean running,
      Optional<String> node,
      Optional<String> podAddress,
      String syncMac,
      String syncAddress) {

    /** The sync address alone. */
    String syncHost() {
      return syncAddress.substring(0, syncAddress.indexOf('/'));
    }
  }

  /** What a member's sidecar is told. */
  Configure configure(String member, long term, byte[] fingerprintKey) {
    Configure.Builder message =
        Configure.newBuilder()
            .setTerm(term)
            .setFingerprintKey(com.google.protobuf.ByteString.copyFrom(fingerprintKey))
            .setBeatMillis((int) beat.toMillis())
            .setQuickMillis(millis(quick))
            .setAuditMillis(millis(audit))
            .addAllAccessPorts(accessPorts)
            .setArchiveEntries(archiveEntries)
            .setArchiveBytes(archiveBytes)
            .setAuditBytesPerSecond(auditBytesPerSecond)
            .setObserve(config.observe())
            .setGuestUpdate(
                switch (guestUpdate) {
                  case AUTO -> GuestUpdate.GUEST_UPDATE_AUTO;
                  case ALWAYS -> GuestUpdate.GUEST_UPDATE_ALWAYS;
                  case NEVER -> GuestUpdate.GUEST_UPDATE_NEVER;
                });
    Vm vm = members.get(member);
    if (vm != null) {
      message.setSyncMac(vm.syncMac()).setSyncAddress(vm.syncAddress());
    }
    new TreeMap<>(members)
        .forEach(
            (name, other) -> {
              if (!name.equals(member)) {
                message.addPeers(Peer.newBuilder().setMember(name).setAddress(other.syncHost()));
              }
            });
    for (CommandFeature feature : state.commands()) {
      message.addCommands(
          io.virtquorum.wire.v1.CommandFeature.newBuilder()
              .setName(feature.name())
              .addAllRun(feature.run())
              .addAllApply(feature.apply()));
    }
    state.guest().forEach(fact -> message.addGuestFacts(fact.name().toLowerCase(Locale.ROOT)));
    for (FileTree tree : state.files()) {
      message.addFiles(
          FileFeature.newBuilder()
              .setName(tree.name())
              .setPath(tree.path())
              .addAllExclude(tree.exclude())
              .addAllAfterRepair(tree.afterRepair())
              .addAllQuiesce(tree.quiesce())
              .addAllQuiesceUnits(tree.quiesceUnits()));
    }
    return message.build();
  }

  /** Longer than the CRD allows may be what was stored before it had that rule. */
  private static int millis(Duration interval) {
    return (int) Math.min(interval.toMillis(), Integer.MAX_VALUE);
  }
}
