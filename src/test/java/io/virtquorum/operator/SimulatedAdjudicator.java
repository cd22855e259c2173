package io.virtquorum.operator;

import io.grpc.stub.StreamObserver;
import io.virtquorum.access.Lead;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.adjudicate.Hold;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.api.StateSpec;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/**
 * The production adjudication without its thread, its gRPC server and its API server: a simulation
 * drives it. All methods may take simulated time, and are called by one task of the simulation.
 */
public final class SimulatedAdjudicator {
  private final Adjudication adjudication;
  private View seen;

  /** What an adjudication needs of the simulation. */
  public interface Outside {
    /** The HACluster as the API server has it; the caller's to change. */
    HACluster read();

    /** A compare-and-swap by the resource version. */
    HACluster updateStatus(HACluster cluster);

    /** Lets time pass; false if this adjudicator is to end. */
    boolean pause(Duration time);

    /** Leads users, nowhere if the address is empty; false: try again. */
    boolean lead(String podAddress);

    /** What people hear. */
    void tell(Command.Tell tell);

    /** Whether a guest's kernel answers at an address; takes time. */
    boolean answers(String podAddress);

    /** Runs a task on its own. */
    void execute(Runnable task);

    /** A probe's answer is there: {@link #heard} is to be called with it. */
    void probed(String member, Object answer);
  }

  /** What Kubernetes knows of a VM. */
  public record Vm(String uid, boolean running, String podAddress, String syncAddress) {}

  /** One sidecar's stream, at this end. */
  public static final class Stream {
    private final MemberStream stream;

    private Stream(MemberStream stream) {
      this.stream = stream;
    }
  }

  /**
   * Begins to lead.
   *
   * @param floor its term is above this, and above the record's
   * @param exposedSince what the leader before showed of exposure
   */
  public SimulatedAdjudicator(
      String namespace,
      String name,
      HAClusterStatus status,
      long floor,
      Optional<Instant> exposedSince,
      byte[] key,
      Clock clock,
      LongSupplier nanoTime,
      Outside outside) {
    var store =
        new RecordStore(
            new RecordStore.Api() {
              @Override
              public HACluster read(String n, String c) {
                return outside.read();
              }

              @Override
              public HACluster updateStatus(HACluster cluster) {
                return outside.updateStatus(cluster);
              }
            },
            clock,
            new RecordStore.Waiting() {
              @Override
              public long nanoTime() {
                return nanoTime.getAsLong();
              }

              @Override
              public boolean pause(Duration time) {
                return outside.pause(time);
              }
            });
    this.nanoTime = nanoTime;
    this.adjudication =
        new Adjudication(
            namespace,
            name,
            new Legacy(
                record(status),
                floor,
                exposedSince,
                status.recorded().flatMap(r -> r.commitment()).map(c -> c.time())),
            key,
            new Surroundings(
                store,
                outside::tell,
                where -> outside.lead(where.map(Lead::podIp).orElse("")),
                () -> {},
                clock,
                nanoTime,
                new Surroundings.GuestProbes(
                    (address, ports) ->
                        outside.answers(address)
                            ? GuestProbe.Answer.ALIVE
                            : GuestProbe.Answer.SILENT,
                    outside::execute)),
            outside::probed);
  }

  private final LongSupplier nanoTime;

  /** The record in a status. */
  public static ClusterRecord record(HAClusterStatus status) {
    return RecordMapping.read(status.recorded());
  }

  /** The spec or the VMs changed. */
  public void configured(
      Config config,
      Map<String, Vm> vms,
      List<FileTree> files,
      int accessPort,
      Duration audit,
      int archiveEntries) {
    Map<String, ClusterSettings.Vm> members = new TreeMap<>();
    vms.forEach(
        (member, vm) ->
            members.put(
                member,
                new ClusterSettings.Vm(
                    Optional.of(vm.uid()),
                    vm.running(),
                    Optional.empty(),
                    Optional.of(vm.podAddress()).filter(a -> vm.running()),
                    "02:00:00:00:00:01",
                    vm.syncAddress())));
    adjudication.configured(
        new ClusterSettings(
            config,
            members,
            StateSpec.ofFiles(files.toArray(FileTree[]::new)),
            List.of(accessPort),
            Duration.ofMillis(100),
            Duration.ofSeconds(2),
            audit,
            archiveEntries,
            1L << 30,
            50_000_000,
            GuestProgram.Update.AUTO,
            ""));
  }

  /**
   * A sidecar greets.
   *
   * @param down takes what is sent to it; must not take time
   * @param closed runs when this end closes the stream
   */
  public Stream greet(Hello hello, java.util.function.Consumer<ToMember> down, Runnable closed) {
    return new Stream(
        new MemberStream(
            hello,
            new StreamObserver<>() {
              @Override
              public void onNext(ToMember message) {
                down.accept(message);
              }

              @Override
              public void onError(Throwable error) {
                closed.run();
              }

              @Override
              public void onCompleted() {
                closed.run();
              }
            },
            nanoTime));
  }

  public void attach(Stream stream) {
    adjudication.attached(stream.stream);
  }

  public void detach(Stream stream) {
    stream.stream.close();
    adjudication.detached(stream.stream);
  }

  public void received(Stream stream, FromMember message) {
    adjudication.received(stream.stream, message);
  }

  /** A sign of life; true if it is news for {@link #received}. */
  public boolean beat(Stream stream, Beat beat) {
    return stream.stream.beat(beat);
  }

  public void heard(String member, Object answer) {
    adjudication.probed(member, (GuestProbe.Answer) answer);
  }

  public void tick() {
    adjudication.tick();
  }

  /** After a failure that nobody foresaw; as the production thread does. */
  public void writeLater() {
    adjudication.writeLater();
  }

  /** True while it does not know how the last change of the record ended. */
  public boolean isWriting() {
    return adjudication.isWriting();
  }

  public boolean isDeposed() {
    return adjudication.deposedFor().isPresent();
  }

  /** The highest term that it or any of its members had or heard. */
  public long highestTerm() {
    return adjudication.terms().highest();
  }

  public void end() {
    adjudication.end();
  }

  /** What is held back now. */
  public List<Hold> holds() {
    return adjudication.view().holds();
  }

  /** Since when it shows that something is exposed. */
  public Optional<Instant> exposedSince() {
    return adjudication.view().exposure().since();
  }

  /** Since when it shows that it does not know what is exposed. */
  public Optional<Instant> exposureUnknownSince() {
    return adjudication.view().exposure().unknownSince();
  }

  /** True if there is something that was not there when this was last asked. */
  public boolean hasNews() {
    boolean news = adjudication.view() != seen;
    seen = adjudication.view();
    return news;
  }

  /** True if a tick can change nothing but by the end of a stream: all are equal and idle. */
  public boolean isAtRest() {
    View view = adjudication.view();
    return view.holds().isEmpty()
        && view.repairing().isEmpty()
        && view.exposure().isNone()
        && !view.record().members().isEmpty()
        && view.record().members().keySet().stream().allMatch(view::inSync);
  }
}
