package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a method costs: counted over the same seeds for each. A change is lost if whom users are led
 * to does not have it when a run ends, although no user, and no software there, replaced or removed
 * it and no disk took its last copy; most of what is lost is in an archive still.
 */
final class Losses {
  private static final String COMMITTED = "committed changes lost";
  private static final String WRITTEN = "user writes lost";
  private static final String GONE = ", of them in no archive";
  private static final String WRONG_WAY = "wrong-way repairs (rows)";
  private static final String RESTLESS = "runs that did not come to rest";

  private Losses() {}

  /** Adds what a run lost to what was counted while it ran. */
  static void count(World world, Optional<Throwable> failure, Map<String, Long> broken) {
    Set<Content> live = new HashSet<>();
    for (Volume volume : world.served(0).guest.mounts.values()) {
      volume
          .all()
          .forEach(
              (path, node) -> {
                if (!Volume.isOwn(path)) {
                  live.add(node.content);
                  live.add(node.written);
                }
              });
    }
    for (Content content : world.truth.answeredFor()) {
      if (!content.superseded && !content.released && !live.contains(content)) {
        boolean gone = !world.truth.disks.exists(content);
        if (content.committed) {
          add(broken, COMMITTED, gone);
        }
        if (content.origin == Content.Origin.USER) {
          add(broken, WRITTEN, gone);
        }
      }
    }
    long wrong =
        broken.getOrDefault("RotSpread", 0L) + broken.getOrDefault("PrimaryOverwritten", 0L);
    broken.merge(WRONG_WAY, wrong, Long::sum);
    failure.ifPresent(
        f ->
            broken.merge(
                f instanceof Violation v && v.invariant.equals("NoRest")
                    ? RESTLESS
                    : "runs that failed otherwise",
                1L,
                Long::sum));
  }

  private static void add(Map<String, Long> broken, String what, boolean gone) {
    broken.merge(what, 1L, Long::sum);
    broken.merge(what + GONE, gone ? 1L : 0L, Long::sum);
  }

  /** Runs the same seeds with each method; what each cost, side by side. */
  static String compare(long first, long seeds, Set<Event.Kind> off) throws InterruptedException {
    List<Map<String, Long>> columns = new ArrayList<>();
    for (Method method : Method.values()) {
      Simulation simulation = new Simulation(off, method, true);
      simulation.run(first, seeds, 0);
      columns.add(simulation.broken());
    }
    StringBuilder out = new StringBuilder();
    out.append("%d seeds, each with both methods%32s%12s%n".formatted(seeds, "ours", "original"));
    for (String what :
        List.of(COMMITTED, COMMITTED + GONE, WRITTEN, WRITTEN + GONE, WRONG_WAY, RESTLESS)) {
      out.append("  %-58s".formatted(what));
      columns.forEach(column -> out.append("%8d    ".formatted(column.getOrDefault(what, 0L))));
      out.append("\n");
    }
    return out.toString();
  }
}
