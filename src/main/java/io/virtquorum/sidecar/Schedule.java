package io.virtquorum.sidecar;

import java.time.Duration;
import java.util.OptionalLong;

/** When a member looks next. Times are of {@link System#nanoTime}'s kind. For one thread. */
final class Schedule {
  /** The least pause after a look, however often the guest says that something changed. */
  private static final Duration BREATH = Duration.ofMillis(100);

  /** So long after an order that ended well the next one may come: no look delays it. */
  private static final Duration CALM = Duration.ofMillis(200);

  /** So long what a look calls for waits, so that it is in no order's way. */
  private static final Duration IDLE = Duration.ofSeconds(1);

  private long look;
  private long told;
  private long audit;
  private long calm;
  private OptionalLong followUp = OptionalLong.empty();

  /** Everything is due at a time. */
  Schedule(long nanoTime) {
    all(nanoTime);
    told = nanoTime;
    calm = nanoTime;
  }

  /**
   * An order ended well: another one may follow it, and what it did is known by its answer. The
   * next look is a moment later.
   */
  void obeyed(long nanoTime) {
    calm = nanoTime + CALM.toNanos();
    look = calm;
  }

  /** True once what a look calls for has waited for orders long enough. */
  boolean isFollowUpDue(long nanoTime) {
    return followUp.isPresent() && nanoTime - followUp.getAsLong() >= 0;
  }

  /** True if nothing that a look called for is left to do. */
  boolean isFollowedUp() {
    return followUp.isEmpty();
  }

  /** What a look called for could not be done. */
  void followUpIn(Duration pause, long nanoTime) {
    followUp = OptionalLong.of(nanoTime + pause.toNanos());
  }

  /** What a look called for is done. */
  void followedUp() {
    followUp = OptionalLong.empty();
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
    if (well && followUp.isEmpty()) {
      followUp = OptionalLong.of(nanoTime + IDLE.toNanos());
    }
  }

  boolean isAuditDue(long nanoTime) {
    return nanoTime - audit >= 0;
  }

  /**
   * @param changed the guest said that something did
   * @param asked somebody waits for a ballot
   */
  boolean isLookDue(boolean changed, boolean asked, long nanoTime) {
    return asked ? nanoTime - calm >= 0 : untilLook(changed, nanoTime) == 0;
  }

  /** Nanoseconds until anything is due. */
  long left(boolean changed, long nanoTime) {
    long left = untilLook(changed, nanoTime);
    return followUp.isEmpty() ? left : Math.max(0, Math.min(left, followUp.getAsLong() - nanoTime));
  }

  private long untilLook(boolean changed, long nanoTime) {
    long left = changed ? Math.min(look - nanoTime, told - nanoTime) : look - nanoTime;
    return Math.max(0, Math.max(left, calm - nanoTime));
  }
}
