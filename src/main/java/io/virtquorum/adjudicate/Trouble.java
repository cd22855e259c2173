package io.virtquorum.adjudicate;

/**
 * Why something cannot be done now.
 *
 * @param reason a stable CamelCase word for conditions and metrics
 * @param message a sentence for the person who must act
 */
public record Trouble(String reason, String message) {}
