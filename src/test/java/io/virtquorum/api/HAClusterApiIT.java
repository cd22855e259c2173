package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.testing.ApiServer;
import io.virtquorum.testing.HAClusterCrd;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(ApiServer.class)
class HAClusterApiIT {

  private static final YAMLMapper YAML = new YAMLMapper();

  /**
   * A rule, something that breaks it, and something close that does not; both are merged into a
   * valid cluster.
   */
  record Rule(String message, String broken, String kept) {
    @Override
    public String toString() {
      return message;
    }
  }

  static Stream<Rule> rules() {
    return Stream.of(
        new Rule("either members.selector or members.names", "{members: {names: null}}", "{}"),
        new Rule(
            "either members.selector or members.names",
            "{members: {selector: {matchLabels: {app: web}}}}",
            "{members: {names: null, selector: {matchLabels: {app: web}}}}"),
        new Rule(
            "would take every VM of the namespace",
            "{members: {names: null, selector: {}}}",
            "{members: {names: null, selector: {matchExpressions: [{key: app, operator: Exists}]}}}"),
        new Rule("name at least one VM", "{members: {names: []}}", "{members: {names: [web-0]}}"),
        new Rule(
            "lists a VM twice",
            "{members: {names: [web-0, web-1, web-0]}}",
            "{members: {names: [web-0, web-1]}}"),
        new Rule(
            "either syncNetwork.bridge or syncNetwork.networkAttachmentDefinition",
            "{syncNetwork: {bridge: null}}",
            "{syncNetwork: {bridge: null, networkAttachmentDefinition: infra/sync}}"),
        new Rule(
            "either syncNetwork.bridge or syncNetwork.networkAttachmentDefinition",
            "{syncNetwork: {networkAttachmentDefinition: sync}}",
            "{syncNetwork: {bridge: null, networkAttachmentDefinition: sync}}"),
        new Rule(
            "is not an IPv4 network",
            "{syncNetwork: {cidr: 172.31.777.0/24}}",
            "{syncNetwork: {cidr: 10.0.0.0/8}}"),
        new Rule("is not an IPv4 network", "{syncNetwork: {cidr: 'fd00:1234::/64'}}", "{}"),
        new Rule(
            "must be from /8 to /29",
            "{syncNetwork: {cidr: 172.31.77.0/30}}",
            "{syncNetwork: {cidr: 172.31.77.0/29}}"),
        new Rule("must be from /8 to /29", "{syncNetwork: {cidr: 128.0.0.0/1}}", "{}"),
        new Rule(
            "names one host",
            "{syncNetwork: {cidr: 172.31.77.5/24}}",
            "{syncNetwork: {cidr: 172.31.76.0/23}}"),
        new Rule(
            "fewer addresses than members.names has VMs",
            "{syncNetwork: {cidr: 172.31.77.0/29}, members: {names: [a, b, c, d, e, f, g]}}",
            "{syncNetwork: {cidr: 172.31.77.0/28}, members: {names: [a, b, c, d, e, f, g]}}"),
        new Rule(
            "state.files lists no file tree",
            "{state: {files: null, guest: [timezone]}}",
            "{state: {guest: [timezone]}}"),
        new Rule(
            "state.files lists no file tree",
            "{state: {files: [], commands: [{name: a, run: [id], apply: [cat]}]}}",
            "{state: {commands: [{name: a, run: [id], apply: [cat]}]}}"),
        new Rule(
            "named as a fact of state.guest",
            "{state: {commands: [{name: kernel, run: [id]}], guest: [os, kernel]}}",
            "{state: {commands: [{name: kernel, run: [id]}], guest: [os]}}"),
        new Rule(
            "Two entries of state.files have the same name",
            "{state: {files: [{name: a, path: /srv/a}, {name: a, path: /srv/b}]}}",
            "{state: {files: [{name: a, path: /srv/a}, {name: b, path: /srv/b}]}}"),
        new Rule(
            "Two entries of state.commands have the same name",
            "{state: {commands: [{name: a, run: [id]}, {name: a, run: [w]}]}}",
            "{state: {commands: [{name: a, run: [id]}, {name: b, run: [w], apply: [cat]}]}}"),
        new Rule(
            "An entry of state.files and one of state.commands have the same name",
            "{state: {commands: [{name: site, run: [id]}]}}",
            "{state: {commands: [{name: sites, run: [id]}]}}"),
        new Rule(
            "Two paths of state.files overlap",
            "{state: {files: [{name: a, path: /srv}, {name: b, path: /srv/www}]}}",
            "{state: {files: [{name: a, path: /srv/ww}, {name: b, path: /srv/www}]}}"),
        new Rule(
            "Two paths of state.files overlap",
            "{state: {files: [{name: a, path: /srv}, {name: b, path: /srv}]}}",
            "{state: {files: [{name: a, path: /srv}]}}"),
        new Rule(
            "lists a fact twice",
            "{state: {guest: [os, os]}}",
            "{state: {guest: [os, kernel, timezone]}}"),
        new Rule(
            "JSON pointers below /spec",
            "{state: {vmSpec: [/status/ready]}}",
            "{state: {vmSpec: [/spec/template/spec/hostname]}}"),
        new Rule("JSON pointers below /spec", "{state: {vmSpec: [/spec/template/]}}", "{}"),
        new Rule(
            "Two pointers of state.vmSpec overlap",
            "{state: {vmSpec: [/spec/template/spec/domain/cpu, /spec/template/spec/domain/cpu/cores]}}",
            "{state: {vmSpec: [/spec/template/spec/domain/cpu, /spec/template/spec/domain/cpus]}}"),
        new Rule(
            "what each VM must have for itself",
            "{state: {vmSpec: [/spec/template/spec/domain]}}",
            "{state: {vmSpec: [/spec/template/spec/domain/memory/guest]}}"),
        new Rule(
            "what each VM must have for itself",
            "{state: {vmSpec: [/spec/template/spec/volumes/0]}}",
            "{}"),
        new Rule(
            "what each VM must have for itself", "{state: {vmSpec: [/spec/runStrategy]}}", "{}"),
        new Rule("must be absolute", "{state: {files: [{name: site, path: srv/www}]}}", "{}"),
        new Rule(
            "must be a tree that holds state", "{state: {files: [{name: site, path: /}]}}", "{}"),
        new Rule(
            "must be a tree that holds state",
            "{state: {files: [{name: site, path: /proc/sys}]}}",
            "{state: {files: [{name: site, path: /process}]}}"),
        new Rule(
            "must be plain",
            "{state: {files: [{name: site, path: /srv/../etc}]}}",
            "{state: {files: [{name: site, path: /srv/..etc}]}}"),
        new Rule("must be plain", "{state: {files: [{name: site, path: /srv//www}]}}", "{}"),
        new Rule(
            "must be plain",
            "{state: {files: [{name: site, path: /srv/www/}]}}",
            "{state: {files: [{name: site, path: /srv/.www}]}}"),
        new Rule(
            "has several ports",
            "{access: {ports: [{port: 80}, {port: 443, name: https}]}}",
            "{access: {ports: [{port: 80}]}}"),
        new Rule(
            "Two entries of access.ports have the same name",
            "{access: {ports: [{port: 80, name: a}, {port: 443, name: a}]}}",
            "{access: {ports: [{port: 80, name: a}, {port: 443, name: b, targetPort: 8443}]}}"),
        new Rule(
            "Two entries of access.ports have the same port",
            "{access: {ports: [{port: 53, name: a}, {port: 53, name: b}]}}",
            "{access: {ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP}]}}"),
        new Rule(
            "voting.weights must be from 0 to 1000",
            "{voting: {weights: {web-0: -1}}}",
            "{voting: {weights: {web-0: 0}}}"),
        new Rule(
            "voting.weights must be from 0 to 1000",
            "{voting: {weights: {web-0: 1001}}}",
            "{voting: {weights: {web-0: 1000}}}"),
        new Rule(
            "voting.weights names a VM that is not",
            "{voting: {weights: {web-9: 2}}}",
            "{voting: {weights: {web-2: 2}}}"),
        new Rule(
            "gives every member the weight 0",
            "{voting: {weights: {web-0: 0, web-1: 0, web-2: 0}}}",
            "{voting: {weights: {web-0: 0, web-1: 0}}}"),
        new Rule(
            "must be Auto or a whole number",
            "{voting: {connectedBonus: much}}",
            "{voting: {connectedBonus: Auto}}"),
        new Rule(
            "must be Auto or a whole number",
            "{voting: {connectedBonus: -1}}",
            "{voting: {connectedBonus: 7}}"),
        new Rule(
            "archive.maxSize must be a size",
            "{archive: {maxSize: big}}",
            "{archive: {maxSize: 500M}}"),
        new Rule(
            "archive.maxSize must be a size",
            "{archive: {maxSize: -1Gi}}",
            "{archive: {maxSize: 1048576}}"),
        new Rule("archive.maxSize must be a size", "{archive: {maxSize: 0}}", "{}"),
        new Rule(
            "audit.bandwidth must be from 1M to 100G",
            "{audit: {bandwidth: fast}}",
            "{audit: {bandwidth: 50Mi}}"),
        new Rule(
            "audit.bandwidth must be from 1M to 100G",
            "{audit: {bandwidth: 999999}}",
            "{audit: {bandwidth: 1000000}}"),
        new Rule(
            "audit.bandwidth must be from 1M to 100G",
            "{audit: {bandwidth: 500k}}",
            "{audit: {bandwidth: 1M}}"),
        new Rule(
            "audit.bandwidth must be from 1M to 100G",
            "{audit: {bandwidth: 100Gi}}",
            "{audit: {bandwidth: 100G}}"),
        new Rule(
            "exclude each other",
            "{bootstrap: {from: web-0, vote: true}}",
            "{bootstrap: {from: web-0, vote: false}}"),
        new Rule(
            "bootstrap.from names a VM that is not",
            "{bootstrap: {from: web-9}}",
            "{bootstrap: {vote: true}}"),
        new Rule(
            "timing.beat must be from 10ms to 10s",
            "{timing: {beat: 5ms}}",
            "{timing: {beat: 10ms}}"),
        new Rule(
            "timing.quick must not be shorter",
            "{timing: {beat: 3s}}",
            "{timing: {beat: 3s, quick: 3s, settle: 9s}}"),
        new Rule(
            "timing.settle must not be shorter",
            "{timing: {settle: 1s}}",
            "{timing: {settle: 1m30s}}"),
        new Rule(
            "timing.audit must not be shorter", "{timing: {audit: 1s}}", "{timing: {audit: 24h}}"),
        new Rule(
            "timing.audit must not be longer than 576h",
            "{timing: {audit: 720h}}",
            "{timing: {audit: 576h}}"),
        new Rule(
            "failover.fencing can only be None",
            "{failover: {fencing: StopVM}}",
            "{failover: {fencing: None}}"),
        new Rule("failover.fencing can only be None", "{failover: {fencing: SelfFence}}", "{}"),
        new Rule(
            "failover.patience must be from 5s to 1h",
            "{failover: {patience: 4999ms}}",
            "{failover: {patience: 5s}}"),
        new Rule(
            "failover.patience must be from 5s to 1h",
            "{failover: {patience: 1h1s}}",
            "{failover: {patience: 1h}}"),
        new Rule(
            "spec.guestProgram.update: Unsupported value",
            "{guestProgram: {update: Sometimes}}",
            "{guestProgram: {update: Never}}"),
        new Rule(
            "spec.guestProgram.install: Unsupported value: \"Always\": supported values: \"CloudInit\", \"Manual\"",
            "{guestProgram: {install: Always}}",
            "{guestProgram: {install: CloudInit}}"));
  }

  @ParameterizedTest
  @MethodSource("rules")
  void whoeverBreaksARuleIsToldWhatToDo(Rule rule, KubernetesClient client) {
    assertThatThrownBy(() -> apply(client, rule.broken()))
        .isInstanceOfSatisfying(
            KubernetesClientException.class, e -> assertThat(e.getCode()).isEqualTo(422))
        .hasMessageContaining(rule.message());
  }

  @ParameterizedTest
  @MethodSource("rules")
  void whoeverKeepsTheRuleIsNotBothered(Rule rule, KubernetesClient client) {
    assertThatCode(() -> apply(client, rule.kept())).doesNotThrowAnyException();
  }

  @Test
  void whoeverAsksForFencingIsToldWhatThePageExplains(KubernetesClient client) {
    String says = Troubleshooting.of("an HACluster asks for fencing").says();
    for (String fencing : List.of("SelfFence", "StopVM")) {
      assertThatThrownBy(() -> apply(client, "{failover: {fencing: " + fencing + "}}"))
          .hasMessageContaining(says);
    }
  }

  @Test
  void everyRuleOfTheCrdIsTriedHere() throws IOException {
    JsonNode crd = YAML.readTree(Files.readString(HAClusterCrd.COMMITTED));
    List<String> tried = rules().map(Rule::message).toList();
    List<String> elsewhere = List.of("cannot be changed", "becomes the name of a Service");

    assertThat(crd.findValues("x-kubernetes-validations").stream().flatMap(JsonNode::valueStream))
        .isNotEmpty()
        .allSatisfy(
            rule ->
                assertThat(Stream.concat(tried.stream(), elsewhere.stream()))
                    .anyMatch(rule.path("message").asText()::contains));
  }

  @ParameterizedTest
  @MethodSource
  void whatIsOutOfBoundsIsRefused(String broken, KubernetesClient client) {
    assertThatThrownBy(() -> apply(client, broken))
        .isInstanceOfSatisfying(
            KubernetesClientException.class, e -> assertThat(e.getCode()).isEqualTo(422));
  }

  static Stream<String> whatIsOutOfBoundsIsRefused() {
    return Stream.of(
        "{timing: {beat: soon}}",
        "{timing: {beat: '100'}}",
        "{timing: {audit: -5m}}",
        "{timing: {beat: 1.5s}}", // CEL reads it, and we do not
        "{archive: {entries: 0}}",
        "{mode: Destroy}",
        "{restartPolicy: Never}",
        "{failover: {fencing: Shoot}}",
        "{failover: {patience: long}}",
        "{failover: {patience: 1.5m}}",
        "{failover: {patience: " + "0h".repeat(12) + "9s}}",
        "{voting: {rule: Dictatorship}}",
        "{access: {ports: [{port: 70000}]}}",
        "{syncNetwork: {bridge: a-name-that-is-too-long}}",
        "{syncNetwork: {bridge: 'no spaces'}}",
        "{state: {files: [{name: Site, path: /srv/www}]}}",
        "{state: {files: [{path: /srv/www}]}}",
        "{state: {commands: [{name: a, run: []}]}}",
        "{state: {guest: [weather]}}",
        "{members: {names: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]}}",
        "{state: {files: [{name: site, path: /" + "x".repeat(1024) + "}]}}",
        "{members: null}",
        "{state: null}",
        "{syncNetwork: null}");
  }

  @Test
  void whoeverFillsEveryListToItsBoundIsAccepted(KubernetesClient client) {
    String files =
        String.join(
            ", ",
            IntStream.range(0, 32)
                .mapToObj(i -> "{name: f" + i + ", path: /f" + i + "/" + "x".repeat(1000) + "}")
                .toList());
    assertThatCode(() -> apply(client, "{state: {files: [" + files + "]}}"))
        .doesNotThrowAnyException();
  }

  @Test
  void aNameThatNoServiceCanHaveIsRefused(KubernetesClient client) {
    for (String name : List.of("1web", "we.b", "w".repeat(53))) {
      assertThatThrownBy(() -> apply(client, name, "{}"))
          .hasMessageContaining("becomes the name of a Service");
    }
    assertThatCode(() -> apply(client, "w".repeat(52), "{}")).doesNotThrowAnyException();
  }

  @Test
  void theSyncNetworkOfAClusterStaysAsItIsWhileTheRestMayChange(KubernetesClient client) {
    HACluster stored = client.resource(minimal()).create();

    stored.setSpec(
        new HAClusterSpec(
            stored.getSpec().members(),
            stored.getSpec().syncNetwork(),
            new StateSpec(stored.getSpec().state().files(), null, List.of(GuestFact.OS), null)));
    HACluster changed = client.resource(stored).update();
    assertThat(changed.getMetadata().getGeneration()).isEqualTo(2);

    changed.setSpec(
        new HAClusterSpec(
            changed.getSpec().members(),
            SyncNetwork.onBridge("10.9.0.0/24", "br-sync"),
            changed.getSpec().state()));
    assertThatThrownBy(() -> client.resource(changed).update())
        .hasMessageContaining("delete this HACluster");
  }

  @Test
  void aClusterThatNamesOnlyWhatItMustReadsBackWithTheDefaultsThatJavaAssumes(
      KubernetesClient client) {
    JsonNode stored = apply(client, "{}");

    assertThat(stored.path("timing"))
        .isEqualTo(parse("{beat: 100ms, quick: 2s, settle: 6s, audit: 10m}"));
    assertThat(stored.path("voting"))
        .isEqualTo(parse("{authority: Record, rule: StrictMajority, connectedBonus: Auto}"));
    assertThat(stored.path("archive")).isEqualTo(parse("{entries: 20, maxSize: 1Gi}"));
    assertThat(stored.path("audit")).isEqualTo(parse("{bandwidth: 50M}"));
    assertThat(stored.path("failover")).isEqualTo(parse("{fencing: None, patience: 30s}"));
    assertThat(stored.path("guestProgram")).isEqualTo(parse("{install: Manual, update: Auto}"));
    assertThat(stored.path("mode").asText()).isEqualTo("Repair");
    assertThat(stored.path("restartPolicy").asText()).isEqualTo("Rolling");

    HAClusterSpec read = client.resource(minimal()).create().getSpec();
    assertThat(read).isEqualTo(minimal().getSpec());
    assertThat(read.timing().beat()).isEqualTo(Duration.ofMillis(100));
    assertThat(read.failover().patience()).isEqualTo(Duration.ofSeconds(30));
    assertThat(read.archive().maxBytes()).isEqualTo(1L << 30);
  }

  @Test
  void aSettingInPartKeepsTheOtherDefaults(KubernetesClient client) {
    JsonNode stored = apply(client, "{timing: {settle: 30s}, voting: {connectedBonus: 9}}");

    assertThat(stored.at("/timing/beat").asText()).isEqualTo("100ms");
    assertThat(stored.at("/timing/settle").asText()).isEqualTo("30s");
    assertThat(stored.at("/voting/rule").asText()).isEqualTo("StrictMajority");
    assertThat(stored.at("/voting/connectedBonus").asInt()).isEqualTo(9);
  }

  @Test
  void aFullStatusReadsBackAsItWasWritten(KubernetesClient client) {
    HACluster stored = client.resource(minimal()).create();
    Instant now = Instant.parse("2026-11-22T18:00:00.123Z");
    Condition ready =
        new ConditionBuilder()
            .withType("Ready")
            .withStatus("True")
            .withReason("InSync")
            .withMessage("All members hold epoch 7.")
            .withObservedGeneration(1L)
            .withLastTransitionTime("2026-11-22T18:00:00Z")
            .build();
    HAClusterStatus status =
        new HAClusterStatus(
            1L,
            List.of(ready),
            new ClusterRecord(
                3,
                2,
                new ClusterRecord.Committed(7, 2, 4, "c0ffee", now),
                "beef",
                "web-1",
                List.of(new ClusterRecord.Voter("web-0", 1), new ClusterRecord.Voter("web-1", 2)),
                4L,
                List.of(new ClusterRecord.Departed("web-0", 1, "It had a change.")),
                List.of(new ClusterRecord.Ended(1, 9)),
                List.of(new ClusterRecord.Led("web-0", 1))),
            "2/3",
            now,
            List.of(
                new MemberStatus(
                    "web-0",
                    "steady",
                    true,
                    "c0ffee",
                    1,
                    1,
                    0,
                    "vmi/boot",
                    "node-1",
                    now,
                    null,
                    List.of()),
                new MemberStatus(
                    "web-1",
                    "advanced",
                    false,
                    "beef",
                    2,
                    6,
                    1,
                    "vmi/boot",
                    "node-2",
                    now,
                    "wrote",
                    List.of("nginx (process 7) still has site:log open"))),
            new TallyStatus("beef", 6, 8, 5, "Elected", "web-1 has 6 of 8 votes; 5 are needed."),
            new RepairStatus(
                "web-0", "web-1", 2, 1234, "c0ffee", Duration.ofMillis(1234), now, "It drifted."),
            new FailoverStatus("web-0", "web-1", now, "web-0 died."));
    stored.setStatus(status);

    HACluster written = client.resource(stored).updateStatus();

    assertThat(written.getStatus()).isEqualTo(status);
    assertThat(client.resource(stored).get().getStatus().condition("Ready")).contains(ready);
    GenericKubernetesResource raw =
        client
            .genericKubernetesResources("virtquorum.io/v1alpha1", "HACluster")
            .withName("web")
            .get();
    assertThat(raw.<String>get("status", "lastRepair", "duration")).isEqualTo("1s234ms");
    assertThat(raw.<String>get("status", "exposureSince")).isEqualTo("2026-11-22T18:00:00.123Z");
  }

  @Test
  void whoeverListsClustersSeesHowTheyAre(KubernetesClient client) throws Exception {
    HACluster stored = client.resource(minimal()).create();
    Condition ready = new ConditionBuilder().withType("Ready").withStatus("True").build();
    ClusterRecord record =
        new ClusterRecord(
            1,
            1,
            new ClusterRecord.Committed(7, 1, 1, "c0", Instant.now()),
            null,
            "web-1",
            null,
            null,
            null,
            null,
            null);
    stored.setStatus(
        new HAClusterStatus(1L, List.of(ready), record, "3/3", null, null, null, null, null));
    client.resource(stored).updateStatus();

    HttpRequest request =
        client
            .getHttpClient()
            .newHttpRequestBuilder()
            .uri(
                client.getMasterUrl()
                    + "apis/virtquorum.io/v1alpha1/namespaces/"
                    + client.getNamespace()
                    + "/haclusters")
            .header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
            .build();
    JsonNode table =
        YAML.readTree(
            client
                .getHttpClient()
                .sendAsync(request, String.class)
                .get(30, TimeUnit.SECONDS)
                .body());

    assertThat(table.path("columnDefinitions").findValuesAsText("name"))
        .containsExactly("Name", "In sync", "Primary", "Epoch", "Exposure", "Ready", "Age");
    JsonNode cells = table.at("/rows/0/cells");
    assertThat(cells.valueStream().limit(6).map(JsonNode::asText))
        .containsExactly("web", "3/3", "web-1", "7", "null", "True");
  }

  @Test
  void aFreshClusterHasAnEmptyStatusAndNoNulls(KubernetesClient client) {
    HACluster stored = client.resource(minimal()).create();
    assertThat(stored.getStatus()).isEqualTo(HAClusterStatus.EMPTY);
    assertThat(stored.getStatus().recorded()).isEmpty();
  }

  private static HACluster minimal() {
    HACluster cluster = new HACluster();
    cluster.setMetadata(new ObjectMetaBuilder().withName("web").build());
    cluster.setSpec(
        new HAClusterSpec(
            MembersSpec.named(List.of("web-0", "web-1", "web-2")),
            SyncNetwork.onBridge("172.31.77.0/24", "br-sync"),
            StateSpec.ofFiles(new FileTree("site", "/srv/www"))));
    return cluster;
  }

  private static JsonNode apply(KubernetesClient client, String changes) {
    return apply(client, "web", changes);
  }

  /** The spec as the API server would store it. */
  private static JsonNode apply(KubernetesClient client, String name, String changes) {
    ObjectNode spec =
        (ObjectNode)
            parse(
                "{members: {names: [web-0, web-1, web-2]}, syncNetwork: {cidr: 172.31.77.0/24, bridge: br-sync},"
                    + " state: {files: [{name: site, path: /srv/www}]}}");
    merge(spec, parse(changes));
    GenericKubernetesResource cluster = new GenericKubernetesResource();
    cluster.setApiVersion("virtquorum.io/v1alpha1");
    cluster.setKind("HACluster");
    cluster.setMetadata(new ObjectMetaBuilder().withName(name).build());
    cluster.setAdditionalProperties(Map.of("spec", spec));
    GenericKubernetesResource stored = client.resource(cluster).dryRun().create();
    return YAML.valueToTree(stored.getAdditionalProperties().get("spec"));
  }

  private static void merge(ObjectNode into, JsonNode changes) {
    changes
        .properties()
        .forEach(
            change -> {
              if (change.getValue().isNull()) {
                into.remove(change.getKey());
              } else if (change.getValue().isObject()
                  && into.get(change.getKey()) instanceof ObjectNode deeper) {
                merge(deeper, change.getValue());
              } else {
                into.set(change.getKey(), change.getValue());
              }
            });
  }

  private static JsonNode parse(String yaml) {
    try {
      return YAML.readTree(yaml);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(yaml, e);
    }
  }
}
