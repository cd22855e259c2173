package io.virtquorum.simulate;

import java.util.List;
import java.util.Locale;

/**
 * Something that happens to a cluster at a set time. Which member, how long and the like is drawn
 * from its own seed, so that leaving one out changes no other.
 *
 * @param at in nanoseconds of the simulation
 */
record Event(long at, Kind kind, long seed) {
  /** What happens; each can be switched off. */
  enum Kind {
    /** A user works on the member that the Service leads to. */
    USER(16),
    /** A user works on any member. */
    USER_ELSEWHERE(4),
    /** Software writes on any member. */
    JOB(3),
    /** Software writes the same on all members. */
    JOB_ALIKE(1),
    ROT(5),
    GUEST_CRASH(3),
    VM_CRASH(3),
    SIDECAR_CRASH(3),
    /** Power is cut in the midst of a repair. */
    CRASH_IN_REPAIR(4),
    /** The sidecar dies in the midst of a repair. */
    SIDECAR_DIES_IN_REPAIR(3),
    AGENT_DEAF(2),
    AGENT_LATE(2),
    PAUSE(2),
    /** Another operator acquires the lease; the old one goes some time later. */
    NEW_LEADER(3),
    OPERATOR_CRASH(2),
    STREAM_RESET(3),
    STREAM_CUT(3),
    STREAMS_SLOW(2),
    COMMANDS_TWICE(1),
    SYNC_CUT(3),
    SYNC_SLOW(2),
    API_LOST(3),
    API_LATE(2),
    API_TOUCHED(1),
    PROBES_LOST(1),
    CLOCK_JUMP(2),
    SLOW_DISK(2),
    FULL_DISK(2),
    FRESH_DISK(1),
    ROLLED_BACK(1),
    UNMOUNTED(1),
    /** The spec no longer names a member; its VM stays, or is deleted. */
    MEMBER_LEAVES(0),
    /** The spec names a VM again that it named before. */
    MEMBER_RETURNS(0),
    /** A new VM with empty disks becomes a member. */
    MEMBER_JOINS(0),
    /** A member gets another base weight. */
    WEIGHT_CHANGES(0),
    /** The HACluster's status is put back to an earlier copy, as by a restore of etcd. */
    RECORD_RESTORED(0),
    /** The HACluster is deleted and applied anew; the VMs stay. */
    CLUSTER_RECREATED(0),
    /** All disks of a member are back at an earlier copy, as by a restore of its VM. */
    DISK_RESTORED(0),
    /** All disks of all members are back at copies of one earlier moment. */
    ALL_DISKS_RESTORED(0),
    /** A member's disks are replaced by copies of another's. */
    DISK_CLONED(0),
    /** All VMs crash and come back, with boots that write, and the primary perhaps older. */
    TOTAL_OUTAGE(0),
    /** Software writes something else on each member but the primary, which is gone then. */
    DRIFT_EVERYWHERE(0),
    /** Software writes the same on all members but the primary, which went just before. */
    JOB_ALIKE_WITHOUT_PRIMARY(0),
    /** No operator leads for six minutes. */
    OPERATOR_AWAY(0),
    /** The wall clock of the operators jumps, an hour at most, either way. */
    OPERATOR_CLOCK_STEPS(0),
    /** A member is cut off from operator, probes and other members, with users on both sides. */
    ISLAND(0),
    /** Files of a member take longer to hash than a look may last. */
    SLOW_LOOKS(0),
    /** A process keeps a file open or mapped, and writes to it wherever a repair moved it. */
    OPEN_FILES(0),
    /** A file system of a member turns read-only for a while. */
    DISK_READ_ONLY(0),
    /** A disk of a member gives errors for a while. */
    DISK_FAILING(0),
    /** Nothing that touches a disk of a member goes on for a while. */
    DISK_HANGS(0),
    /** For some seconds a VM has a second sidecar, as in a live migration; then the first ends. */
    TWO_SIDECARS(0),
    /** A newer program takes the place of the one in a guest, which is silent meanwhile. */
    PROGRAM_EXCHANGED(0),
    /** The record is as before a failover, and the primary of then reports first. */
    RECORD_OF_FORMER_TENURE(0),
    /** A user writes on a member that nobody can repair, and its pod dies; others go on. */
    USER_AND_POD_GONE(0),
    /** Software adds the same file to all but the primary, and that one's VM is deleted. */
    ALIKE_AND_PRIMARY_GONE(0),
    /** Rows that only a member which is behind still has, and the primary's VM is deleted. */
    ROT_AND_PRIMARY_GONE(0),
    /** A primary dies with what nobody saw there, the spec changes, and it returns forgetful. */
    FORMER_PRIMARY_FORGETS(0);

    /** Changes of the spec's members: they happen only where a cluster's kind says so. */
    static final List<Kind> OF_MEMBERSHIP =
        List.of(
            MEMBER_LEAVES,
            MEMBER_LEAVES,
            MEMBER_RETURNS,
            MEMBER_RETURNS,
            MEMBER_JOINS,
            WEIGHT_CHANGES);

    /** How often it happens among all. */
    final int share;

    Kind(int share) {
      this.share = share;
    }

    /** As people read it. */
    String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }
}
