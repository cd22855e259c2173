package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.access.AccessPath;
import io.virtquorum.access.Lead;
import io.virtquorum.api.HACluster;
import io.virtquorum.testing.ApiServer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where users are led, and whether somebody else changed that. */
@ExtendWith(ApiServer.class)
class UserAccessIT {
  private static final Optional<Lead> THERE =
      Optional.of(new Lead("10.244.1.23", Optional.of("node-1")));

  @Test
  void givenUsersLedToAMemberOrNowhereThenAnythingElseIsSomebodyElsesDoing(
      KubernetesClient client) {
    UserAccess access = access(client);
    assertThat(access.isLedElsewhere(List.of("10.9.9.9"))).as("never led").isFalse();

    assertThat(access.lead(THERE)).isTrue();
    assertThat(led(client)).containsExactly("10.244.1.23");
    assertThat(access.isLedElsewhere(led(client))).isFalse();
    assertThat(access.isLedElsewhere(List.of())).isTrue();

    assertThat(access.lead(Optional.empty())).isTrue();
    assertThat(led(client)).isEmpty();
    assertThat(access.isLedElsewhere(List.of())).isFalse();
    assertThat(access.isLedElsewhere(List.of("10.244.1.23"))).isTrue();
  }

  @Test
  void givenUsersLedNowhereThenThatIsNotWrittenAgainUntilItIsForgotten(KubernetesClient client) {
    UserAccess access = access(client);
    access.lead(Optional.empty());
    client.discovery().v1().endpointSlices().withName("web").delete();
    assertThat(access.lead(Optional.empty())).isTrue();
    assertThat(client.discovery().v1().endpointSlices().withName("web").get()).isNull();
    access.forget();
    assertThat(access.isLedElsewhere(List.of("10.9.9.9"))).isFalse();
    assertThat(access.lead(Optional.empty())).isTrue();
    assertThat(client.discovery().v1().endpointSlices().withName("web").get()).isNotNull();
  }

  @Test
  void givenAWriteThatFailedThenWhereUsersAreLedIsWrittenAnew(KubernetesClient client) {
    UserAccess access = access(client);
    assertThat(access.lead(THERE)).isTrue();
    assertThat(access.lead(Optional.of(new Lead("not-an-address", Optional.empty())))).isFalse();
    client.discovery().v1().endpointSlices().withName("web").delete();
    assertThat(access.lead(THERE)).isTrue();
    assertThat(led(client)).containsExactly("10.244.1.23");
  }

  private static UserAccess access(KubernetesClient client) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName("web").build());
    cluster.setSpec(Scene.spec("web-0"));
    HACluster stored = client.resource(cluster).create();
    UserAccess access = new UserAccess(new AccessPath(client, Duration.ofSeconds(10)), stored);
    access.offer(stored, Optional.empty());
    return access;
  }

  private static List<String> led(KubernetesClient client) {
    return Stream.ofNullable(
            client.discovery().v1().endpointSlices().withName("web").require().getEndpoints())
        .flatMap(List::stream)
        .flatMap(e -> e.getAddresses().stream())
        .toList();
  }
}
