package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.ClusterRecord;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/** The HACluster of the tests, as a user reads and changes it. */
final class Web {
  /** Its name. */
  static final String NAME = "web";

  private final KubernetesClient client;
  private final String namespace;

  Web(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  /** The object, for what has no method here. */
  Resource<HACluster> resource() {
    return client.resources(HACluster.class).inNamespace(namespace).withName(NAME);
  }

  /** Its present status; empty if there is no such object. */
  HAClusterStatus status() {
    return Optional.ofNullable(resource().get())
        .map(HACluster::getStatus)
        .orElse(HAClusterStatus.EMPTY);
  }

  /** Committed epoch, 0 before the first. */
  long epoch() {
    return status()
        .recorded()
        .flatMap(ClusterRecord::commitment)
        .map(ClusterRecord.Committed::epoch)
        .orElse(0L);
  }

  /** Term of the operator that leads. */
  long term() {
    return status().recorded().map(ClusterRecord::term).orElse(0L);
  }

  /** Name of the primary. */
  String primary() {
    return status()
        .recorded()
        .flatMap(ClusterRecord::primaryMember)
        .orElseThrow(() -> new IllegalStateException("There is no primary"));
  }

  /** Waits until all members hold the same committed state, of this epoch or a newer one. */
  void awaitInSync(long epoch, Duration deadline) {
    Wait.until("all members in sync at epoch " + epoch, deadline)
        .untilAsserted(
            () -> {
              HAClusterStatus status = status();
              assertThat(summary(status)).startsWith("3/3 Ready=True");
              assertThat(status.exposureSince()).as("exposure of %s", summary(status)).isNull();
              assertThat(epoch()).as("epoch of %s", summary(status)).isGreaterThanOrEqualTo(epoch);
            });
  }

  /** Waits until a repair of this member is reported that was not reported before. */
  void awaitRepair(HAClusterStatus before, Member member, Duration deadline) {
    Wait.until("a repair of " + member, deadline)
        .untilAsserted(
            () -> {
              HAClusterStatus now = status();
              assertThat(now.lastRepair()).as(summary(now)).isNotNull();
              assertThat(Objects.equals(now.lastRepair(), before.lastRepair()))
                  .as("still the repair of before: %s", now.lastRepair())
                  .isFalse();
              assertThat(now.lastRepair().member()).isEqualTo(member.name());
            });
  }

  /** Asks every member to read all bytes from its disk now. */
  void requestAudit() {
    resource()
        .patch(
            PatchContext.of(PatchType.JSON_MERGE),
            "{\"metadata\":{\"annotations\":{\"virtquorum.io/audit\":\"%d\"}}}"
                .formatted(System.nanoTime()));
  }

  /** Changes features of {@code spec.state}; null takes one away. */
  void patchState(String json) {
    resource()
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"state\":%s}}".formatted(json));
  }

  /** The Service that leads users to the primary. */
  Service service() {
    return client.services().inNamespace(namespace).withName(NAME).require();
  }

  /** What matters of a status, in one line. */
  static String summary(HAClusterStatus status) {
    String conditions =
        String.join(
            "; ",
            status.conditions().stream()
                .map(
                    c ->
                        "%s=%s %s: %s"
                            .formatted(c.getType(), c.getStatus(), c.getReason(), c.getMessage()))
                .toList());
    String ready = status.condition("Ready").map(Condition::getStatus).orElse("Unknown");
    return "%s Ready=%s [%s] last failover %s"
        .formatted(status.inSync(), ready, conditions, status.lastFailover());
  }
}
