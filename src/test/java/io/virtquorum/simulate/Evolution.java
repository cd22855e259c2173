package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Which rows took the place of which by other hands than VirtQuorum's: users', software's, a
 * disk's. What happens on a member counts if users are led to it, or as soon as they are; until
 * then it is forgotten with the next repair of that row. For one thread.
 */
final class Evolution {
  /** Stands for a row that is not there. */
  private static final Digest NOTHING = new Digest(0, 0, 0, 0);

  /** For each row and each digest that it had: what came next, and when it last did. */
  private final Map<RowKey, Map<Digest, Map<Digest, Long>>> steps = new HashMap<>();

  private final Map<String, List<Step>> waiting = new HashMap<>();

  private record Step(RowKey key, Digest before, Digest after, long at) {}

  /**
   * A member's rows changed.
   *
   * @param counts users are led to it
   */
  void happened(String member, boolean counts, List<Matrix.Difference> changes, long at) {
    for (Matrix.Difference change : changes) {
      Step step =
          new Step(
              change.key(), change.mine().orElse(NOTHING), change.theirs().orElse(NOTHING), at);
      if (counts) {
        add(step);
      } else {
        waiting.computeIfAbsent(member, m -> new ArrayList<>()).add(step);
      }
    }
  }

  private void add(Step step) {
    steps
        .computeIfAbsent(step.key(), k -> new HashMap<>())
        .computeIfAbsent(step.before(), d -> new HashMap<>())
        .merge(step.after(), step.at(), Math::max);
  }

  /** Users are led to this member: what happened there counts. */
  void counts(String member) {
    List<Step> now = waiting.remove(member);
    if (now != null) {
      now.forEach(this::add);
    }
  }

  /** True if something happened on this member that does not count yet. */
  boolean isWaiting(String member) {
    return waiting.containsKey(member);
  }

  /** A repair changed rows of a member: what had happened to them there is undone. */
  void repaired(String member, List<Matrix.Difference> changes) {
    List<Step> here = waiting.get(member);
    if (here != null) {
      Set<RowKey> rows = new HashSet<>();
      changes.forEach(change -> rows.add(change.key()));
      here.removeIf(step -> rows.contains(step.key()));
      if (here.isEmpty()) {
        waiting.remove(member);
      }
    }
  }

  /** True if something took the place of a row as it was then. */
  boolean isReplaced(RowKey key, Optional<Digest> then) {
    return steps.getOrDefault(key, Map.of()).containsKey(then.orElse(NOTHING));
  }

  /**
   * When a row began to become what it is later, in one step or many.
   *
   * @param then its digest at first; empty: it was not there
   * @param later its digest in the end
   * @return empty if it never did
   */
  OptionalLong since(RowKey key, Optional<Digest> then, Optional<Digest> later) {
    Map<Digest, Map<Digest, Long>> row = steps.getOrDefault(key, Map.of());
    Digest from = then.orElse(NOTHING);
    Digest to = later.orElse(NOTHING);
    // Breadth first, each with the time of the first step that led there.
    Map<Digest, Long> reached = new HashMap<>();
    Deque<Digest> next = new ArrayDeque<>();
    row.getOrDefault(from, Map.of())
        .forEach(
            (digest, at) -> {
              reached.put(digest, at);
              next.add(digest);
            });
    while (!next.isEmpty() && !reached.containsKey(to)) {
      Digest digest = next.remove();
      long first = reached.get(digest);
      row.getOrDefault(digest, Map.of())
          .forEach(
              (after, at) -> {
                if (reached.putIfAbsent(after, first) == null) {
                  next.add(after);
                }
              });
    }
    return reached.containsKey(to) ? OptionalLong.of(reached.get(to)) : OptionalLong.empty();
  }
}
