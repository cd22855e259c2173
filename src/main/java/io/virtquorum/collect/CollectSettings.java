package io.virtquorum.collect;

import java.time.Duration;

/**
 * How much a sidecar takes on, and where it works in the guest.
 *
 * @param maxEntries most entries of all trees together; a sidecar's heap bears about 1,000 a MiB
 * @param refreshEvery at least this long between two rewrites of the memory that only renew ctimes
 * @param fstab the guest's table of file systems
 * @param owner the member whose disks they are: a memory of another's came with a copy of its disk.
 *     Empty: anybody's
 */
public record CollectSettings(int maxEntries, Duration refreshEvery, String fstab, String owner) {
  /** Of disks that are anybody's. */
  public CollectSettings(int maxEntries, Duration refreshEvery, String fstab) {
    this(maxEntries, refreshEvery, fstab, "");
  }

  /** 20,000 entries, 30 s, {@code /etc/fstab}. */
  public static CollectSettings defaults() {
    return new CollectSettings(20_000, Duration.ofSeconds(30), "/etc/fstab");
  }

  /** The same for the disks of this member. */
  public CollectSettings of(String member) {
    return new CollectSettings(maxEntries, refreshEvery, fstab, member);
  }
}
