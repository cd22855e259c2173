package io.virtquorum.operator;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Remembers which instances were asked to restart. KubeVirt ends an instance some moments after it
 * was asked to; until then it still looks as if it needed a restart, and a second request would end
 * the new one. Safe on any thread.
 */
final class Restarts {
  /** A request that had no effect for this long is made again. */
  private static final Duration LOST = Duration.ofMinutes(5);

  private static final int REMEMBERED = 10_000;

  private final Clock clock;
  private final Map<String, Instant> asked =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Instant> eldest) {
          return size() > REMEMBERED;
        }
      };

  Restarts(Clock clock) {
    this.clock = clock;
  }

  /** True if this instance (by its uid) is to be asked now; it counts as asked from then on. */
  synchronized boolean first(String uid) {
    Instant now = clock.instant();
    Instant before = asked.get(uid);
    if (before != null && before.plus(LOST).isAfter(now)) {
      return false;
    }
    asked.put(uid, now);
    return true;
  }

  /** The request was refused: it may be made again at once. */
  synchronized void refused(String uid) {
    asked.remove(uid);
  }
}
