package io.virtquorum.sidecar;

import java.time.Duration;

/** When a member looks next. Times are of {@link System#nanoTime}'s kind. For one thread. */
final class Schedule {
  /** The least pause after a look, however often the guest says that something changed. */
  private static final Duration BREATH = Duration.ofMillis(100);

  private long look;
  private long told;
  private long audit;

  /** Everything is due at a time. */
  Schedule(long nanoTime) {
    all(nanoTime);
    told = nanoTime;
  }

  /** Everything is due, an audit too. */
  void all(long nanoTime) {
    look = nanoTime;
    audit = nanoTime;
  }

  /** A look is due after a pause. */
  void lookIn(Duration pause, long nanoTime) {
    look = nanoTime + pause.toNanos();
  }

  /** An audit ended. */
  void audited(Duration interval, long nanoTime) {
    audit = nanoTime + interval.toNanos();
  }

  /**
   * A look ended.
   *
   * @param well else what the guest tells is no reason to look earlier
   */
  void looked(long began, Duration pause, boolean well, long nanoTime) {
    lookIn(pause, nanoTime);
    told = well ? nanoTime + Math.max(BREATH.toNanos(), nanoTime - began) : look;
  }

  boolean isAuditDue(long nanoTime) {
    return nanoTime - audit >= 0;
  }

  /**
   * @param changed the guest said that something did
   */
  boolean isLookDue(boolean changed, long nanoTime) {
    return left(changed, nanoTime) == 0;
  }

  /** Nanoseconds until a look is due. */
  long left(boolean changed, long nanoTime) {
    long left = look - nanoTime;
    return Math.max(0, changed ? Math.min(left, told - nanoTime) : left);
  }
}
