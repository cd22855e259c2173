package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.Listable;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.javaoperatorsdk.operator.ReconcilerUtils;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HACluster;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.NetworkException;
import io.virtquorum.network.SyncNic;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Lets go of everything that only an operator could let go of: NIC and sidecar in the specs of VMs,
 * then the finalizers of HAClusters. Deletes nothing; who holds the lease runs it. Idempotent. For
 * one thread.
 */
final class Release {
  private static final String FINALIZER = ReconcilerUtils.getDefaultFinalizerName(HACluster.class);

  private final KubernetesClient client;
  private final Detachment detachment;
  private final String own;
  private final Set<String> namespaces;
  private final Consumer<String> done;
  private final SyncNic nic = new SyncNic();
  private final SortedSet<String> troubles = new TreeSet<>();

  /**
   * @param own namespace of the operator that was removed; what another one leads is left alone
   * @param namespaces where; empty: everywhere
   * @param done is told each thing that was done, as a sentence
   */
  Release(
      KubernetesClient client,
      KubeVirtClient kubevirt,
      String own,
      Set<String> namespaces,
      Consumer<String> done) {
    this.client = client;
    this.detachment = new Detachment(kubevirt, nic);
    this.own = own;
    this.namespaces = Set.copyOf(namespaces);
    this.done = done;
  }

  /** What no further pass will do and a person must mend, a sentence each. */
  List<String> troubles() {
    return List.copyOf(troubles);
  }

  /**
   * Does what can be done now.
   *
   * @return what could not be done and why, a sentence each; empty: nothing is left for a pass
   */
  List<String> pass() {
    List<String> open = new ArrayList<>();
    troubles.clear();
    try {
      Set<String> foreign =
          clusters()
              .filter(c -> Claim.leader(c.getMetadata()).filter(l -> !l.equals(own)).isPresent())
              .map(Release::nameOf)
              .collect(Collectors.toSet());
      Set<String> waiting = new HashSet<>(foreign);
      machines().forEach(vm -> free(vm, open, foreign, waiting));
      clusters()
          .filter(cluster -> cluster.getMetadata().getFinalizers().contains(FINALIZER))
          .filter(cluster -> !waiting.contains(nameOf(cluster)))
          .forEach(cluster -> free(cluster, open));
    } catch (KubernetesClientException e) {
      open.add("The API server did not list what is to be released: " + e.getMessage());
    }
    return open;
  }

  private void free(
      VirtualMachine vm, List<String> open, Set<String> foreign, Set<String> waiting) {
    Optional<String> cluster;
    try {
      cluster = nic.clusterOf(vm);
    } catch (NetworkException e) {
      troubles.add(e.getMessage());
      return;
    }
    String namespace = vm.getMetadata().getNamespace();
    if (cluster.isEmpty() || foreign.contains(namespace + "/" + cluster.get())) {
      return;
    }
    try {
      Optional<Trouble> trouble = detachment.detach(vm);
      if (trouble.isPresent()) {
        troubles.add(trouble.get().message());
      } else {
        done.accept(
            "VM %s: sync NIC and sidecar are out of its spec; if it runs, it keeps them until its next restart."
                .formatted(nameOf(vm)));
      }
    } catch (KubeVirtException e) {
      open.add(e.getMessage());
      // Its HACluster keeps the finalizer until its VMs are free, as with an operator.
      waiting.add(namespace + "/" + cluster.get());
    }
  }

  private void free(GenericKubernetesResource cluster, List<String> open) {
    int at = cluster.getMetadata().getFinalizers().indexOf(FINALIZER);
    String disclaim =
        Claim.leader(cluster.getMetadata()).isEmpty()
            ? ""
            : "{\"op\": \"remove\", \"path\": \"%s\"},".formatted(Claim.PATH);
    String patch =
        """
        [%3$s{"op": "test", "path": "/metadata/finalizers/%1$d", "value": "%2$s"},
         {"op": "remove", "path": "/metadata/finalizers/%1$d"}]
        """
            .formatted(at, FINALIZER, disclaim);
    try {
      untyped()
          .inNamespace(cluster.getMetadata().getNamespace())
          .withName(cluster.getMetadata().getName())
          .patch(PatchContext.of(PatchType.JSON), patch);
      done.accept(
          cluster.isMarkedForDeletion()
              ? "HACluster %s: it was being deleted and waits for VirtQuorum no longer."
                  .formatted(nameOf(cluster))
              : "HACluster %s: it stays, with its record, and can be deleted without VirtQuorum."
                  .formatted(nameOf(cluster)));
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_NOT_FOUND) {
        open.add("HACluster %s keeps its finalizer: %s".formatted(nameOf(cluster), e.getMessage()));
      }
    }
  }

  private Stream<VirtualMachine> machines() {
    return list(client.resources(VirtualMachine.class));
  }

  /** Untyped: an object that this version could not read must be let go too. */
  private Stream<GenericKubernetesResource> clusters() {
    return list(untyped());
  }

  private MixedOperation<
          GenericKubernetesResource,
          GenericKubernetesResourceList,
          Resource<GenericKubernetesResource>>
      untyped() {
    return client.genericKubernetesResources(
        ResourceDefinitionContext.fromResourceType(HACluster.class));
  }

  private <T extends HasMetadata, L extends KubernetesResourceList<T>> Stream<T> list(
      MixedOperation<T, L, Resource<T>> resources) {
    return namespaces.isEmpty()
        ? items(resources.inAnyNamespace())
        : namespaces.stream().flatMap(name -> items(resources.inNamespace(name)));
  }

  private static <T extends HasMetadata, L extends KubernetesResourceList<T>> Stream<T> items(
      Listable<L> resources) {
    try {
      return resources.list().getItems().stream();
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_NOT_FOUND) {
        return Stream.empty(); // the cluster does not know this kind (any more)
      }
      throw e;
    }
  }

  private static String nameOf(HasMetadata object) {
    return object.getMetadata().getNamespace() + "/" + object.getMetadata().getName();
  }
}
