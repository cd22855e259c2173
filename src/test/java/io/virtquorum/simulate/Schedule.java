package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * What a seed decides before anything happens.
 *
 * @param shape what kind of cluster
 * @param differ the members do not begin equal
 * @param early things happen before the first epoch too
 * @param busy somebody writes all the time while it becomes calm
 */
record Schedule(
    long seed, Shape shape, boolean differ, boolean early, boolean busy, List<Event> events) {

  /** The time in which things happen; the rest of a run is calm. */
  static final long EVENTFUL = 200 * Timeline.SECOND;

  Schedule {
    events = List.copyOf(events);
  }

  /**
   * @param off what does not happen
   */
  static Schedule of(long seed, Set<Event.Kind> off) {
    SplittableRandom random = new SplittableRandom(seed ^ 0x9e3779b97f4a7c15L);
    int members = random.nextInt(5) > 0 ? 3 : 2 + random.nextInt(4);
    boolean twoTrees = random.nextInt(4) == 0;
    boolean differ = random.nextInt(6) == 0;
    boolean early = random.nextInt(5) == 0;
    boolean busy = random.nextInt(4) == 0;
    List<Event.Kind> kinds = new ArrayList<>();
    for (Event.Kind kind : Event.Kind.values()) {
      for (int i = 0; i < kind.share && !off.contains(kind); i++) {
        kinds.add(kind);
      }
    }
    List<Event> events = new ArrayList<>();
    int count = kinds.isEmpty() ? 0 : 6 + random.nextInt(45);
    for (int i = 0; i < count; i++) {
      events.add(
          new Event(
              random.nextLong(EVENTFUL),
              kinds.get(random.nextInt(kinds.size())),
              random.nextLong()));
    }
    events.sort(Comparator.comparingLong(Event::at).thenComparing(Event::seed));
    return new Schedule(seed, Shape.of(seed, members, twoTrees), differ, early, busy, events);
  }

  Schedule with(List<Event> others) {
    return new Schedule(seed, shape, differ, early, busy, others);
  }
}
