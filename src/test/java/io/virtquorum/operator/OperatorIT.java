package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.api.Bootstrap;
import io.virtquorum.testing.ApiServer;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The operator against a real API server, with real streams; guests are maps of files. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class OperatorIT {
  private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
  }

  @AfterEach
  void end() {
    scene.close();
  }

  @Test
  void givenThreeEqualMembersThenTheFirstEpochIsRecordedAndUsersAreLed() throws IOException {
    scene.committed();
    assertThat(scene.primary()).isEqualTo("web-0");
    assertThat(scene.cluster().getStatus().inSync()).isEqualTo("3/3");
    scene.until(() -> scene.leadsTo().isPresent());
    assertThat(scene.leadsTo()).hasValue(scene.addressOf("web-0"));
    scene.until(() -> !scene.events("Committed").isEmpty());
  }

  @Test
  void givenMembersThatDifferThenItStallsAndAsksForBootstrapFromAndThatHeals() throws IOException {
    scene.machines("web-0", "web-1", "web-2");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    scene.members(Map.of("index.html", "zero"), "web-0");
    scene.members(Map.of("index.html", "one"), "web-1");
    scene.members(Map.of("index.html", "two"), "web-2");
    scene.until(() -> scene.is("Stalled", "BootstrapNeeded"));
    assertThat(scene.condition("Stalled").orElseThrow().getMessage())
        .contains("The members differ and nothing is committed yet")
        .contains("Set spec.bootstrap.from to the member whose state is right");
    assertThat(scene.epoch()).isZero();

    scene.edit(
        c -> {
          c.setSpec(Scene.withBootstrap(c.getSpec(), new Bootstrap("web-1", null)));
          return c;
        });
    scene.until(() -> scene.epoch() == 1 && scene.isTrue("Ready"));
    assertThat(scene.primary()).isEqualTo("web-1");
    scene
        .members
        .values()
        .forEach(member -> assertThat(member.files()).containsEntry("index.html", "one"));
  }

  @Test
  void givenACommittedStateWhenThePrimaryWritesThenAllGetItAndItIsCommitted() throws IOException {
    scene.committed();
    scene.members.get("web-0").write("index.html", "news");
    scene.until(() -> scene.epoch() == 2 && scene.isTrue("Ready"));
    scene
        .members
        .values()
        .forEach(member -> assertThat(member.files()).containsEntry("index.html", "news"));
  }

  @Test
  void givenRotOnAMemberAndOnThePrimaryThenBothAreRestored() throws IOException {
    scene.committed();
    for (String name : new String[] {"web-2", "web-0"}) {
      scene.members.get(name).rot("index.html", "hellO");
      scene.until(() -> scene.members.get(name).files().get("index.html").equals("hello"));
    }
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.epoch()).isEqualTo(1);
    scene.until(() -> scene.cluster().getStatus().lastRepair() != null);
  }

  @Test
  void givenThePrimarysGuestDiesThenTheRecordAndThenTheSliceNameTheSuccessor() throws IOException {
    scene.committed();
    String old = scene.addressOf("web-0");
    scene.until(() -> scene.leadsTo().filter(old::equals).isPresent());
    scene.members.get("web-0").guestDies();
    scene.until(() -> scene.primary().equals("web-1"));
    scene.until(() -> scene.leadsTo().filter(scene.addressOf("web-1")::equals).isPresent());
    assertThat(scene.cluster().getStatus().recorded().orElseThrow().tenure()).isEqualTo(2);
    scene.until(() -> !scene.events("FailedOver").isEmpty());
  }
}
