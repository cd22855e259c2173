package io.virtquorum.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.Endpoint;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.AccessSpec;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.api.MembersSpec;
import io.virtquorum.api.NameTakenException;
import io.virtquorum.api.StateSpec;
import io.virtquorum.api.SyncNetwork;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.ForeignService;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ApiServer.class)
class AccessPathIT {

  private static final Optional<Lead> FIRST =
      Optional.of(new Lead("10.244.1.23", Optional.of("node-1")));
  private static final Optional<Lead> SECOND =
      Optional.of(new Lead("10.244.2.7", Optional.of("node-2")));

  @Test
  void usersAreLedToThePrimaryThenNowhereThenToItsSuccessor(KubernetesClient client) {
    HACluster cluster =
        create(client, new AccessPort("http", 80, 8080, null), new AccessPort("https", 443));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));

    assertThat(path.offer(cluster, Optional.empty())).isTrue();
    Service service = client.services().withName("web").get();
    assertThat(service.getSpec().getSelector()).isNullOrEmpty();
    assertThat(service.getSpec().getClusterIP()).isNotBlank();
    assertThat(service.getMetadata().getOwnerReferences()).containsExactly(cluster.asOwner());

    assertThat(path.lead(cluster, Optional.empty(), Optional.empty())).isTrue();
    assertThat(addresses(slice(client))).isEmpty();

    assertThat(path.lead(cluster, FIRST, Optional.of(slice(client)))).isTrue();
    assertThat(addresses(slice(client))).containsExactly("10.244.1.23");
    assertThat(slice(client).getPorts())
        .extracting(p -> p.getName() + p.getPort())
        .containsExactly("http8080", "https443");
    assertThat(slice(client).getMetadata().getLabels())
        .containsEntry("kubernetes.io/service-name", "web")
        .containsEntry("endpointslice.kubernetes.io/managed-by", "virtquorum.io");

    assertThat(path.lead(cluster, Optional.empty(), Optional.of(slice(client)))).isTrue();
    assertThat(addresses(slice(client))).isEmpty();

    assertThat(path.lead(cluster, SECOND, Optional.empty())).isTrue();
    assertThat(addresses(slice(client))).containsExactly("10.244.2.7");
  }

  @Test
  void nothingIsWrittenWhenUsersAreLedThereAlready(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.offer(cluster, Optional.empty());
    path.lead(cluster, FIRST, Optional.empty());
    String sliceVersion = slice(client).getMetadata().getResourceVersion();

    assertThat(path.offer(cluster, Optional.of(client.services().withName("web").get()))).isFalse();
    assertThat(path.lead(cluster, FIRST, Optional.of(slice(client)))).isFalse();
    assertThat(slice(client).getMetadata().getResourceVersion()).isEqualTo(sliceVersion);
  }

  @Test
  void aSliceThatSomebodyBentIsSetRight(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());
    EndpointSlice bent = slice(client);
    bent.getEndpoints().get(0).setAddresses(List.of("10.9.9.9"));
    client.resource(bent).update();

    assertThat(path.lead(cluster, FIRST, Optional.of(slice(client)))).isTrue();
    assertThat(addresses(slice(client))).containsExactly("10.244.1.23");
  }

  @Test
  void usersFollowThePrimaryToAnAddressOfTheOtherFamily(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());

    Optional<Lead> six = Optional.of(new Lead("fd00::17", Optional.empty()));
    assertThat(path.lead(cluster, six, Optional.of(slice(client)))).isTrue();
    assertThat(slice(client).getAddressType()).isEqualTo("IPv6");
    assertThat(addresses(slice(client))).containsExactly("fd00::17");

    assertThat(path.lead(cluster, Optional.empty(), Optional.of(slice(client)))).isTrue();
    assertThat(addresses(slice(client))).isEmpty();
  }

  @Test
  void givenASliceOfTheOtherFamilyThatNobodyLookedAtThenItIsMadeAnew(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());
    String first = slice(client).getMetadata().getUid();

    Optional<Lead> six = Optional.of(new Lead("fd00::17", Optional.empty()));
    assertThat(path.lead(cluster, six, Optional.empty())).isTrue();
    assertThat(slice(client).getAddressType()).isEqualTo("IPv6");
    assertThat(addresses(slice(client))).containsExactly("fd00::17");
    String second = slice(client).getMetadata().getUid();
    assertThat(second).isNotEqualTo(first);

    assertThat(path.lead(cluster, Optional.empty(), Optional.empty())).isTrue();
    assertThat(addresses(slice(client))).isEmpty();
    assertThat(path.lead(cluster, SECOND, Optional.empty())).isTrue();
    assertThat(addresses(slice(client))).containsExactly("10.244.2.7");
    assertThat(slice(client).getMetadata().getOwnerReferences()).containsExactly(cluster.asOwner());
  }

  @Test
  void givenASliceOfTheSameFamilyThenItIsChangedAndNotMadeAnew(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());
    String first = slice(client).getMetadata().getUid();

    assertThat(path.lead(cluster, SECOND, Optional.empty())).isTrue();
    assertThat(slice(client).getMetadata().getUid()).isEqualTo(first);
  }

  @Test
  void givenASliceOfTheOtherFamilyThatIsSomebodyElsesThenItIsLeftAsItIs(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());
    EndpointSlice foreign = slice(client);
    foreign.getMetadata().setOwnerReferences(List.of());
    foreign.getMetadata().setLabels(Map.of("kubernetes.io/service-name", "shop"));
    client.resource(foreign).update();

    Optional<Lead> six = Optional.of(new Lead("fd00::17", Optional.empty()));
    assertThatThrownBy(() -> path.lead(cluster, six, Optional.empty()))
        .isInstanceOf(NameTakenException.class);
    assertThat(addresses(slice(client))).containsExactly("10.244.1.23");
  }

  @Test
  void aServiceThatSomebodyMadeALoadBalancerStaysOne(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.offer(cluster, Optional.empty());
    Service service = client.services().withName("web").get();
    service.getSpec().setType("LoadBalancer");
    client.resource(service).update();

    assertThat(path.offer(cluster, Optional.of(client.services().withName("web").get()))).isFalse();
  }

  @Test
  void aServiceOfSomebodyElseIsLeftAsItIs(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    Service foreign = client.resource(ForeignService.named("web")).create();

    assertThatThrownBy(() -> path.offer(cluster, Optional.empty()))
        .isInstanceOf(NameTakenException.class)
        .hasMessage(
            "The Service %s/web is there and is not VirtQuorum's: rename it or the HACluster."
                .formatted(client.getNamespace()));
    assertThat(client.services().withName("web").get()).isEqualTo(foreign);

    client.resource(foreign).delete();
    assertThat(path.offer(cluster, Optional.empty())).isTrue();
  }

  @Test
  void aSliceOfSomebodyElseIsLeftAsItIsAndThereIsNoService(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.lead(cluster, FIRST, Optional.empty());
    EndpointSlice foreign = slice(client);
    foreign.getMetadata().setOwnerReferences(List.of());
    foreign.getMetadata().setLabels(Map.of("kubernetes.io/service-name", "shop"));
    client.resource(foreign).update();

    assertThatThrownBy(() -> path.offer(cluster, Optional.empty()))
        .isInstanceOf(NameTakenException.class)
        .hasMessageStartingWith("The EndpointSlice " + client.getNamespace() + "/web is there");
    assertThat(client.services().withName("web").get()).isNull();
  }

  @Test
  void aServiceThatBecomesSomebodyElsesIsNotLedByOurSlice(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.offer(cluster, Optional.empty());
    path.lead(cluster, FIRST, Optional.empty());
    client.services().withName("web").delete();
    Service foreign = client.resource(ForeignService.named("web")).create();

    assertThatThrownBy(() -> path.offer(cluster, Optional.empty()))
        .isInstanceOf(NameTakenException.class);
    assertThat(slice(client)).isNull();
    assertThat(client.services().withName("web").get()).isEqualTo(foreign);
  }

  @Test
  void aServiceThatAClusterLeftAsAnOrphanIsTakenByTheNextOneOfItsName(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.offer(cluster, Optional.empty());
    Service orphan = client.services().withName("web").get();
    orphan.getMetadata().setOwnerReferences(List.of());
    client.resource(orphan).update();

    assertThat(path.offer(cluster, Optional.empty())).isTrue();
    Service taken = client.services().withName("web").get();
    assertThat(taken.getMetadata().getUid()).isEqualTo(orphan.getMetadata().getUid());
    assertThat(taken.getSpec().getClusterIP()).isEqualTo(orphan.getSpec().getClusterIP());
    assertThat(taken.getMetadata().getOwnerReferences()).containsExactly(cluster.asOwner());
  }

  @Test
  void aServiceOfOursThatACacheDoesNotHaveYetIsKnownAgain(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    path.offer(cluster, Optional.empty());

    assertThat(path.offer(cluster, Optional.empty())).isFalse();
  }

  @Test
  void aClusterWithoutPortsGetsNoService(KubernetesClient client) {
    HACluster cluster = create(client);
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    assertThat(path.offer(cluster, Optional.empty())).isFalse();
    assertThat(path.lead(cluster, FIRST, Optional.empty())).isFalse();
    assertThat(client.services().list().getItems()).isEmpty();
  }

  @Test
  void aWriteThatTheServerRefusesIsToldInASentence(KubernetesClient client) {
    HACluster cluster = create(client, new AccessPort(null, 80));
    AccessPath path = new AccessPath(client, Duration.ofSeconds(10));
    Optional<Lead> nonsense = Optional.of(new Lead("not-an-address", Optional.empty()));
    assertThatThrownBy(() -> path.lead(cluster, nonsense, Optional.empty()))
        .isInstanceOf(AccessException.class)
        .hasMessageStartingWith("Could not write EndpointSlice " + client.getNamespace() + "/web:");
  }

  private static HACluster create(KubernetesClient client, AccessPort... ports) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName("web").build());
    cluster.setSpec(
        new HAClusterSpec(
            MembersSpec.named(List.of("web-0")),
            SyncNetwork.onBridge("172.31.77.0/24", "br-sync"),
            StateSpec.ofFiles(new FileTree("site", "/srv/www")),
            new AccessSpec(List.of(ports)),
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null));
    return client.resource(cluster).create();
  }

  private static EndpointSlice slice(KubernetesClient client) {
    return client.discovery().v1().endpointSlices().withName("web").get();
  }

  private static List<String> addresses(EndpointSlice slice) {
    return slice.getEndpoints() == null
        ? List.of()
        : slice.getEndpoints().stream().map(Endpoint::getAddresses).flatMap(List::stream).toList();
  }
}
