package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class OwnershipTest {
  private final HACluster cluster = cluster("web", "uid-2");

  @Test
  void givenAnObjectOfThisClusterThenItOwnsIt() {
    HasMetadata ours = object(Map.of(), cluster.asOwner());
    assertThat(cluster.owns(ours)).isTrue();
    assertThat(cluster.mayTake(ours)).isTrue();
  }

  @Test
  void givenAnObjectOfAClusterOfTheNameThatIsGoneThenItMayBeTakenAndIsNotOwned() {
    HasMetadata left = object(Map.of(), cluster("web", "uid-1").asOwner());
    assertThat(cluster.owns(left)).isFalse();
    assertThat(cluster.mayTake(left)).isTrue();
  }

  @Test
  void givenAnOrphanThenItsLabelsTellWhoseItWas() {
    assertThat(cluster.mayTake(object(cluster.labelsOfOwned()))).isTrue();
    assertThat(cluster.mayTake(object(cluster("shop", "uid-3").labelsOfOwned()))).isFalse();
    assertThat(cluster.mayTake(object(null))).isFalse();
  }

  @Test
  void givenAnObjectOfSomebodyElseThenOurLabelsDoNotMakeItOurs() {
    HasMetadata foreign = object(cluster.labelsOfOwned(), cluster("shop", "uid-3").asOwner());
    assertThat(cluster.mayTake(foreign)).isFalse();
    assertThatThrownBy(() -> cluster.requireOwn(foreign)).isInstanceOf(NameTakenException.class);
  }

  private static HACluster cluster(String name, String uid) {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName(name).withUid(uid).build());
    return cluster;
  }

  private static HasMetadata object(Map<String, String> labels, OwnerReference... owners) {
    return new ServiceBuilder()
        .withNewMetadata()
        .withName("web")
        .withLabels(labels)
        .withOwnerReferences(List.of(owners))
        .endMetadata()
        .build();
  }
}
