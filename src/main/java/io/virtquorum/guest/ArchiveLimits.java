package io.virtquorum.guest;

/**
 * How much a member's archive keeps.
 *
 * @param entries older ones are removed first
 * @param bytes on disk
 */
public record ArchiveLimits(int entries, long bytes) {}
