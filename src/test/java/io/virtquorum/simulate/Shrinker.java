package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.List;

/** Finds a short schedule that fails in the same way (delta debugging, Zeller 1999). */
final class Shrinker {
  private static final int MOST_RUNS = 300;
  private int runs;

  /**
   * @param failing its run ends in a failure of this kind
   */
  Schedule shrink(Schedule failing, String kind) {
    List<Event> events = failing.events();
    int parts = 2;
    while (events.size() >= 2 && runs < MOST_RUNS) {
      int size = Math.max(1, (events.size() + parts - 1) / parts);
      boolean smaller = false;
      for (int from = 0; from < events.size() && runs < MOST_RUNS; from += size) {
        List<Event> rest = new ArrayList<>(events);
        rest.subList(from, Math.min(events.size(), from + size)).clear();
        runs++;
        if (Run.of(failing.with(rest), false).kind().equals(kind)) {
          events = rest;
          parts = Math.max(parts - 1, 2);
          smaller = true;
          break;
        }
      }
      if (!smaller) {
        if (size == 1) {
          break;
        }
        parts = Math.min(events.size(), parts * 2);
      }
    }
    return failing.with(events);
  }
}
