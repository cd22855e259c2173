package io.virtquorum.port;

import java.time.Duration;

/**
 * How long a link to the guest program waits for what.
 *
 * @param hello between two Hellos, until there is an answer
 * @param ping between two signs of life of this side, and of the other
 * @param silent nothing was heard for so long: the guest does not answer
 * @param over nothing was heard for so long: the connection ends
 * @param patience of a write that nobody reads, and of what must be said to end something
 * @param pause before the first try to connect again; each is twice as long as the one before
 * @param longestPause between two of them
 * @param lease after which the program ends a session of which it hears nothing
 */
public record LinkTiming(
    Duration hello,
    Duration ping,
    Duration silent,
    Duration over,
    Duration patience,
    Duration pause,
    Duration longestPause,
    Duration lease) {
  /** Those of a sidecar. */
  public static LinkTiming usual() {
    return new LinkTiming(
        Duration.ofSeconds(1),
        Duration.ofSeconds(3),
        Duration.ofSeconds(8),
        Duration.ofSeconds(30),
        Duration.ofSeconds(5),
        Duration.ofMillis(50),
        Duration.ofSeconds(3),
        Duration.ofSeconds(20));
  }
}
