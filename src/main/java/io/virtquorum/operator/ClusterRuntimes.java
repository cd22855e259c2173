package io.virtquorum.operator;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** The running adjudicators, one an HACluster. Safe on any thread; owns them and closes them. */
final class ClusterRuntimes implements AutoCloseable {
  /** Longer than a lease lives without its holder. */
  private static final Duration DEPOSED = Duration.ofSeconds(12);

  /** The longest that one that is deposed again and again keeps still. */
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final Map<String, ClusterRuntime> byName = new ConcurrentHashMap<>();
  private final Map<String, Integer> depositions = new ConcurrentHashMap<>();

  Optional<ClusterRuntime> find(String namespace, String cluster) {
    return Optional.ofNullable(byName.get(key(namespace, cluster)));
  }

  /**
   * The cluster's adjudicator, started now if there is none, or if the last one was deposed long
   * ago: whoever is still there after that holds the lease. Each time it must be longer ago,
   * because then another operator, with a lease of its own, leads the cluster too.
   */
  ClusterRuntime findOrStart(
      String namespace, String cluster, Instant now, Supplier<ClusterRuntime> start) {
    return byName.compute(
        key(namespace, cluster),
        (k, present) -> {
          if (present == null) {
            return start.get();
          }
          if (present.deposedAt().filter(t -> t.plus(patience(k)).isBefore(now)).isEmpty()) {
            return present;
          }
          depositions.merge(k, 1, Integer::sum);
          return start.get();
        });
  }

  /** True if a deposed adjudicator of the cluster is not to be replaced yet. */
  boolean keepsStill(String namespace, String cluster, Instant now) {
    return find(namespace, cluster)
        .flatMap(ClusterRuntime::deposedAt)
        .filter(t -> !t.plus(patience(key(namespace, cluster))).isBefore(now))
        .isPresent();
  }

  /** True if this process was deposed although it held its lease: another operator leads too. */
  boolean contested(String namespace, String cluster) {
    return depositions.containsKey(key(namespace, cluster));
  }

  private Duration patience(String key) {
    Duration longer = DEPOSED.multipliedBy(1L << Math.min(8, depositions.getOrDefault(key, 0)));
    return longer.compareTo(LONGEST) > 0 ? LONGEST : longer;
  }

  /** Ends a cluster's adjudicator. */
  void stop(String namespace, String cluster) {
    depositions.remove(key(namespace, cluster));
    ClusterRuntime runtime = byName.remove(key(namespace, cluster));
    if (runtime != null) {
      runtime.close();
    }
  }

  @Override
  public void close() {
    byName.values().forEach(ClusterRuntime::end);
    byName.values().forEach(ClusterRuntime::join);
    byName.clear();
  }

  private static String key(String namespace, String cluster) {
    return namespace + "/" + cluster;
  }
}
