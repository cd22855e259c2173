package io.virtquorum.network;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.PatchBuilder;
import io.virtquorum.kubevirt.VirtualMachine;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Adds the sync NIC and the sidecar to a VirtualMachine, and takes them away again. What was added
 * is remembered in an annotation, so the VM ends as it was found. Computes patches only.
 * Thread-safe.
 */
public final class SyncNic {

  /** Name of the network and of the interface in a VM. */
  public static final String NETWORK = "virtquorum-sync";

  /** Annotation of a VM: what was added to it. */
  public static final String ADDED = "virtquorum.io/added";

  /** Annotation of a VM: its address on the sync network, such as 172.31.77.12/24. */
  public static final String ADDRESS = "virtquorum.io/sync-address";

  private static final JsonPointer ANNOTATIONS = JsonPointer.compile("/metadata/annotations");
  private static final JsonPointer NETWORKS = JsonPointer.compile("/spec/template/spec/networks");
  private static final JsonPointer DEVICES =
      JsonPointer.compile("/spec/template/spec/domain/devices");
  private static final JsonPointer INTERFACES = DEVICES.appendProperty("interfaces");
  private static final JsonPointer HOOKS =
      JsonPointer.compile("/spec/template/metadata/annotations")
          .appendProperty(HookList.ANNOTATION);

  private final ObjectMapper json = new ObjectMapper();

  /**
   * What a member is to have.
   *
   * @param cluster name of the HACluster
   * @param attachment namespace/name of the NetworkAttachmentDefinition
   * @param mac address of the NIC
   * @param address address that the guest gets
   * @param hook the sidecar
   */
  public record Wanted(
      String cluster, String attachment, MacAddress mac, SyncAddress address, SidecarHook hook) {}

  /**
   * The patch that gives a VM what it is to have; empty if it has it. A VM that lists no network at
   * all gets the default pod network written out, because KubeVirt would drop it otherwise; with
   * masquerade, because with a bridge the sidecar would have no way out.
   *
   * @throws NetworkException if the VM belongs to another cluster, has a network of our name that
   *     is not ours, or a hook annotation that cannot be read
   */
  public JsonPatch attach(VirtualMachine vm, Wanted wanted) {
    Optional<Added> before = added(vm);
    refuseStrangers(vm, wanted, before);
    PatchBuilder patch = PatchBuilder.of(vm, json);
    ArrayNode networks = list(patch, NETWORKS);
    ArrayNode interfaces = list(patch, INTERFACES);
    boolean bare = networks.isEmpty() && interfaces.isEmpty() && podInterfaceIsAttached(patch);
    if (bare) {
      networks.add(defaultNetwork());
      interfaces.add(defaultInterface());
    }
    put(networks, network(wanted));
    put(interfaces, nic(wanted));
    patch.set(NETWORKS, networks);
    patch.set(INTERFACES, interfaces);

    String hooksText = vm.templateAnnotations().get(HookList.ANNOTATION);
    JsonNode oldHook = before.map(Added::hook).orElse(null);
    JsonNode hook = wanted.hook().toNode();
    HookList hooks = HookList.parse(hooksText, json, nameOf(vm));
    HookList unchanged = new HookList(hooks.entries().deepCopy());
    hooks.put(hook, oldHook);
    if (!hooks.equals(unchanged)) {
      patch.set(HOOKS, TextNode.valueOf(hooks.entries().toString()));
    }

    patch.set(ANNOTATIONS.appendProperty(ADDRESS), TextNode.valueOf(wanted.address().toString()));
    Set<String> created = new LinkedHashSet<>(before.map(Added::created).orElse(List.of()));
    patch.created().stream()
        .filter(place -> patch.get(place).filter(JsonNode::isContainerNode).isPresent())
        .forEach(place -> created.add(place.toString()));
    String hooksBefore = before.isPresent() ? before.get().hooksBefore() : hooksText;
    boolean wroteDefault = bare || before.map(Added::defaultNetwork).orElse(false);
    Added after =
        new Added(wanted.cluster(), List.copyOf(created), wroteDefault, hook, hooksBefore);
    patch.set(ANNOTATIONS.appendProperty(ADDED), TextNode.valueOf(text(after)));
    return patch.build();
  }

  /**
   * The patch that takes away what {@link #attach} added; empty if there is nothing of ours. The
   * default pod network goes too where we wrote it out and nothing else needs it.
   *
   * @throws NetworkException if the annotations of the VM cannot be read
   */
  public JsonPatch detach(VirtualMachine vm) {
    Optional<Added> before = added(vm);
    if (before.isEmpty()) {
      return JsonPatch.NOTHING;
    }
    Added added = before.get();
    PatchBuilder patch = PatchBuilder.of(vm, json);
    ArrayNode networks = list(patch, NETWORKS);
    ArrayNode interfaces = list(patch, INTERFACES);
    take(networks);
    take(interfaces);
    boolean onlyDefault =
        networks.size() == 1
            && interfaces.size() == 1
            && covers(networks.get(0), defaultNetwork())
            && covers(interfaces.get(0), defaultInterface());
    if (added.defaultNetwork() && onlyDefault) {
      networks.removeAll();
      interfaces.removeAll();
    }
    patch.get(NETWORKS).ifPresent(list -> patch.set(NETWORKS, networks));
    patch.get(INTERFACES).ifPresent(list -> patch.set(INTERFACES, interfaces));
    removeHook(vm, added, patch);
    patch.remove(ANNOTATIONS.appendProperty(ADDRESS));
    patch.remove(ANNOTATIONS.appendProperty(ADDED));
    added.created().stream().map(JsonPointer::compile).forEach(patch::prune);
    return patch.build();
  }

  /**
   * Why the guest program cannot come to a VM by cloud-init, and what to do; empty: its sidecar may
   * ask KubeVirt for that.
   *
   * @throws NetworkException if the annotations of the VM cannot be read
   */
  public Optional<String> obstacleToCloudInit(VirtualMachine vm) {
    HookList hooks =
        HookList.parse(vm.templateAnnotations().get(HookList.ANNOTATION), json, nameOf(vm));
    return ByCloudInit.obstacle(vm, hooks.hasOthers(added(vm).map(Added::hook).orElse(null)));
  }

  /** The address that a VM carries, if it has one. */
  public Optional<SyncAddress> addressOf(VirtualMachine vm) {
    return annotation(vm, ADDRESS)
        .filter(text -> text.matches("[0-9.]{7,15}/[0-9]{1,2}"))
        .map(text -> text.split("/", -1))
        .map(parts -> new SyncAddress(parts[0], Integer.parseInt(parts[1])));
  }

  /** Name of the HACluster that a VM belongs to, if any. */
  public Optional<String> clusterOf(VirtualMachine vm) {
    return added(vm).map(Added::cluster);
  }

  private void removeHook(VirtualMachine vm, Added added, PatchBuilder patch) {
    HookList hooks =
        HookList.parse(vm.templateAnnotations().get(HookList.ANNOTATION), json, nameOf(vm));
    hooks.remove(added.hook());
    boolean asBefore = hooks.equals(HookList.parse(added.hooksBefore(), json, nameOf(vm)));
    if (asBefore && added.hooksBefore() == null) {
      patch.remove(HOOKS);
    } else if (patch.get(HOOKS).isPresent()) {
      patch.set(
          HOOKS, TextNode.valueOf(asBefore ? added.hooksBefore() : hooks.entries().toString()));
    }
  }

  private void refuseStrangers(VirtualMachine vm, Wanted wanted, Optional<Added> before) {
    if (before.isPresent() && !wanted.cluster().equals(before.get().cluster())) {
      throw new NetworkException(
          "VM "
              + nameOf(vm)
              + " is a member of HACluster "
              + before.get().cluster()
              + " already: take it out of one of them.");
    }
    if (before.isEmpty() && vm.networks().stream().anyMatch(n -> NETWORK.equals(n.name()))) {
      throw new NetworkException(
          "VM "
              + nameOf(vm)
              + " has a network named "
              + NETWORK
              + " that VirtQuorum did not add: rename it.");
    }
  }

  private Optional<Added> added(VirtualMachine vm) {
    return annotation(vm, ADDED)
        .map(
            text -> {
              try {
                return json.readValue(text, Added.class);
              } catch (JsonProcessingException e) {
                throw new NetworkException(
                    "VM "
                        + nameOf(vm)
                        + " has an annotation "
                        + ADDED
                        + " that cannot be read: do not edit it by hand.",
                    e);
              }
            });
  }

  private String text(Added added) {
    try {
      return json.writeValueAsString(added);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A record of texts cannot be written as JSON.", e);
    }
  }

  private static Optional<String> annotation(VirtualMachine vm, String name) {
    Map<String, String> annotations = vm.getMetadata().getAnnotations();
    return Optional.ofNullable(annotations).map(all -> all.get(name));
  }

  private static String nameOf(VirtualMachine vm) {
    return vm.getMetadata().getNamespace() + "/" + vm.getMetadata().getName();
  }

  private static boolean podInterfaceIsAttached(PatchBuilder patch) {
    return patch
        .get(DEVICES.appendProperty("autoattachPodInterface"))
        .map(JsonNode::asBoolean)
        .orElse(true);
  }

  private static ArrayNode list(PatchBuilder patch, JsonPointer at) {
    return patch
        .get(at)
        .filter(JsonNode::isArray)
        .map(ArrayNode.class::cast)
        .orElseGet(JsonNodeFactory.instance::arrayNode);
  }

  /** Puts an entry in, or mends the one of its name; what others wrote into that stays. */
  private static void put(ArrayNode list, ObjectNode entry) {
    for (JsonNode present : list) {
      if (present.path("name").equals(entry.path("name"))) {
        ((ObjectNode) present).setAll(entry);
        return;
      }
    }
    list.add(entry);
  }

  private static void take(ArrayNode list) {
    for (int i = list.size() - 1; i >= 0; i--) {
      if (list.get(i).path("name").asText().equals(NETWORK)) {
        list.remove(i);
      }
    }
  }

  private static boolean covers(JsonNode present, ObjectNode entry) {
    return entry
        .propertyStream()
        .allMatch(field -> field.getValue().equals(present.get(field.getKey())));
  }

  private static ObjectNode network(Wanted wanted) {
    ObjectNode network = JsonNodeFactory.instance.objectNode().put("name", NETWORK);
    network.putObject("multus").put("networkName", wanted.attachment());
    return network;
  }

  private static ObjectNode nic(Wanted wanted) {
    ObjectNode nic = JsonNodeFactory.instance.objectNode().put("name", NETWORK);
    nic.putObject("bridge");
    return nic.put("model", "virtio").put("macAddress", wanted.mac().text());
  }

  private static ObjectNode defaultNetwork() {
    ObjectNode network = JsonNodeFactory.instance.objectNode().put("name", "default");
    network.putObject("pod");
    return network;
  }

  private static ObjectNode defaultInterface() {
    ObjectNode nic = JsonNodeFactory.instance.objectNode().put("name", "default");
    nic.putObject("masquerade");
    return nic;
  }
}
