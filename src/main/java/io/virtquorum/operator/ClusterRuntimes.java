package io.virtquorum.operator;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongFunction;

/** The running adjudicators, one an HACluster. Safe on any thread; owns them and closes them. */
final class ClusterRuntimes implements AutoCloseable {
  /** Longer than a lease lives without its holder. */
  static final Duration DEPOSED = Duration.ofSeconds(12);

  private final Map<String, ClusterRuntime> byName = new ConcurrentHashMap<>();

  Optional<ClusterRuntime> find(String namespace, String cluster) {
    return Optional.ofNullable(byName.get(key(namespace, cluster)));
  }

  /**
   * The cluster's adjudicator, started now if there is none, or if the last one was deposed long
   * ago: whoever is still there after that holds the lease.
   *
   * @param start makes one whose term is above what it is given, which the last one heard
   */
  ClusterRuntime findOrStart(String namespace, String cluster, LongFunction<ClusterRuntime> start) {
    return byName.compute(
        key(namespace, cluster),
        (k, present) -> {
          if (present == null) {
            return start.apply(0);
          }
          return present.deposedFor().filter(time -> time.compareTo(DEPOSED) > 0).isPresent()
              ? start.apply(present.highestTerm())
              : present;
        });
  }

  /** Ends a cluster's adjudicator. */
  void stop(String namespace, String cluster) {
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
