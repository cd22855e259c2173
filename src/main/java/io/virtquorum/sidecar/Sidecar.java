package io.virtquorum.sidecar;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Learns from KubeVirt which VM it stands beside, gives it the channel, and starts the member's
 * work once. Safe for many threads.
 */
final class Sidecar implements DomainHook, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Sidecar.class);
  private final StateDirectory state;
  private final String cluster;
  private final Optional<String> container;
  private final Optional<GuestDisk> disk;
  private final Function<Identity, AutoCloseable> work;
  private final CountDownLatch over = new CountDownLatch(1);
  private Optional<AutoCloseable> running = Optional.empty();
  private boolean begun;

  /**
   * @param cluster the HACluster's name
   * @param container the name that KubeVirt gave this container ({@code hook-sidecar-0}), which is
   *     also that of its directory; empty: to be found out from the VM
   * @param disk brings the guest program by cloud-init; empty: it does not come so
   * @param work starts the member's work; closed with this object
   */
  Sidecar(
      StateDirectory state,
      String cluster,
      Optional<String> container,
      Optional<GuestDisk> disk,
      Function<Identity, AutoCloseable> work) {
    this.state = state;
    this.cluster = cluster;
    this.container = container;
    this.disk = disk;
    this.work = work;
  }

  /** Goes on beside a VM that already runs, if an earlier life of this sidecar knew it. */
  void resume() {
    state.identity().ifPresent(this::begin);
  }

  @Override
  public byte[] define(byte[] domain, byte[] vmi) {
    Identity identity = Identity.ofVmi(vmi);
    String directory =
        "/var/run/kubevirt-hooks/"
            + container.orElseGet(() -> "hook-sidecar-" + Identity.indexOfSidecar(vmi, cluster));
    byte[] extended = DomainXml.withChannel(domain, directory + "/agent.sock");
    byte[] defined =
        disk.map(d -> d.define(extended, directory + "/" + StateDirectory.NAME)).orElse(extended);
    state.identity(identity);
    Thread.ofVirtual().name("begin").start(() -> begin(identity));
    return defined;
  }

  @Override
  public boolean usesCloudInit() {
    return disk.isPresent();
  }

  @Override
  public byte[] cloudInit(byte[] data, byte[] vmi) {
    return disk.map(d -> d.cloudInit(data, vmi)).orElse(data);
  }

  @Override
  public void shutDown() {
    log.atInfo().log("KubeVirt says that the VM is gone; ending");
    over.countDown();
  }

  /** Waits for the VM's end. */
  void awaitEnd() throws InterruptedException {
    over.await();
  }

  /** Ends the member's work; the VM is left alone. */
  @Override
  public synchronized void close() {
    begun = true;
    running.ifPresent(Sidecar::close);
    running = Optional.empty();
    over.countDown();
  }

  private synchronized void begin(Identity identity) {
    if (begun) {
      return;
    }
    begun = true;
    log.atInfo()
        .addKeyValue("vm", identity.namespace() + "/" + identity.name())
        .addKeyValue("vmi", identity.uid())
        .addKeyValue("cluster", cluster)
        .log("Beside a VM");
    try {
      running = Optional.of(work.apply(identity));
    } catch (RuntimeException | LinkageError e) {
      // The VM goes on without; ending here would make KubeVirt call it not ready.
      log.atError().setCause(e).log("This VM is not a member: its sidecar cannot work");
    }
  }

  private static void close(AutoCloseable work) {
    try {
      work.close();
    } catch (Exception e) {
      log.atWarn().setCause(e).log("The member's work did not end cleanly");
    }
  }
}
