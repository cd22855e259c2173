package io.virtquorum.guest;

/**
 * What one look saw. Immutable.
 *
 * @param snapshot of the file trees
 * @param before who used the guest right before the trees were looked at
 * @param after the same right after
 */
public record Look(Snapshot snapshot, Evidence before, Evidence after) {}
