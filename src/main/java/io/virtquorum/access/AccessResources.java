package io.virtquorum.access;

import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServicePortBuilder;
import io.fabric8.kubernetes.api.model.discovery.v1.Endpoint;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointBuilder;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointPort;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointPortBuilder;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSliceBuilder;
import io.virtquorum.api.AccessPort;
import io.virtquorum.api.HACluster;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The objects that lead users to the primary, as they should be.
 *
 * @param cluster whose; it must have a namespace, a name and a uid
 */
public record AccessResources(HACluster cluster) {

  /** Who manages our EndpointSlices, for Kubernetes' own controllers to leave them alone. */
  public static final String MANAGED_BY = "virtquorum.io";

  /** The Service, without a selector; empty if the cluster has no ports. */
  public Optional<Service> service() {
    List<AccessPort> ports = cluster.getSpec().access().ports();
    if (ports.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new ServiceBuilder()
            .withMetadata(metadata(cluster.getMetadata().getName(), Map.of()))
            .withNewSpec()
            .withPorts(ports.stream().map(AccessResources::servicePort).toList())
            .endSpec()
            .build());
  }

  /**
   * The EndpointSlice of the Service; without an endpoint if there is nobody to lead to. Empty if
   * the cluster has no ports.
   */
  public Optional<EndpointSlice> slice(Optional<Lead> lead) {
    List<AccessPort> ports = cluster.getSpec().access().ports();
    if (ports.isEmpty()) {
      return Optional.empty();
    }
    String name = cluster.getMetadata().getName();
    Map<String, String> labels =
        Map.of(
            "kubernetes.io/service-name",
            name,
            "endpointslice.kubernetes.io/managed-by",
            MANAGED_BY);
    return Optional.of(
        new EndpointSliceBuilder()
            .withMetadata(metadata(name, labels))
            .withAddressType(lead.filter(Lead::isIpv6).isPresent() ? "IPv6" : "IPv4")
            .withEndpoints(lead.map(AccessResources::endpoint).stream().toList())
            .withPorts(ports.stream().map(AccessResources::endpointPort).toList())
            .build());
  }

  private ObjectMeta metadata(String name, Map<String, String> extraLabels) {
    Map<String, String> labels = new HashMap<>(cluster.labelsOfOwned());
    labels.putAll(extraLabels);
    return new ObjectMetaBuilder()
        .withNamespace(cluster.getMetadata().getNamespace())
        .withName(name)
        .withLabels(labels)
        .withOwnerReferences(cluster.asOwner())
        .build();
  }

  private static ServicePort servicePort(AccessPort port) {
    return new ServicePortBuilder()
        .withName(port.name())
        .withPort(port.port())
        .withNewTargetPort(port.guestPort())
        .withProtocol(port.protocol().name())
        .build();
  }

  private static EndpointPort endpointPort(AccessPort port) {
    return new EndpointPortBuilder()
        .withName(port.name() == null ? "" : port.name())
        .withPort(port.guestPort())
        .withProtocol(port.protocol().name())
        .build();
  }

  private static Endpoint endpoint(Lead lead) {
    // Readiness is our own decision: the pod may be called unready while the guest serves, or the
    // other way round.
    return new EndpointBuilder()
        .withAddresses(lead.podIp())
        .withNodeName(lead.nodeName().orElse(null))
        .withNewConditions()
        .withReady(true)
        .endConditions()
        .build();
  }
}
