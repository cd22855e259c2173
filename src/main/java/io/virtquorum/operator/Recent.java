package io.virtquorum.operator;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** Remembers what was done within a while, so that it is not done again too soon. Thread-safe. */
final class Recent {
  private final Duration within;
  private final LongSupplier nanoTime;
  private final Map<String, Long> done;

  /**
   * @param most that is remembered; the oldest is forgotten first
   * @param nanoTime as {@link System#nanoTime}
   */
  Recent(Duration within, int most, LongSupplier nanoTime) {
    this.within = within;
    this.nanoTime = nanoTime;
    this.done =
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > most;
          }
        };
  }

  /** True if it was not done within the while; it counts as done from now on. */
  synchronized boolean first(String what) {
    long now = nanoTime.getAsLong();
    Long before = done.get(what);
    if (before != null && now - before < within.toNanos()) {
      return false;
    }
    done.put(what, now);
    return true;
  }

  /** It may be done again at once. */
  synchronized void forget(String what) {
    done.remove(what);
  }
}
