package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.Bootstrap;
import io.virtquorum.api.CommandFeature;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestFact;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.StateSpec;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.SyncNic;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.vmspec.VmSpec;
import io.virtquorum.wire.v1.Configure;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The operator against a real API server, with real streams; guests are maps of files. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class OperatorIT {
  @AutoClose private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
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
    scene.untilAllHold("index.html", "one");
  }

  @Test
  void givenACommittedStateWhenThePrimaryWritesThenAllGetItAndItIsCommitted() throws IOException {
    scene.committed();
    scene.members.get("web-0").write("index.html", "news");
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "news");
    scene.until(() -> scene.isTrue("Ready"));
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

  @Test
  void givenADeadPrimaryThenTheStatusSaysWhoLedBeforeAndWhyThatEnded() throws IOException {
    scene.committed();
    scene.members.get("web-0").guestDies();
    scene.until(() -> scene.cluster().getStatus().lastFailover() != null);
    assertThat(scene.cluster().getStatus().lastFailover().from()).isEqualTo("web-0");
    assertThat(scene.cluster().getStatus().lastFailover().to()).isEqualTo("web-1");
    assertThat(scene.cluster().getStatus().lastFailover().reason()).isEqualTo("web-0 is dead");
  }

  @Test
  void givenAPersonWhoPromotesAMemberThenUsersAreLedThereAndTheAnnotationIsTakenAway()
      throws IOException {
    scene.committed();
    scene.edit(
        c -> {
          c.getMetadata().getAnnotations().put(ClusterSettings.PROMOTE, "web-2");
          return c;
        });
    scene.until(() -> scene.primary().equals("web-2"));
    scene.until(() -> scene.leadsTo().filter(scene.addressOf("web-2")::equals).isPresent());
    scene.until(
        () -> !scene.cluster().getMetadata().getAnnotations().containsKey(ClusterSettings.PROMOTE));
    assertThat(scene.epoch()).isEqualTo(1);
    scene.until(() -> !scene.events("SwitchedOver").isEmpty());
  }

  @Test
  void givenAPromotionOfSomebodyUnknownThenThePersonIsToldTheNamesThereAre() throws IOException {
    scene.committed();
    scene.edit(
        c -> {
          c.getMetadata().getAnnotations().put(ClusterSettings.PROMOTE, "web-9");
          return c;
        });
    scene.until(() -> scene.is("Stalled", "PromotionUnknown"));
    assertThat(scene.condition("Stalled").orElseThrow().getMessage())
        .contains("web-9 is to be promoted, which is not a member.")
        .contains("Promote one of web-0, web-1, web-2.");
  }

  @Test
  void givenVmsWithoutNicThenEachGetsOneAndRestartsRollOneAtATimeWhileTheOthersAreReady()
      throws IOException {
    String[] names = {"web-0", "web-1", "web-2"};
    for (String name : names) {
      scene.kubevirt.create(name, Scene.CLUSTER);
    }
    scene.kubevirt.ready("web-2", false);
    scene.leader("op-a");
    scene.apply(Scene.spec(names));
    for (String name : names) {
      scene.until(() -> scene.kubevirt.machine(name).networks().size() == 2);
      VirtualMachine vm = scene.kubevirt.machine(name);
      assertThat(vm.networks()).extracting(n -> n.name()).contains("default", SyncNic.NETWORK);
      assertThat(vm.templateAnnotations().get("hooks.kubevirt.io/hookSidecars"))
          .contains("--cluster=web")
          .contains("--adjudicator=virtquorum.%s.svc:7600".formatted(scene.namespace()));
      assertThat(vm.getMetadata().getAnnotations().get(SyncNic.ADDRESS)).startsWith("172.31.77.");
    }
    // Only web-2 may be restarted while it is not ready: the others are.
    scene.until(() -> scene.kubevirt.restarts().equals(List.of("web-2")));
    scene.kubevirt.run("web-2", false);
    scene.until(
        () ->
            scene
                .condition("RestartPending")
                .filter(c -> !c.getMessage().contains("web-2"))
                .isPresent());
    assertThat(scene.kubevirt.restarts()).containsExactly("web-2");
    scene.kubevirt.ready("web-2", true);
    scene.until(() -> scene.kubevirt.restarts().size() == 2);
    assertThat(scene.kubevirt.restarts()).containsExactly("web-2", "web-0");
    scene.kubevirt.run("web-0");
    scene.until(() -> scene.kubevirt.restarts().size() == 3);
    scene.kubevirt.run("web-1");
    scene.until(
        () ->
            scene
                .condition("RestartPending")
                .filter(c -> c.getStatus().equals("False"))
                .isPresent());
    assertThat(scene.kubevirt.restarts()).containsExactly("web-2", "web-0", "web-1");
  }

  @Test
  void givenAnUnknownVmOrAnotherIncarnationThenItsSidecarIsRefusedWithTheSentence()
      throws IOException {
    scene.committed();
    try (ScriptedMember stranger = scene.stranger("db-0", "some-uid");
        ScriptedMember ghost = scene.stranger("web-1", "an-older-uid")) {
      scene.until(() -> stranger.ends().size() > 1 && ghost.ends().size() > 1);
      assertThat(stranger.ends().getFirst().getDescription())
          .isEqualTo("db-0 is not a member of %s/web.".formatted(scene.namespace()));
      assertThat(ghost.ends().getFirst().getDescription())
          .isEqualTo("web-1 is another incarnation than the one Kubernetes knows (yet).");
      assertThat(stranger.configured()).isEmpty();
      assertThat(ghost.configured()).isEmpty();
    }
    assertThat(scene.isTrue("Ready")).isTrue();
  }

  @Test
  void givenServiceAndSliceWhenSomebodyDeletesOrBendsThemThenTheyComeBack(KubernetesClient client)
      throws IOException {
    scene.committed();
    String address = scene.addressOf("web-0");
    scene.until(() -> scene.leadsTo().filter(address::equals).isPresent());
    client.discovery().v1().endpointSlices().withName(Scene.CLUSTER).delete();
    scene.until(() -> scene.leadsTo().filter(address::equals).isPresent());
    client
        .discovery()
        .v1()
        .endpointSlices()
        .withName(Scene.CLUSTER)
        .edit(
            slice -> {
              slice.getEndpoints().getFirst().setAddresses(List.of("240.0.0.99"));
              return slice;
            });
    scene.until(() -> scene.leadsTo().filter(address::equals).isPresent());
    client.services().withName(Scene.CLUSTER).delete();
    scene.until(() -> client.services().withName(Scene.CLUSTER).get() != null);
  }

  @Test
  void givenAnotherWeightAndANewMemberInTheSpecThenTheRecordGetsThem() throws IOException {
    scene.committed();
    scene.machines("web-3");
    scene.edit(
        c -> {
          c.setSpec(
              Scene.withWeights(
                  Scene.spec("web-0", "web-1", "web-2", "web-3"), Map.of("web-1", 2)));
          return c;
        });
    scene.until(() -> scene.voters().equals(Map.of("web-0", 1, "web-1", 2, "web-2", 1)));
    scene.members(Map.of(), "web-3");
    scene.until(
        () -> scene.voters().equals(Map.of("web-0", 1, "web-1", 2, "web-2", 1, "web-3", 1)));
    scene.until(() -> scene.members.get("web-3").files().containsKey("index.html"));
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenTheClusterIsDeletedThenTheVmsAreAsBeforeAndStay(KubernetesClient client)
      throws IOException {
    scene.machines("web-0", "web-1", "web-2");
    Map<String, Object> before = scene.specs();
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.specs()).isNotEqualTo(before);
    client.resources(HACluster.class).withName(Scene.CLUSTER).delete();
    scene.until(() -> client.resources(HACluster.class).withName(Scene.CLUSTER).get() == null);
    assertThat(scene.specs()).isEqualTo(before);
    assertThat(scene.kubevirt.machine("web-0").getMetadata().getAnnotations())
        .satisfiesAnyOf(
            a -> assertThat(a).isNull(),
            a -> assertThat(a).doesNotContainKeys(SyncNic.ADDED, SyncNic.ADDRESS));
    assertThat(scene.kubevirt.instance("web-0")).isNotNull();
    scene.until(() -> !scene.members.get("web-0").ends().isEmpty());
  }

  @Test
  void givenNothingChangesThenNothingIsWritten() throws IOException {
    scene.committed();
    scene.until(() -> scene.leadsTo().isPresent());
    scene.until(() -> scene.cluster().getStatus().members().stream().allMatch(m -> m.inSync()));
    ScriptedMember member = scene.members.get("web-1");
    Map<String, String> versions = scene.versions();
    int before = member.ballots();
    // Ballots with no other content, and a foreign write that makes the reconciler look again.
    scene.until(
        () -> {
          scene.members.values().forEach(ScriptedMember::speak);
          return member.ballots() > before + 20;
        });
    scene.touch("web-1");
    scene.touch("web-2");
    scene.settled();
    versions.put("HACluster", scene.touchedVersion());
    scene.forAWhile(() -> scene.versions().equals(versions));
  }

  @Test
  void givenANameWithoutAVmThenStalledSaysWhichAndGoesWhenItIsThere() throws IOException {
    scene.machines("web-0", "web-1");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    scene.until(() -> scene.is("Stalled", "NoSuchVM"));
    assertThat(scene.condition("Stalled").orElseThrow().getMessage())
        .isEqualTo(
            "There is no VirtualMachine web-2 in this namespace: create it or correct spec.members.");
    scene.machines("web-2");
    scene.until(() -> !scene.isTrue("Stalled"));
  }

  @Test
  void givenAVmSpecValueChangedOnThePrimaryThenTheOthersGetIt(KubernetesClient client)
      throws IOException {
    String pointer = "/spec/template/spec/domain/memory/guest";
    scene.committed(
        Scene.spec(
            List.of("web-0", "web-1", "web-2"),
            new StateSpec(
                List.of(new FileTree("site", "/srv/www")), null, null, List.of(pointer))));
    client
        .resources(VirtualMachine.class)
        .withName("web-0")
        .patch(
            PatchContext.of(PatchType.JSON),
            "[{\"op\":\"replace\",\"path\":\"%s\",\"value\":\"512Mi\"}]".formatted(pointer));
    for (String name : List.of("web-1", "web-2")) {
      scene.until(
          () ->
              new VmSpec()
                  .read(scene.kubevirt.machine(name), pointer)
                  .filter("\"512Mi\""::equals)
                  .isPresent());
    }
    scene.until(() -> scene.events("SpecRepaired").size() == 2);
  }

  @Test
  void givenACommandThatDiffersThenItIsRepairedAndAKernelThatDiffersIsTold() throws IOException {
    scene.committed(
        Scene.spec(
            List.of("web-0", "web-1", "web-2"),
            new StateSpec(
                List.of(new FileTree("site", "/srv/www")),
                List.of(new CommandFeature("packages", List.of("list"), List.of("install", "-"))),
                List.of(GuestFact.KERNEL),
                null)));
    Configure configured = scene.members.get("web-2").configured().getLast();
    assertThat(configured.getCommands(0).getRunList()).containsExactly("list");
    assertThat(configured.getCommands(0).getApplyList()).containsExactly("install", "-");
    assertThat(configured.getGuestFactsList()).containsExactly("kernel");

    Output right = output("right", "", Output.Kind.REPAIRABLE);
    scene.members.get("web-0").has("packages", right);
    scene.members.get("web-1").has("packages", right);
    scene.members.get("web-2").has("packages", output("wrong", "", Output.Kind.REPAIRABLE));
    scene.until(() -> scene.members.get("web-2").outputs().get("packages").equals(right));
    scene.until(() -> !scene.events("Repaired").isEmpty());
    assertThat(scene.events("Repaired").getFirst().getMessage())
        .startsWith("web-2 was repaired from web-0: web-0 ")
        .contains(" as output of packages (", " of 6 votes), web-2 had ");
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.epoch()).isEqualTo(1);

    for (String name : List.of("web-0", "web-1", "web-2")) {
      String kernel = name.equals("web-1") ? "6.1.0" : "6.12.48";
      scene.members.get(name).has("kernel", output(kernel, kernel, Output.Kind.COMPARED));
    }
    scene.until(
        () ->
            scene
                .condition("InSync")
                .filter(c -> c.getStatus().equals("False"))
                .filter(c -> c.getReason().equals("OutputsDiffer"))
                .filter(c -> c.getMessage().contains("web-1: 6.1.0"))
                .isPresent());
    assertThat(scene.isTrue("PrimaryAvailable")).isTrue();
  }

  private static Output output(String text, String words, Output.Kind kind) {
    return new Output(ScriptedMember.digest(text), words, kind);
  }

  @Test
  void givenAnAnnotationThatAsksForAnAuditThenEveryMemberIsToldOnce() throws IOException {
    scene.committed();
    scene.edit(
        c -> {
          c.getMetadata().getAnnotations().put("virtquorum.io/audit", "now-1");
          return c;
        });
    for (ScriptedMember member : scene.members.values()) {
      scene.until(() -> member.orders().stream().anyMatch(o -> o.hasAudit()));
      assertThat(member.orders().stream().filter(o -> o.hasAudit())).hasSize(1);
    }
  }

  @Test
  void givenAnotherAccessPortInTheSpecThenServiceAndSliceHaveIt(KubernetesClient client)
      throws IOException {
    scene.committed();
    scene.edit(
        c -> {
          c.setSpec(Scene.withPorts(c.getSpec(), new AccessPort("https", 443)));
          return c;
        });
    scene.until(
        () ->
            client
                    .services()
                    .withName(Scene.CLUSTER)
                    .get()
                    .getSpec()
                    .getPorts()
                    .getFirst()
                    .getPort()
                == 443);
    scene.until(
        () ->
            client
                    .discovery()
                    .v1()
                    .endpointSlices()
                    .withName(Scene.CLUSTER)
                    .get()
                    .getPorts()
                    .getFirst()
                    .getPort()
                == 443);
  }

  @Test
  void givenAVmInTheNamespaceWhoseAnnotationIsBrokenThenTheClusterIsLedAllTheSame()
      throws IOException {
    scene.kubevirt.create("stranger", "other");
    scene.annotate("stranger", SyncNic.ADDED, "{no json");
    scene.committed();
    assertThat(scene.isTrue("Stalled")).isFalse();
  }
}
