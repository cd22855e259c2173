package io.virtquorum.sync;

/**
 * What one repair replaced or deleted.
 *
 * @param name of the entry, the same in each tree
 * @param millis the guest's clock at the repair, since 1970; 0 if the manifest is lost
 * @param bytes on disk, all trees together
 * @param attributed it may hold what a user wrote: never removed automatically
 */
public record ArchiveEntry(String name, long millis, long bytes, boolean attributed) {}
