package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterSpec;
import io.virtquorum.api.MembersSpec;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.NetworkAttachmentDefinition;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.ForeignService;
import io.virtquorum.testing.LogLines;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.FromMember;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Somebody makes a mistake, and reads the sentence of docs/troubleshooting.md in the status, in an
 * event and in the log.
 */
@ExtendWith(ApiServer.class)
@Timeout(180)
class WrongTurnsIT {
  private static final String HOOKS = "hooks.kubevirt.io/hookSidecars";

  @AutoClose private final LogLines log = new LogLines();
  @AutoClose private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
  }

  @Test
  void givenANameWithoutAVmThenItSaysWhichAndGoesOnWhenItIsThere() throws IOException {
    scene.machines("web-0", "web-1");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    assertThatItSays("no such VM");
    scene.machines("web-2");
    scene.until(() -> !scene.isTrue("Stalled"));
  }

  @Test
  void givenLabelsThatNoVmHasThenItSaysSo() throws IOException {
    scene.leader("op-a");
    HAClusterSpec spec = Scene.spec("web-0");
    scene.apply(
        Scene.withMembers(
            spec,
            MembersSpec.selected(
                new LabelSelectorBuilder().addToMatchLabels("app", "nobody").build())));
    assertThatItSays("no VM has the labels");
  }

  @Test
  void givenAVmOfAnotherHaClusterThenTheSecondSaysSoAndTheFirstIsNotDisturbed() throws IOException {
    scene.committed();
    Map<String, Object> specs = scene.specs();
    scene.apply("shop", Scene.spec("web-0"));
    assertThatItSays("shop", "a VM in two HAClusters");
    assertThat(scene.specs()).isEqualTo(specs);
    assertThat(scene.isTrue("Ready")).isTrue();
  }

  @Test
  void givenNoSidecarGateThenItSaysSoAndNoVmWasTouched(KubernetesClient client) throws IOException {
    scene.machines("web-0", "web-1", "web-2");
    try (var gate =
        new Policy(
            client,
            "kubevirt.io",
            "virtualmachines",
            List.of("UPDATE"),
            "!has(object.spec.template.metadata) || !has(object.spec.template.metadata.annotations)"
                + " || !('"
                + HOOKS
                + "' in object.spec.template.metadata.annotations)",
            "sidecar feature gate is not enabled in kubevirt-config, invalid entry " + HOOKS,
            () -> dryRun(client, "web-0", HOOKS))) {
      Map<String, Object> specs = scene.specs();
      scene.leader("op-a");
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      assertThatItSays("the Sidecar gate is off");
      assertThat(scene.specs()).isEqualTo(specs);
    }
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenAPolicyThatRefusesTheChangeOfAVmThenItsWordsAreSaidAlsoWhenTheHaClusterIsDeleted(
      KubernetesClient client) throws IOException {
    scene.machines("web-0", "web-1", "web-2");
    try (var policy = frozenVms(client, "false")) {
      scene.leader("op-a");
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      assertThatItSays("a policy refuses the change of a VM");
      assertThat(scene.condition("Stalled").orElseThrow().getMessage()).contains("frozen by Ann");
    }
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready"));

    try (var policy = frozenVms(client, "false")) {
      client.resources(HACluster.class).withName("web").delete();
      assertThatEventAndLogSay("a VM cannot be released");
      assertThat(scene.cluster()).isNotNull();
    }
    scene.until(() -> client.resources(HACluster.class).withName("web").get() == null);
    assertThat(scene.kubevirt.machine("web-0").networks()).isNullOrEmpty();
  }

  @Test
  void givenOneVmThatCannotBeReleasedThenTheOthersAre(KubernetesClient client) throws IOException {
    scene.committed();
    try (var policy = frozenVms(client, "object.metadata.name != 'web-1'")) {
      client.resources(HACluster.class).withName("web").delete();
      for (String name : List.of("web-0", "web-2")) {
        scene.until(() -> scene.kubevirt.machine(name).networks().isEmpty());
      }
      assertThat(scene.kubevirt.machine("web-1").networks()).isNotEmpty();
      assertThatEventAndLogSay("a VM cannot be released");
    }
    scene.until(() -> client.resources(HACluster.class).withName("web").get() == null);
  }

  @Test
  void givenAnImageThatCannotBePulledThenItSaysSoAndNoOtherVmIsRestarted() throws IOException {
    for (String name : List.of("web-0", "web-1", "web-2")) {
      scene.kubevirt.create(name, Scene.CLUSTER);
    }
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    scene.until(() -> scene.kubevirt.restarts().size() == 1);
    String first = scene.kubevirt.restarts().getFirst();
    scene.kubevirt.run(first, false);
    scene.kubevirt.says(first, "ImagePullBackOff");

    Troubleshooting.Row row = Troubleshooting.of("an image cannot be pulled");
    scene.until(() -> scene.is("Stalled", row.reason()));
    assertThat(scene.condition("Stalled").orElseThrow().getMessage().replace(first, "web-1"))
        .matches(row::matches);
    scene.kubevirt.ready(first, true);
    scene.forAWhile(() -> scene.kubevirt.restarts().size() == 1);
    scene.kubevirt.says(first, "Running");
    scene.until(() -> scene.kubevirt.restarts().size() == 2);
  }

  @Test
  void givenARestartThatIsRefusedThenItSaysSo() throws IOException {
    for (String name : List.of("web-0", "web-1", "web-2")) {
      scene.kubevirt.create(name, Scene.CLUSTER);
    }
    scene.kubevirt.refusesRestarts("not during office hours");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    assertThatItSays("a VM cannot be restarted");
    scene.forAWhile(() -> scene.is("Stalled", "VMNotRestarted"));
  }

  @Test
  void givenAServiceThatIsRefusedThenItSaysSo(KubernetesClient client) throws IOException {
    try (var policy =
        new Policy(
            client,
            "",
            "services",
            List.of("CREATE", "UPDATE"),
            "object.metadata.name != 'web'",
            "no Services here",
            () -> client.resource(ForeignService.named("web")).dryRun().create())) {
      scene.machines("web-0", "web-1", "web-2");
      scene.leader("op-a");
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      assertThatItSays("the Service is refused");
    }
  }

  @Test
  void givenANetworkAttachmentDefinitionThatIsRefusedThenItSaysSo(KubernetesClient client)
      throws IOException {
    NetworkAttachmentDefinition own = new NetworkAttachmentDefinition();
    own.getMetadata().setName("probe");
    own.setSpec(new NetworkAttachmentDefinition.Spec("{}"));
    try (var policy =
        new Policy(
            client,
            "k8s.cni.cncf.io",
            "network-attachment-definitions",
            List.of("CREATE", "UPDATE"),
            "false",
            "ask the network team",
            () -> client.resource(own).dryRun().create())) {
      scene.machines("web-0", "web-1", "web-2");
      scene.leader("op-a");
      scene.apply(Scene.spec("web-0", "web-1", "web-2"));
      assertThatItSays("the NetworkAttachmentDefinition is refused");
    }
  }

  @Test
  void givenAServiceOfSomebodyElseThenItIsLeftAloneAndItGoesOnWhenThatIsGone(
      KubernetesClient client) throws IOException {
    Service foreign = client.resource(ForeignService.named("web")).create();
    scene.machines("web-0", "web-1", "web-2");
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    assertThatItSays("another Service has the HACluster's name");
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.epoch() == 1);
    scene.forAWhile(() -> scene.leadsTo().isEmpty());
    assertThat(client.services().withName("web").get()).isEqualTo(foreign);

    client.resource(foreign).delete();
    scene.until(() -> scene.isTrue("Ready") && scene.leadsTo().isPresent());
  }

  @Test
  void givenANetworkAttachmentDefinitionOfSomebodyElseThenItAndTheVmsAreLeftAlone(
      KubernetesClient client) throws IOException {
    NetworkAttachmentDefinition foreign = new NetworkAttachmentDefinition();
    foreign.getMetadata().setName("web-sync");
    foreign.setSpec(new NetworkAttachmentDefinition.Spec("{}"));
    NetworkAttachmentDefinition created = client.resource(foreign).create();
    scene.machines("web-0", "web-1", "web-2");
    Map<String, Object> specs = scene.specs();
    scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    assertThatItSays("another NetworkAttachmentDefinition has its name");
    assertThat(client.resource(created).get()).isEqualTo(created);
    assertThat(scene.specs()).isEqualTo(specs);

    client.resource(created).delete();
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenANetworkAttachmentDefinitionThatIsRightAlreadyThenItIsUsedWhoeverMadeIt(
      KubernetesClient client) throws IOException {
    scene.machines("web-0", "web-1", "web-2");
    OperatorProcess first = scene.leader("op-a");
    scene.apply(Scene.spec("web-0", "web-1", "web-2"));
    var definition = client.resources(NetworkAttachmentDefinition.class).withName("web-sync");
    scene.until(() -> definition.get() != null);
    first.close();
    definition.edit(
        ours -> {
          ours.getMetadata().setOwnerReferences(List.of());
          ours.getMetadata().setLabels(Map.of());
          return ours;
        });
    scene.leader("op-b");
    scene.members(Map.of("index.html", "hello"), "web-0", "web-1", "web-2");
    scene.until(() -> scene.isTrue("Ready") && scene.leadsTo().isPresent());
    assertThat(definition.get().getMetadata().getOwnerReferences()).isEmpty();
  }

  @Test
  void givenAStatusThatIsRefusedThenTheLogSaysSoAndNothingIsLost(KubernetesClient client)
      throws IOException {
    scene.committed();
    try (var policy =
        new Policy(
            client,
            "virtquorum.io",
            "haclusters/status",
            List.of("UPDATE"),
            "false",
            "etcd is being moved",
            () -> client.resource(scene.cluster()).dryRun().updateStatus())) {
      scene.members.get("web-0").write("index.html", "written meanwhile");
      Troubleshooting.Row row = Troubleshooting.of("the status is refused");
      scene.until(() -> log.lines().stream().anyMatch(row::matches));
      assertThat(scene.epoch()).isEqualTo(1);
    }
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "written meanwhile");
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenASecondOperatorThenItSaysSoAndTouchesNothing(KubernetesClient client)
      throws IOException {
    scene.committed();
    String other = client.getNamespace() + "-other";
    client
        .resource(new NamespaceBuilder().withNewMetadata().withName(other).endMetadata().build())
        .create();
    Scene.service(client, other);
    scene.settled();
    Map<String, Object> specs = scene.specs();
    try (var second =
        new OperatorProcess(
            scene.kubevirt.client(),
            new OperatorProcess.Options(
                other,
                "op-z",
                "example.org/virtquorum:other",
                "virtquorum",
                7600,
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                Set.of(client.getNamespace())))) {
      scene.until(second::leading);
      assertThatEventAndLogSay("two operators");
      scene.forAWhile(() -> scene.specs().equals(specs) && scene.isTrue("Ready"));
      var release =
          new Release(
              client,
              new KubeVirtClient(client, Duration.ofSeconds(5)),
              other,
              Set.of(client.getNamespace()),
              _ -> {});
      assertThat(release.pass()).as("its removal lets go of nothing of the first").isEmpty();
      assertThat(scene.specs()).isEqualTo(specs);
      scene.members.get("web-0").write("index.html", "still led");
      scene.until(() -> scene.epoch() == 2);
    }
  }

  @Test
  void givenWhatAMemberSaysOfItsHealthThenPeopleReadItUntilItIsMended() throws IOException {
    scene.committed();
    says(
        "web-2",
        ailing(
            "SyncNicMissing",
            "The guest has no interface with MAC 0e:76:71:00:00:01; restart the VM so that it gets"
                + " its sync NIC"));
    assertThatItSays("a guest without the sync NIC");
    says("web-2", HealthContent.GOOD);
    scene.until(() -> scene.isTrue("Ready"));

    says("web-0", new HealthContent(List.of(), List.of("web-2")));
    says("web-1", new HealthContent(List.of(), List.of("web-2")));
    scene.forAWhile(() -> scene.isTrue("Ready"));
    says("web-2", new HealthContent(List.of(), List.of("web-0", "web-1")));
    assertThatItSays("a cable is pulled, or a bridge has no uplink");
    says("web-2", HealthContent.GOOD);
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenAProgramThatIsToComeByCloudInitThenVmsThatCannotAreLeftAloneAndSaySoWhereItIsMissing()
      throws IOException {
    scene.committed();
    scene.addCloudInit("web-1");
    scene.edit(
        c -> {
          c.setSpec(
              Scene.withProgram(
                  c.getSpec(), new GuestProgram(GuestProgram.Install.CLOUD_INIT, null)));
          return c;
        });
    scene.until(() -> scene.hooks("web-1").contains("\"--cloud-init\""));
    scene.forAWhile(() -> !scene.hooks("web-2").contains("--cloud-init") && scene.isTrue("Ready"));

    says("web-2", ailing("GuestAgentSilent", "Nothing answers"));
    assertThatItSays("a guest to which the program cannot come by cloud-init");
    says("web-2", HealthContent.GOOD);
    scene.until(() -> scene.isTrue("Ready"));
    scene.edit(
        c -> {
          c.setSpec(Scene.withProgram(c.getSpec(), GuestProgram.DEFAULT));
          return c;
        });
    scene.until(() -> !scene.hooks("web-1").contains("--cloud-init"));
  }

  @Test
  void givenASpecThatChangesWhileARepairRunsThenTheMembersBecomeEqualUnderTheNewOne()
      throws IOException {
    scene.committed();
    scene.members.get("web-1").obeys(false);
    scene.members.get("web-0").write("index.html", "new");
    scene.until(() -> scene.members.get("web-1").orders().size() > 1);
    scene.edit(
        c -> {
          c.setSpec(Scene.withWeights(c.getSpec(), Map.of("web-1", 2)));
          return c;
        });
    scene.until(() -> scene.voters().getOrDefault("web-1", 0) == 2);
    scene.members.get("web-1").obeys(true);
    scene.untilAllHold("index.html", "new");
    scene.until(() -> scene.isTrue("Ready"));
  }

  @Test
  void givenANamespaceThatIsBeingDeletedThenTheHaClusterGoesWithIt(KubernetesClient client)
      throws IOException {
    scene.committed();
    finalizers(client, "web-0", "[\"test.virtquorum.io/stays\"]"); // or a controller ends it first
    try {
      client.namespaces().withName(client.getNamespace()).delete(); // new objects are refused now
      // As the namespace controller does.
      client.resources(HACluster.class).withName("web").delete();
      scene.until(() -> client.resources(HACluster.class).withName("web").get() == null);
      assertThat(scene.kubevirt.machine("web-0").networks()).isNullOrEmpty();
    } finally {
      finalizers(client, "web-0", "null");
    }
  }

  private static void finalizers(KubernetesClient client, String vm, String json) {
    client
        .resources(VirtualMachine.class)
        .withName(vm)
        .patch(
            PatchContext.of(PatchType.JSON_MERGE),
            "{\"metadata\":{\"finalizers\":%s}}".formatted(json));
  }

  private Policy frozenVms(KubernetesClient client, String allowed) {
    return new Policy(
        client,
        "kubevirt.io",
        "virtualmachines",
        List.of("UPDATE"),
        allowed,
        "frozen by Ann",
        () -> dryRun(client, "web-1", "probe"));
  }

  private static void dryRun(KubernetesClient client, String vm, String annotation) {
    client
        .resources(VirtualMachine.class)
        .withName(vm)
        .dryRun()
        .patch(
            PatchContext.of(PatchType.JSON_MERGE),
            "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"%s\":\"x\"}}}}}"
                .formatted(annotation));
  }

  private static HealthContent ailing(String reason, String sentence) {
    return new HealthContent(List.of(new BallotContent.Trouble(reason, sentence)), List.of());
  }

  private void says(String member, HealthContent health) {
    scene
        .members
        .get(member)
        .say(FromMember.newBuilder().setHealth(WireMapping.write(health)).build());
  }

  private void assertThatItSays(String wrong) {
    assertThatItSays("web", wrong);
  }

  private void assertThatItSays(String cluster, String wrong) {
    Troubleshooting.Row row = Troubleshooting.of(wrong);
    scene.until(
        () -> {
          HACluster now = scene.client.resources(HACluster.class).withName(cluster).get();
          return now.getStatus() != null
              && now.getStatus()
                  .condition("Stalled")
                  .filter(c -> c.getStatus().equals("True") && c.getReason().equals(row.reason()))
                  .map(Condition::getMessage)
                  .filter(row::matches)
                  .isPresent();
        });
    assertThatEventAndLogSay(wrong);
  }

  private void assertThatEventAndLogSay(String wrong) {
    Troubleshooting.Row row = Troubleshooting.of(wrong);
    scene.until(
        () -> scene.events(row.reason()).stream().anyMatch(e -> row.matches(e.getMessage())));
    assertThat(log.lines()).anyMatch(row::matches);
  }
}
