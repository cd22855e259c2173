package io.virtquorum.operator;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Remembers which instances were asked to restart. KubeVirt ends an instance some moments after it
 * was asked to; until then it still looks as if it needed a restart, and a second request would end
 * the new one. Safe on any thread.
 */
final class Restarts {
  /** A request that had no effect for this long is made again. */
  private static final Duration LOST = Duration.ofMinutes(5);

  private static final int REMEMBERED = 10_000;

  private final Recent asked;

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  Restarts(LongSupplier nanoTime) {
    this.asked = new Recent(LOST, REMEMBERED, nanoTime);
  }

  /** True if this instance (by its uid) is to be asked now; it counts as asked from then on. */
  boolean first(String uid) {
    return asked.first(uid);
  }

  /** The request was refused: it may be made again at once. */
  void refused(String uid) {
    asked.forget(uid);
  }
}
