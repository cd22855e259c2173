package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.ObjectReference;
import io.fabric8.kubernetes.api.model.ObjectReferenceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.virtquorum.access.AccessPath;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.KubeVirtClient;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What the reconciler is made of, each made once. */
record Parts(
    KubernetesClient client,
    KubeVirtClient kubevirt,
    Preparation preparation,
    AccessPath accessPath,
    RecordStore store,
    Promotion promotion,
    Claim claim,
    StatusFactory statuses,
    FingerprintKeys keys,
    ClusterRuntimes runtimes,
    String operator,
    Clock clock,
    Map<ResourceID, UserAccess> access,
    Map<ResourceID, Announcer> announcers) {

  static Parts of(
      KubernetesClient client,
      KubeVirtClient kubevirt,
      Preparation.Sidecars sidecars,
      AccessPath accessPath,
      FingerprintKeys keys,
      ClusterRuntimes runtimes,
      String namespace,
      String operator) {
    Clock clock = Clock.systemUTC();
    return new Parts(
        client,
        kubevirt,
        new Preparation(client, kubevirt, sidecars),
        accessPath,
        new RecordStore(client, clock),
        new Promotion(client),
        new Claim(client, namespace),
        new StatusFactory(clock),
        keys,
        runtimes,
        operator,
        clock,
        new ConcurrentHashMap<>(),
        new ConcurrentHashMap<>());
  }

  /** Who tells people about this cluster. */
  Announcer announcer(HACluster cluster) {
    return announcers.computeIfAbsent(
        ResourceID.fromResource(cluster),
        id -> new Announcer(client, reference(cluster), operator, clock, System::nanoTime));
  }

  /** Forgets a cluster that is gone. */
  void forget(HACluster cluster) {
    access.remove(ResourceID.fromResource(cluster));
    announcers.remove(ResourceID.fromResource(cluster));
  }

  /**
   * Starts the cluster's adjudicator from the record as it is now.
   *
   * @param floor its term is above this, and above the record's
   */
  ClusterRuntime start(HACluster cluster, UserAccess access, Runnable changed, long floor) {
    String namespace = cluster.getMetadata().getNamespace();
    String name = cluster.getMetadata().getName();
    HACluster fresh =
        client.resources(HACluster.class).inNamespace(namespace).withName(name).require();
    return new ClusterRuntime(
        namespace,
        name,
        Legacy.of(store.read(fresh), floor, Optional.ofNullable(fresh.getStatus())),
        keys.of(namespace, name),
        Surroundings.of(store, announcer(cluster), access, changed, clock));
  }

  private static ObjectReference reference(HACluster cluster) {
    return new ObjectReferenceBuilder()
        .withApiVersion(cluster.getApiVersion())
        .withKind(cluster.getKind())
        .withNamespace(cluster.getMetadata().getNamespace())
        .withName(cluster.getMetadata().getName())
        .withUid(cluster.getMetadata().getUid())
        .build();
  }
}
