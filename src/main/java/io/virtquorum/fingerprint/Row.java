package io.virtquorum.fingerprint;

/** One item of a member's state and the keyed hash of all that must be equal about it. */
public record Row(RowKey key, Digest digest) {}
