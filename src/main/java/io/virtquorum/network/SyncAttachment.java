package io.virtquorum.network;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.SyncNetwork;
import java.util.Optional;

/**
 * How the members of a cluster reach its sync network.
 *
 * @param reference what a VM's network names: namespace/name of a NetworkAttachmentDefinition
 * @param definition the definition that must be there; empty where the user brings one
 */
public record SyncAttachment(String reference, Optional<NetworkAttachmentDefinition> definition) {

  /** The attachment of this cluster, which must have a namespace and a name. */
  public static SyncAttachment of(HACluster cluster) {
    SyncNetwork network = cluster.getSpec().syncNetwork();
    String namespace = cluster.getMetadata().getNamespace();
    return network
        .existingAttachment()
        .map(
            name ->
                new SyncAttachment(
                    name.contains("/") ? name : namespace + "/" + name, Optional.empty()))
        .orElseGet(() -> made(cluster, namespace, cluster.getMetadata().getName() + "-sync"));
  }

  private static SyncAttachment made(HACluster cluster, String namespace, String name) {
    NetworkAttachmentDefinition definition = new NetworkAttachmentDefinition();
    definition.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace(namespace)
            .withName(name)
            .withLabels(cluster.labelsOfOwned())
            .withOwnerReferences(cluster.asOwner())
            .build());
    definition.setSpec(
        new NetworkAttachmentDefinition.Spec(
            config(name, cluster.getSpec().syncNetwork().bridge())));
    return new SyncAttachment(namespace + "/" + name, Optional.of(definition));
  }

  // No IPAM: the guest program sets the address, because it must not change with the pod.
  private static String config(String name, String bridge) {
    ObjectNode config = JsonNodeFactory.instance.objectNode();
    config.put("cniVersion", "0.3.1").put("name", name).put("type", "bridge").put("bridge", bridge);
    config.putObject("ipam");
    return config.toString();
  }
}
