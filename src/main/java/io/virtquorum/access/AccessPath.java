package io.virtquorum.access;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.Status;
import io.fabric8.kubernetes.api.model.StatusDetails;
import io.fabric8.kubernetes.api.model.discovery.v1.Endpoint;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.RequestConfigBuilder;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.NameTakenException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Leads users to the primary, with one write and without reading first. Each call blocks until the
 * write is answered or the deadline is over. Thread-safe; calls for one cluster must not overlap.
 */
public final class AccessPath {

  /** Field manager of our writes. */
  public static final String FIELD_MANAGER = "virtquorum-access";

  private static final int UNPROCESSABLE = 422;

  private final KubernetesClient client;

  /**
   * Writes through this client.
   *
   * @param client stays the caller's to close
   * @param deadline of each write; it is not retried here
   */
  public AccessPath(KubernetesClient client, Duration deadline) {
    this.client =
        client
            .newClient(
                new RequestConfigBuilder()
                    .withRequestTimeout((int) deadline.toMillis())
                    .withRequestRetryBackoffLimit(0)
                    .build())
            .adapt(KubernetesClient.class);
  }

  /**
   * Makes the Service, if the cluster has ports.
   *
   * @param observed this cluster's own, as it was seen last, for instance in a cache; if empty,
   *     what has the names of Service and EndpointSlice is read first
   * @return true if something was written, false if it was right already
   * @throws NameTakenException if one of them is somebody else's; nothing was written, and ours
   *     does not lead the users of a Service that is somebody else's
   * @throws AccessException if the write failed; whether it was done may be unknown
   */
  public boolean offer(HACluster cluster, Optional<Service> observed) {
    AccessResources resources = new AccessResources(cluster);
    Optional<Service> wanted = resources.service();
    if (wanted.isEmpty()) {
      return false;
    }
    Optional<Service> known = observed.or(() -> present(cluster, resources)); // a cache may be late
    return known
            .filter(cluster::owns) // Kubernetes is about to delete a predecessor's
            .filter(seen -> sameService(wanted.get(), seen))
            .isEmpty()
        && write(wanted.get());
  }

  private Optional<Service> present(HACluster cluster, AccessResources resources) {
    Optional<EndpointSlice> slice =
        resources.slice(Optional.empty()).flatMap(wanted -> own(cluster, wanted));
    try {
      return resources.service().flatMap(wanted -> own(cluster, wanted));
    } catch (NameTakenException e) {
      slice.ifPresent(this::delete);
      throw e;
    }
  }

  /**
   * Leads users to this place, or nowhere. A slice whose addresses are of the other family is
   * deleted and made anew, because the API server does not let the family of one change.
   *
   * @param lead the primary's pod; empty if nobody may be led anywhere
   * @param observed the EndpointSlice as it was seen last, for instance in a cache
   * @return true if something was written, false if users are led there already
   * @throws AccessException if the write failed; whether it was done may be unknown
   */
  public boolean lead(HACluster cluster, Optional<Lead> lead, Optional<EndpointSlice> observed) {
    Optional<EndpointSlice> slice = new AccessResources(cluster).slice(lead);
    if (slice.isEmpty()) {
      return false;
    }
    EndpointSlice wanted = slice.get();
    if (observed.isPresent() && lead.isEmpty()) {
      // Nobody to lead to: the family of the old address must stay, because it cannot be changed.
      wanted.setAddressType(observed.get().getAddressType());
    }
    if (observed.filter(seen -> sameSlice(wanted, seen)).isPresent()) {
      return false;
    }
    if (observed
        .filter(seen -> !seen.getAddressType().equals(wanted.getAddressType()))
        .isPresent()) {
      delete(observed.get());
    }
    try {
      return write(wanted);
    } catch (AccessException e) {
      if (!isOfOtherFamily(e)) {
        throw e;
      }
      own(cluster, wanted).ifPresent(this::delete);
      return write(wanted);
    }
  }

  /** True if a slice is there already, and only its family keeps it from being written. */
  private static boolean isOfOtherFamily(AccessException e) {
    return e.getCause() instanceof KubernetesClientException refused
        && refused.getCode() == UNPROCESSABLE
        && Optional.ofNullable(refused.getStatus())
            .map(Status::getDetails)
            .map(StatusDetails::getCauses)
            .filter(causes -> causes.stream().anyMatch(c -> "addressType".equals(c.getField())))
            .isPresent();
  }

  private <R extends HasMetadata> Optional<R> own(HACluster cluster, R wanted) {
    try {
      Optional<R> present = Optional.ofNullable(client.resource(wanted).get());
      present.ifPresent(cluster::requireOwn);
      return present;
    } catch (KubernetesClientException e) {
      throw failure(wanted, e);
    }
  }

  private boolean write(HasMetadata wanted) {
    try {
      client.resource(wanted).fieldManager(FIELD_MANAGER).forceConflicts().serverSideApply();
      return true;
    } catch (KubernetesClientException e) {
      throw failure(wanted, e);
    }
  }

  private void delete(HasMetadata old) {
    try {
      client.resource(old).withGracePeriod(0).delete();
    } catch (KubernetesClientException e) {
      throw failure(old, e);
    }
  }

  private static AccessException failure(HasMetadata object, KubernetesClientException e) {
    String what =
        object.getKind()
            + " "
            + object.getMetadata().getNamespace()
            + "/"
            + object.getMetadata().getName();
    String why =
        e.getCode() == 403
            ? "the operator's service account has no right to: grant it."
            : "the API server did not accept it (" + e.getMessage() + "); it will be tried again.";
    return new AccessException("Could not write " + what + ": " + why, e);
  }

  private static boolean sameService(Service wanted, Service seen) {
    Map<String, String> selector = seen.getSpec().getSelector();
    return (selector == null || selector.isEmpty())
        && labelled(wanted, seen)
        && wanted.getSpec().getPorts().equals(withoutNodePorts(seen).getSpec().getPorts());
  }

  private static Service withoutNodePorts(Service seen) {
    // Whoever makes the Service a NodePort or LoadBalancer gets to keep that.
    return seen.edit()
        .editSpec()
        .withPorts(
            seen.getSpec().getPorts().stream()
                .map(p -> p.edit().withNodePort(null).build())
                .toList())
        .endSpec()
        .build();
  }

  private static boolean sameSlice(EndpointSlice wanted, EndpointSlice seen) {
    return labelled(wanted, seen)
        && wanted.getAddressType().equals(seen.getAddressType())
        && wanted.getPorts().equals(Objects.requireNonNullElse(seen.getPorts(), List.of()))
        && leads(wanted).equals(leads(seen));
  }

  private static List<List<Object>> leads(EndpointSlice slice) {
    List<Endpoint> endpoints = Objects.requireNonNullElse(slice.getEndpoints(), List.of());
    return endpoints.stream()
        .map(
            e ->
                List.<Object>of(
                    e.getAddresses(),
                    Optional.ofNullable(e.getNodeName()),
                    e.getConditions() != null && Boolean.TRUE.equals(e.getConditions().getReady())))
        .toList();
  }

  private static boolean labelled(HasMetadata wanted, HasMetadata seen) {
    Map<String, String> labels =
        Objects.requireNonNullElse(seen.getMetadata().getLabels(), Map.of());
    return labels.entrySet().containsAll(wanted.getMetadata().getLabels().entrySet());
  }
}
