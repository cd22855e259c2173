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
import java.util.function.Function;

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

  /** Those who judge ask of one row as it is committed, and as it was confirmed to somebody. */
  private static final int MOST_REACHES = 4;

  /** What was last asked of each row, kept true: a row may change thousands of times. */
  private final Map<RowKey, Deque<Reach>> reaches = new HashMap<>();

  private record Step(RowKey key, Digest before, Digest after, long at) {}

  /** All that a row became after it was something, each with the time of the first step to it. */
  private static final class Reach {
    final Digest from;
    final Map<Digest, Long> times = new HashMap<>();

    Reach(Digest from) {
      this.from = from;
    }

    /** Breadth first, from what was reached just now. */
    void extend(Deque<Digest> next, Function<Digest, Set<Digest>> after) {
      while (!next.isEmpty()) {
        Digest digest = next.remove();
        long first = times.get(digest);
        for (Digest one : after.apply(digest)) {
          if (times.putIfAbsent(one, first) == null) {
            next.add(one);
          }
        }
      }
    }
  }

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
    Deque<Reach> asked = reaches.get(step.key());
    if (asked != null) {
      asked.removeIf(reach -> !isKeptTrue(reach, step));
    }
  }

  /** False if it has to begin anew. */
  private boolean isKeptTrue(Reach reach, Step step) {
    boolean known = reach.times.containsKey(step.after());
    if (step.before().equals(reach.from)) {
      if (known) {
        return false;
      }
      reach.times.put(step.after(), step.at());
    } else if (!known && reach.times.containsKey(step.before())) {
      reach.times.put(step.after(), reach.times.get(step.before()));
    } else {
      return true;
    }
    reach.extend(
        new ArrayDeque<>(List.of(step.after())), digest -> after(step.key(), digest).keySet());
    return true;
  }

  private Map<Digest, Long> after(RowKey key, Digest digest) {
    return steps.getOrDefault(key, Map.of()).getOrDefault(digest, Map.of());
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
    Long first = reach(key, then.orElse(NOTHING)).times.get(later.orElse(NOTHING));
    return first == null ? OptionalLong.empty() : OptionalLong.of(first);
  }

  private Reach reach(RowKey key, Digest from) {
    Deque<Reach> asked = reaches.computeIfAbsent(key, k -> new ArrayDeque<>());
    for (Reach reach : asked) {
      if (reach.from.equals(from)) {
        return reach;
      }
    }
    Reach reach = new Reach(from);
    reach.times.putAll(after(key, from));
    reach.extend(new ArrayDeque<>(reach.times.keySet()), digest -> after(key, digest).keySet());
    asked.addFirst(reach);
    if (asked.size() > MOST_REACHES) {
      asked.removeLast();
    }
    return reach;
  }

  /**
   * The same, of many ways the one that began last: a row may have gone the same way before. No
   * write that made it what it is later is younger than this.
   */
  OptionalLong sinceAtMost(RowKey key, Optional<Digest> then, Optional<Digest> later) {
    Digest to = later.orElse(NOTHING);
    return after(key, then.orElse(NOTHING)).entrySet().stream()
        .filter(step -> leads(key, step.getKey(), to))
        .mapToLong(Map.Entry::getValue)
        .max();
  }

  private boolean leads(RowKey key, Digest from, Digest to) {
    Set<Digest> reached = new HashSet<>(Set.of(from));
    Deque<Digest> next = new ArrayDeque<>(reached);
    while (!next.isEmpty() && !reached.contains(to)) {
      for (Digest after : after(key, next.remove()).keySet()) {
        if (reached.add(after)) {
          next.add(after);
        }
      }
    }
    return reached.contains(to);
  }
}
