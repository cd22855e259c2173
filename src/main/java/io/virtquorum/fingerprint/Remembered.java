package io.virtquorum.fingerprint;

/**
 * What a member's durable memory says in short: the newest root that it was verified to hold, and
 * its position.
 */
public record Remembered(Position position, Digest root) {}
