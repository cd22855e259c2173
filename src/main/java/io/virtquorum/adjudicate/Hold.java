package io.virtquorum.adjudicate;

/**
 * Something that VirtQuorum does not do, and why.
 *
 * @param reason a stable CamelCase word
 * @param message what is held back, and why, as a sentence
 * @param until what ends it, as a sentence
 */
public record Hold(String reason, String message, String until) {}
