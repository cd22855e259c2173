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

  /** The time in which things begin to happen, the rest of a run is calm. */
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
    Shape shape = Shape.of(seed, members, twoTrees);
    if (shape.kind() == Shape.Kind.CHANGING) {
      events.addAll(membership(seed, off));
    }
    List<Theme> themes = Theme.in(seed);
    for (int i = 0; i < themes.size(); i++) {
      events.addAll(themes.get(i).events(seed ^ ((long) i << 60), off));
    }
    Scenes.in(seed).filter(scene -> !off.contains(scene.kind())).ifPresent(events::add);
    events.sort(Comparator.comparingLong(Event::at).thenComparing(Event::seed));
    return new Schedule(seed, shape, differ, early, busy, events);
  }

  /** Somebody does what holds ask for; by chance of its own, in one run of four. */
  boolean attended() {
    return new SplittableRandom(seed ^ 0x3c6ef372fe94f82bL).nextInt(4) == 0;
  }

  /** In the end, when all is well, a user writes; by chance of its own, in one run of eight. */
  boolean quiet() {
    return new SplittableRandom(seed ^ 0xa54ff53a5f1d36f1L).nextInt(8) == 0;
  }

  private static List<Event> membership(long seed, Set<Event.Kind> off) {
    SplittableRandom random = new SplittableRandom(seed ^ 0x6a09e667f3bcc909L);
    List<Event> events = new ArrayList<>();
    int count = 1 + random.nextInt(6);
    for (int i = 0; i < count; i++) {
      List<Event.Kind> kinds = Event.Kind.OF_MEMBERSHIP;
      Event.Kind kind = kinds.get(random.nextInt(kinds.size()));
      Event event = new Event(random.nextLong(EVENTFUL), kind, random.nextLong());
      if (!off.contains(kind)) {
        events.add(event);
      }
    }
    return events;
  }

  /** For so long things happen; longer where one of them lasts beyond that. */
  long eventful() {
    return events.stream()
        .mapToLong(event -> event.at() + Calamities.lasts(event.kind()))
        .reduce(EVENTFUL, Math::max);
  }

  Schedule with(List<Event> others) {
    return new Schedule(seed, shape, differ, early, busy, others);
  }
}
