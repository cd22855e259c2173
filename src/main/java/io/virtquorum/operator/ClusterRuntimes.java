package io.virtquorum.operator;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** The running adjudicators, one an HACluster. Safe on any thread; owns them and closes them. */
final class ClusterRuntimes implements AutoCloseable {
  private final Map<String, ClusterRuntime> byName = new ConcurrentHashMap<>();

  Optional<ClusterRuntime> find(String namespace, String cluster) {
    return Optional.ofNullable(byName.get(key(namespace, cluster)));
  }

  /** The cluster's adjudicator, started now if there is none. */
  ClusterRuntime findOrStart(String namespace, String cluster, Supplier<ClusterRuntime> start) {
    return byName.computeIfAbsent(key(namespace, cluster), k -> start.get());
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
    byName.values().forEach(ClusterRuntime::close);
    byName.clear();
  }

  private static String key(String namespace, String cluster) {
    return namespace + "/" + cluster;
  }
}
