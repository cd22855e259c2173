package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.javaoperatorsdk.operator.api.config.informer.Informer;
import io.javaoperatorsdk.operator.api.config.informer.InformerEventSourceConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Cleaner;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.DeleteControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.InformerEventSource;
import io.virtquorum.access.AccessException;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.Mode;
import io.virtquorum.api.NameTakenException;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import io.virtquorum.vmspec.VmSpecException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Reads everything, derives what should be, and writes what differs: the VMs' sync NICs and
 * sidecars, restarts, the Service, and the status. What is decided about the members' state is the
 * adjudicator's ({@link ClusterRuntime}); its news come in as events and are only read here.
 */
@ControllerConfiguration(
    name = "hacluster",
    generationAwareEventProcessing = false,
    informer = @Informer(onUpdateFilter = SpecOrRequest.class))
final class HAClusterReconciler implements Reconciler<HACluster>, Cleaner<HACluster> {
  private static final Duration AGAIN = Duration.ofSeconds(15);
  private static final Duration SOON = Duration.ofSeconds(1);

  private final Parts parts;
  private final SpecUnit specUnit = new SpecUnit();
  private final Restarts restarts = new Restarts(System::nanoTime);
  private final SimpleInboundEventSource<HACluster> news =
      new SimpleInboundEventSource<>("adjudicator");
  private final Alarm alarm = new Alarm(news::propagateEvent);
  private InformerEventSource<VirtualMachine, HACluster> machines;
  private InformerEventSource<VirtualMachineInstance, HACluster> instances;
  private InformerEventSource<Service, HACluster> services;
  private InformerEventSource<EndpointSlice, HACluster> slices;

  HAClusterReconciler(Parts parts) {
    this.parts = parts;
  }

  @Override
  public List<EventSource<?, HACluster>> prepareEventSources(
      EventSourceContext<HACluster> context) {
    machines = informer(VirtualMachine.class, context);
    instances = informer(VirtualMachineInstance.class, context);
    services = owned(Service.class, context);
    slices = owned(EndpointSlice.class, context);
    return List.of(machines, instances, services, slices, news);
  }

  /** Clusters find their VMs by label or name: a VM concerns every cluster of its namespace. */
  private <R extends HasMetadata> InformerEventSource<R, HACluster> informer(
      Class<R> type, EventSourceContext<HACluster> context) {
    return new InformerEventSource<>(
        InformerEventSourceConfiguration.from(type, HACluster.class)
            .withSecondaryToPrimaryMapper(
                resource ->
                    context
                        .getPrimaryCache()
                        .list(resource.getMetadata().getNamespace(), c -> true)
                        .map(ResourceID::fromResource)
                        .collect(Collectors.toSet()))
            .withNamespacesInheritedFromController()
            .build(),
        context);
  }

  private static <R extends HasMetadata> InformerEventSource<R, HACluster> owned(
      Class<R> type, EventSourceContext<HACluster> context) {
    return new InformerEventSource<>(
        InformerEventSourceConfiguration.from(type, HACluster.class)
            .withLabelSelector("app.kubernetes.io/managed-by=virtquorum")
            .withNamespacesInheritedFromController()
            .build(),
        context);
  }

  @Override
  public UpdateControl<HACluster> reconcile(HACluster cluster, Context<HACluster> context) {
    ResourceID id = ResourceID.fromResource(cluster);
    alarm.in(AGAIN, id); // if this ends by an exception, too
    Optional<Duration> again = reconcile(cluster);
    again.ifPresentOrElse(time -> alarm.in(time, id), () -> alarm.off(id));
    return UpdateControl.noUpdate();
  }

  /** Reconciles; when to do that again, whatever happens; empty: when something happens. */
  private Optional<Duration> reconcile(HACluster cluster) {
    String namespace = cluster.getMetadata().getNamespace();
    String name = cluster.getMetadata().getName();
    Optional<Trouble> refusal = parts.claim().refusal(cluster);
    if (refusal.isPresent()) {
      parts.announcer(cluster).standing(refusal);
      parts.runtimes().stop(namespace, name);
      return Optional.of(AGAIN);
    }
    MemberSet members = members(cluster);
    TreeMap<String, Trouble> troubles = new TreeMap<>();

    // 1. The VMs: NIC, sidecar, addresses; those that the record let go get theirs taken away.
    Preparation.Result prepared = parts.preparation().prepare(cluster, members);
    prepared.troubles().forEach(t -> troubles.putIfAbsent(t.reason(), t));
    release(cluster, members, troubles);
    Startup.trouble(members, parts.preparation().sidecarImage())
        .ifPresent(t -> troubles.putIfAbsent(t.reason(), t));

    // 2. The adjudicator: what it is to know.
    UserAccess access =
        parts
            .access()
            .computeIfAbsent(
                ResourceID.fromResource(cluster),
                id -> new UserAccess(parts.accessPath(), cluster));
    ClusterRuntime runtime =
        parts
            .runtimes()
            .findOrStart(
                namespace,
                name,
                floor ->
                    parts.start(
                        cluster,
                        access,
                        () -> news.propagateEvent(ResourceID.fromResource(cluster)),
                        floor));
    if (runtime.deposedFor().isPresent()) {
      return Optional.of(ClusterRuntimes.DEPOSED); // another operator speaks
    }

    // 3. Where users are led; the adjudicator leads them by the spec that was taken in here.
    try {
      access.offer(cluster, first(services, cluster));
    } catch (NameTakenException e) {
      troubles.put("NameTaken", new Trouble("NameTaken", e.getMessage()));
    } catch (AccessException e) {
      troubles.put("ServiceNotWritten", new Trouble("ServiceNotWritten", e.getMessage()));
    }
    if (!prepared.addresses().isEmpty()) {
      ClusterSettings settings = SettingsFactory.settings(cluster, members, prepared);
      if (!runtime.configure(settings)) {
        return Optional.of(SOON);
      }
      if (access.isLedElsewhere(led(cluster))) {
        access.forget();
        runtime.leadAgain();
      }
    }
    View view = runtime.view();
    parts.promotion().settle(cluster, view);

    // 4. The VM-spec features, then restarts, one at a time.
    repairSpecs(cluster, members, view, troubles);
    Rollout.Plan rollout =
        Rollout.plan(name, members, cluster.getSpec().restartPolicy(), Optional.of(view));
    if (cluster.getSpec().mode() == Mode.REPAIR && troubles.isEmpty()) {
      rollout.restart().ifPresent(member -> restart(cluster, members, member, troubles));
    }

    // 5. What there is to say.
    Map<String, String> nodes = new TreeMap<>();
    members.instances().forEach((m, vmi) -> vmi.nodeName().ifPresent(node -> nodes.put(m, node)));
    StatusFactory.Setup setup =
        new StatusFactory.Setup(
            cluster.getMetadata().getGeneration(),
            troubles.values().stream().findFirst(),
            rollout.pending(),
            nodes,
            prepared.uninstalled());
    boolean said =
        parts
            .store()
            .update(
                namespace,
                name,
                before -> parts.statuses().status(before, setup, Optional.of(view)))
            .isPresent();
    if (!said) {
      return Optional.of(SOON);
    }
    parts.announcer(cluster).standing(StatusFactory.toMend(setup, view));
    return troubles.isEmpty() && rollout.pending().isEmpty()
        ? Optional.empty()
        : Optional.of(AGAIN);
  }

  private void release(HACluster cluster, MemberSet members, Map<String, Trouble> troubles) {
    try {
      parts
          .preparation()
          .release(
              cluster,
              inNamespace(machines, cluster.getMetadata().getNamespace()),
              members::isEquipped)
          .forEach(t -> troubles.put(t.reason(), t));
    } catch (KubeVirtException.Conflict e) {
      // it changed meanwhile: that change brings us here again
    } catch (KubeVirtException e) {
      troubles.put("VMNotReleased", new Trouble("VMNotReleased", e.getMessage()));
    }
  }

  /** Where the slice leads users. */
  private List<String> led(HACluster cluster) {
    return first(slices, cluster).stream()
        .flatMap(s -> Stream.ofNullable(s.getEndpoints()).flatMap(List::stream))
        .flatMap(e -> e.getAddresses().stream())
        .toList();
  }

  private void repairSpecs(
      HACluster cluster, MemberSet members, View view, Map<String, Trouble> troubles) {
    if (cluster.getSpec().mode() != Mode.REPAIR || view.record().committed().isEmpty()) {
      return;
    }
    specUnit
        .elect(
            members.machines(),
            cluster.getSpec().state().vmSpec(),
            SettingsFactory.config(cluster, members),
            view.record())
        .ifPresent(
            verdict ->
                verdict
                    .losers()
                    .forEach(
                        loser -> {
                          try {
                            parts
                                .kubevirt()
                                .patch(
                                    members.machines().get(loser),
                                    specUnit.repair(members.machines().get(loser), verdict));
                            parts
                                .announcer(cluster)
                                .tell(
                                    SpecUnit.news(
                                        loser, view.record().primary().orElseThrow(), verdict));
                          } catch (KubeVirtException.Conflict e) {
                            // it changed meanwhile: that change brings us here again
                          } catch (KubeVirtException | VmSpecException e) {
                            troubles.put(
                                "VMNotPatched", new Trouble("VMNotPatched", e.getMessage()));
                          }
                        }));
  }

  private void restart(
      HACluster cluster, MemberSet members, String member, Map<String, Trouble> troubles) {
    String uid = members.instance(member).orElseThrow().getMetadata().getUid();
    if (!restarts.first(uid)) {
      return; // asked for already; a second request would end the new instance
    }
    try {
      parts.kubevirt().restart(cluster.getMetadata().getNamespace(), member);
      parts.announcer(cluster).tell(Rollout.news(member));
    } catch (KubeVirtException.Conflict e) {
      // it is starting or stopping already
    } catch (KubeVirtException e) {
      if (e instanceof KubeVirtException.Refused) {
        restarts.refused(uid); // and said for as long as it is
      }
      troubles.put("VMNotRestarted", new Trouble("VMNotRestarted", e.getMessage()));
    }
  }

  @Override
  public DeleteControl cleanup(HACluster cluster, Context<HACluster> context) {
    ResourceID id = ResourceID.fromResource(cluster);
    alarm.in(AGAIN, id);
    Optional<Duration> again = release(cluster);
    if (again.isPresent()) {
      alarm.in(again.get(), id);
      return DeleteControl.noFinalizerRemoval();
    }
    alarm.off(id);
    parts.forget(cluster);
    return DeleteControl.defaultDelete();
  }

  /** Gives the VMs back as they were found; when to try again, or empty: that is done. */
  private Optional<Duration> release(HACluster cluster) {
    String namespace = cluster.getMetadata().getNamespace();
    Optional<Trouble> refusal = parts.claim().refusal(cluster);
    if (refusal.isPresent()) {
      parts.announcer(cluster).standing(refusal);
      return Optional.of(AGAIN);
    }
    parts.runtimes().stop(namespace, cluster.getMetadata().getName());
    try {
      parts
          .preparation()
          .release(cluster, inNamespace(machines, namespace), _ -> false)
          .forEach(
              t -> parts.announcer(cluster).tell(new Command.Tell(true, t.reason(), t.message())));
    } catch (KubeVirtException.Conflict e) {
      return Optional.of(SOON); // it changed meanwhile
    } catch (KubeVirtException e) {
      parts.announcer(cluster).standing(Optional.of(new Trouble("VMNotReleased", e.getMessage())));
      return Optional.of(SOON);
    }
    return Optional.empty();
  }

  private MemberSet members(HACluster cluster) {
    String namespace = cluster.getMetadata().getNamespace();
    String name = cluster.getMetadata().getName();
    ClusterRecord record =
        parts
            .runtimes()
            .find(namespace, name)
            .filter(runtime -> runtime.deposedFor().isEmpty())
            .map(runtime -> runtime.view().record())
            .orElseGet(() -> parts.store().read(cluster));
    return MemberSet.of(
        cluster,
        record.members(),
        inNamespace(machines, namespace),
        inNamespace(instances, namespace),
        vm -> parts.preparation().carries(vm, name));
  }

  private static <R extends HasMetadata> Stream<R> inNamespace(
      InformerEventSource<R, HACluster> informer, String namespace) {
    return informer.list(namespace, r -> true);
  }

  private static <R extends HasMetadata> Optional<R> first(
      InformerEventSource<R, HACluster> informer, HACluster cluster) {
    return informer.list(cluster.getMetadata().getNamespace(), cluster::owns).findFirst();
  }
}
