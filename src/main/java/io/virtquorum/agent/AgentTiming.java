package io.virtquorum.agent;

import java.time.Duration;

/**
 * When the client of a guest agent asks, waits, and gives up.
 *
 * @param heartbeat longest time without an answer before a ping is sent; the link beats each 100 ms
 *     and carries the age of the newest answer, so this bounds that age while all is well
 * @param silentAfter age of the newest answer from which the guest counts as silent; also the
 *     longest wait for a ping, and the gap after which the boot id is compared
 * @param stall longest time without a byte while an answer is awaited; an emulated guest starts a
 *     program within 0.1 s, and one that is being backed up may take seconds
 * @param firstRetry first wait after a failed connect or resynchronization; doubles
 * @param lastRetry longest such wait
 */
public record AgentTiming(
    Duration heartbeat,
    Duration silentAfter,
    Duration stall,
    Duration firstRetry,
    Duration lastRetry) {

  /** What a sidecar uses. */
  public static AgentTiming standard() {
    return new AgentTiming(
        Duration.ofMillis(300),
        Duration.ofSeconds(1),
        Duration.ofSeconds(5),
        Duration.ofMillis(200),
        Duration.ofSeconds(2));
  }
}
