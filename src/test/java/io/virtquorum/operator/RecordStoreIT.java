package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.testing.ApiServer;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ApiServer.class)
@Timeout(90)
class RecordStoreIT {
  private static final Map<String, Integer> MEMBERS = Map.of("a", 1, "b", 1);

  private KubernetesClient client;
  private RecordStore store;

  @BeforeEach
  void aCluster(KubernetesClient own) {
    client = own;
    store = new RecordStore(client, Clock.systemUTC());
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName("web").build());
    cluster.setSpec(Scene.spec("a", "b"));
    client.resource(cluster).create();
  }

  @Test
  void givenTwoWritersThenExactlyOneWinsEachRoundAndTheOtherHearsOfIt() throws Exception {
    ClusterRecord before = ClusterRecord.none();
    for (long round = 1; round <= 10; round++) {
      ClusterRecord x = record(round, 1, "a");
      ClusterRecord y = record(round, 1, "b");
      List<RecordStore.Swap> ends = race(before, x, y);
      ClusterRecord stored = stored();
      assertThat(stored).isIn(x, y);
      boolean won = stored.equals(x);
      assertThat(ends.get(won ? 0 : 1)).isEqualTo(new RecordStore.Swap.Written());
      assertThat(ends.get(won ? 1 : 0)).isEqualTo(new RecordStore.Swap.Other(stored));
      before = stored;
    }
  }

  @Test
  void givenTwoThatClaimTheSameTermWithTheSameRecordThenOnlyOneHasIt() throws Exception {
    ClusterRecord before = ClusterRecord.none();
    for (long term = 1; term <= 10; term++) {
      ClusterRecord claim = record(term, 0, "a");
      List<RecordStore.Swap> ends = race(before, claim, claim);
      assertThat(ends.stream().filter(e -> e instanceof RecordStore.Swap.Written)).hasSize(1);
      before = stored();
    }
  }

  @Test
  void givenAnEarlierTryOfTheSameTermThatArrivedThenItCountsAsWritten() {
    ClusterRecord claimed = record(1, 0, "a");
    ClusterRecord next = record(1, 1, "a");
    assertThat(swap(ClusterRecord.none(), claimed)).isEqualTo(new RecordStore.Swap.Written());
    assertThat(swap(claimed, next)).isEqualTo(new RecordStore.Swap.Written());
    assertThat(swap(claimed, next)).isEqualTo(new RecordStore.Swap.Written());
  }

  @Test
  void givenAWriteThatArrivesAfterItWasGivenUpAndFencedThenItChangesNothing() {
    HACluster late = cluster();
    ClusterRecord unwanted = record(1, 0, "b");
    late.setStatus(
        HAClusterStatus.EMPTY.withRecord(
            RecordMapping.write(unwanted, Optional.empty(), Instant.now())));

    assertThat(store.fence(client.getNamespace(), "web")).contains(ClusterRecord.none());
    assertThatThrownBy(() -> client.resource(late).updateStatus())
        .isInstanceOfSatisfying(
            KubernetesClientException.class, e -> assertThat(e.getCode()).isEqualTo(409));

    assertThat(stored()).isEqualTo(ClusterRecord.none());
    assertThat(swap(ClusterRecord.none(), record(1, 1, "a")))
        .isEqualTo(new RecordStore.Swap.Written());
    assertThat(store.fence(client.getNamespace(), "web")).contains(record(1, 1, "a"));
    assertThat(cluster().getStatus().record().fence()).isEqualTo(2);
  }

  @Test
  void givenARecordThenTheRestOfTheStatusLeavesItAloneAndTheOtherWayRound() {
    store.update(client.getNamespace(), "web", s -> withInSync(s, "1/2"));
    swap(ClusterRecord.none(), record(1, 1, "a"));
    store.update(client.getNamespace(), "web", s -> withInSync(s, "2/2"));
    HAClusterStatus status = cluster().getStatus();
    assertThat(status.inSync()).isEqualTo("2/2");
    assertThat(store.read(cluster())).isEqualTo(record(1, 1, "a"));
  }

  @Test
  void givenAnotherWriterMeanwhileThenTheStatusIsWrittenOverTheNewerOne() {
    AtomicInteger tries = new AtomicInteger();
    store.update(
        client.getNamespace(),
        "web",
        s -> {
          if (tries.getAndIncrement() < 2) {
            swap(store.read(cluster()), record(tries.get(), 1, "a"));
          }
          return withInSync(s, "2/2");
        });
    assertThat(tries).hasValue(3);
    assertThat(cluster().getStatus().inSync()).isEqualTo("2/2");
    assertThat(store.read(cluster())).isEqualTo(record(2, 1, "a"));
  }

  @Test
  void givenAStatusThatSaysTheSameThenNothingIsWritten() {
    store.update(client.getNamespace(), "web", s -> withInSync(s, "1/2"));
    String version = cluster().getMetadata().getResourceVersion();
    store.update(client.getNamespace(), "web", s -> withInSync(s, "1/2"));
    assertThat(cluster().getMetadata().getResourceVersion()).isEqualTo(version);
  }

  @Test
  void givenNoClusterOrNoServerThenTheEndIsUnknownAndInTime() {
    client.resource(cluster()).delete();
    assertThat(swap(ClusterRecord.none(), record(1, 1, "a")))
        .isEqualTo(new RecordStore.Swap.Unknown("the HACluster is gone"));
    var config = client.getConfiguration();
    var nowhere =
        new io.fabric8.kubernetes.client.ConfigBuilder(config)
            .withMasterUrl("https://127.0.0.1:1/")
            .build();
    try (KubernetesClient dead = new KubernetesClientBuilder().withConfig(nowhere).build()) {
      long start = System.nanoTime();
      assertThat(
              new RecordStore(dead, Clock.systemUTC())
                  .swap("any", "web", ClusterRecord.none(), record(1, 1, "a")))
          .isInstanceOf(RecordStore.Swap.Unknown.class);
      assertThat(System.nanoTime() - start).isLessThan(30_000_000_000L);
      assertThat(new RecordStore(dead, Clock.systemUTC()).fence("any", "web")).isEmpty();
    }
  }

  private List<RecordStore.Swap> race(ClusterRecord before, ClusterRecord x, ClusterRecord y)
      throws Exception {
    CyclicBarrier start = new CyclicBarrier(2);
    List<RecordStore.Swap> ends = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<RecordStore.Swap>> tasks = new ArrayList<>();
      for (ClusterRecord next : List.of(x, y)) {
        Callable<RecordStore.Swap> task =
            () -> {
              start.await();
              return swap(before, next);
            };
        tasks.add(threads.submit(task));
      }
      for (Future<RecordStore.Swap> task : tasks) {
        ends.add(task.get());
      }
    }
    return ends;
  }

  private RecordStore.Swap swap(ClusterRecord expected, ClusterRecord next) {
    return store.swap(client.getNamespace(), "web", expected, next);
  }

  private ClusterRecord stored() {
    return store.read(cluster());
  }

  private HACluster cluster() {
    return client.resources(HACluster.class).withName("web").require();
  }

  private static ClusterRecord record(long term, long epoch, String primary) {
    return new ClusterRecord(
        term,
        1,
        Optional.of(primary),
        MEMBERS,
        epoch == 0
            ? Optional.empty()
            : Optional.of(new Committed(epoch, new Position(1, epoch), Story.C)));
  }

  private static HAClusterStatus withInSync(HAClusterStatus s, String inSync) {
    return new HAClusterStatus(
        s.observedGeneration(),
        s.conditions(),
        s.record(),
        inSync,
        s.exposureSince(),
        s.members(),
        s.tally(),
        s.lastRepair(),
        s.lastFailover());
  }
}
