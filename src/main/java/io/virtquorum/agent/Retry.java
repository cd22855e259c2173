package io.virtquorum.agent;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waits that double from {@code firstRetry} to {@code lastRetry}. For one thread. */
final class Retry {
  private final AgentTiming timing;
  private Duration next;

  Retry(AgentTiming timing) {
    this.timing = timing;
    this.next = timing.firstRetry();
  }

  static Duration longer(Duration wait, AgentTiming timing) {
    Duration twice = wait.multipliedBy(2);
    return twice.compareTo(timing.lastRetry()) > 0 ? timing.lastRetry() : twice;
  }

  void reset() {
    next = timing.firstRetry();
  }

  /** Waits, or less if {@code closing} opens. */
  void pause(CountDownLatch closing) {
    try {
      if (!closing.await(next.toNanos(), TimeUnit.NANOSECONDS)) {
        next = longer(next, timing);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
