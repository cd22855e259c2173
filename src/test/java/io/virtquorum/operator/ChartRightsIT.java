package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.virtquorum.api.HACluster;
import io.virtquorum.testing.ApiServer;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The operator does all of its work with the rights of the chart. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class ChartRightsIT {

  @Test
  void givenTheRightsOfTheChartAloneThenTheOperatorLeadsFailsOverAndLetsGo(KubernetesClient client)
      throws Exception {
    ChartAccount.grant(client);
    try (Scene scene = new Scene(client, ChartAccount.of(client, "virtquorum"))) {
      scene.machines("web-0", "web-1", "web-2");
      Map<String, Object> before = scene.specs();
      scene.leader("op-a");
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
      scene.until(() -> scene.epoch() == 1 && scene.isTrue("Ready"));
      scene.until(() -> scene.leadsTo().filter(scene.addressOf("web-0")::equals).isPresent());
      scene.until(() -> !scene.events("Committed").isEmpty());

      scene.edit(
          c -> {
            c.getMetadata().getAnnotations().put(ClusterSettings.PROMOTE, "web-2");
            return c;
          });
      scene.until(() -> scene.primary().equals("web-2"));
      scene.until(
          () ->
              !scene.cluster().getMetadata().getAnnotations().containsKey(ClusterSettings.PROMOTE));
      scene.members.get("web-2").guestDies();
      scene.until(() -> !scene.primary().equals("web-2"));
      scene.until(
          () -> scene.leadsTo().filter(scene.addressOf(scene.primary())::equals).isPresent());

      client.resources(HACluster.class).withName(Scene.CLUSTER).delete();
      scene.until(() -> client.resources(HACluster.class).withName(Scene.CLUSTER).get() == null);
      assertThat(scene.specs()).isEqualTo(before);
    }
  }

  @Test
  void givenVmsWithoutNicThenTheOperatorMayRestartThem(KubernetesClient client) throws Exception {
    ChartAccount.grant(client);
    // The stand-in answers the subresource, so the right itself is read from the role.
    assertThat(client.resources(ClusterRole.class).withName("virtquorum-vms").require().getRules())
        .anyMatch(
            rule ->
                rule.getApiGroups().contains("subresources.kubevirt.io")
                    && rule.getResources().contains("virtualmachines/restart")
                    && rule.getVerbs().contains("update"));
  }

  @Test
  void givenTheAccountOfTheOperatorThenItCannotReadSecretsOfOthers(KubernetesClient client) {
    ChartAccount.grant(client);
    try (KubernetesClient operator =
        new KubernetesClientBuilder().withConfig(ChartAccount.of(client, "virtquorum")).build()) {
      assertThat(may(operator, client.getNamespace(), "list", "virtualmachines")).isTrue();
      assertThat(may(operator, client.getNamespace(), "list", "secrets")).isFalse();
      assertThat(may(operator, "default", "list", "virtualmachines")).isFalse();
    }
  }

  private static boolean may(
      KubernetesClient client, String namespace, String verb, String resource) {
    var review =
        new SelfSubjectAccessReviewBuilder()
            .withNewSpec()
            .withNewResourceAttributes()
            .withNamespace(namespace)
            .withVerb(verb)
            .withGroup(resource.equals("virtualmachines") ? "kubevirt.io" : "")
            .withResource(resource)
            .endResourceAttributes()
            .endSpec()
            .build();
    return client
        .authorization()
        .v1()
        .selfSubjectAccessReview()
        .create(review)
        .getStatus()
        .getAllowed();
  }
}
