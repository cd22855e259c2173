package io.virtquorum.e2e;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.awaitility.core.ConditionFactory;

/** How the tests wait: for a condition, with a deadline, and never for time to pass. */
final class Wait {
  private Wait() {}

  /**
   * Polls until the deadline. An API server or a guest that cannot be asked at a moment is asked
   * again: both restart in these tests.
   */
  static ConditionFactory until(String what, Duration deadline) {
    return await(what)
        .atMost(deadline)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(500))
        .ignoreExceptions();
  }
}
