package io.virtquorum.sidecar;

import ch.qos.logback.classic.Level;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.virtquorum.program.CarriedPrograms;
import io.virtquorum.program.ProgramGuest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/**
 * The process beside a VM. It serves KubeVirt's hooks before it looks at anything else: with wrong
 * arguments, or without an adjudicator, the VM must start all the same.
 */
@Command(
    name = "sidecar",
    description = "Stands beside a VM; started by KubeVirt, not by people.",
    mixinStandardHelpOptions = true)
public final class SidecarCommand implements Callable<Integer> {
  // java.util.logging forgets levels of loggers that nobody holds.
  private final Logger grpc = Logger.getLogger("io.grpc");

  @Option(names = "--cluster", defaultValue = "", description = "Name of the HACluster.")
  private String cluster;

  @Option(
      names = "--adjudicator",
      defaultValue = "",
      description = "The operator's Service, NAME:PORT.")
  private String adjudicator;

  @Option(
      names = "--adjudicator-ip",
      defaultValue = "",
      description = "The same by address, IP:PORT, for where DNS is missing.")
  private String adjudicatorIp;

  @Option(
      names = "--ca",
      defaultValue = "",
      description = "The operator's CA certificate, PEM in base64; without it no TLS.")
  private String ca;

  @Option(
      names = "--hooks-dir",
      defaultValue = "/var/run/kubevirt-hooks",
      description = "KubeVirt's hooks directory.")
  private Path hooks;

  @Option(
      names = "--guest-programs",
      defaultValue = "/opt/virtquorum/guest",
      description = "Directory with the guest programs and disk of this sidecar's version.")
  private Path guestPrograms;

  @Option(
      names = "--cloud-init",
      description =
          "Bring the guest program by cloud-init. Only where the VM has a cloud-init volume: KubeVirt"
              + " does not start one without.")
  private boolean cloudInit;

  @Option(names = "--log-level", defaultValue = "INFO", description = "Of VirtQuorum's own log.")
  private String logLevel;

  @Unmatched private List<String> unknown = new ArrayList<>();

  /** Returns 0 when the VM has ended, 1 when it could not serve KubeVirt. */
  @Override
  public Integer call() {
    var log = LoggerFactory.getLogger(SidecarCommand.class);
    if (LoggerFactory.getLogger("io.virtquorum") instanceof ch.qos.logback.classic.Logger own) {
      own.setLevel(Level.toLevel(logLevel, Level.INFO));
    }
    grpc.setLevel(java.util.logging.Level.OFF); // the link says what went wrong, once
    if (!unknown.isEmpty()) {
      log.atWarn()
          .addKeyValue("arguments", unknown)
          .log("Arguments of another version are ignored; sidecar and operator should be of one");
    }
    var loop = new EpollEventLoopGroup(1);
    var executor = Executors.newVirtualThreadPerTaskExecutor();
    try {
      StateDirectory state = new StateDirectory(hooks);
      Optional<String> container = Optional.ofNullable(System.getenv("CONTAINER_NAME"));
      Optional<GuestDisk> disk =
          cloudInit ? GuestDisk.prepare(guestPrograms, state.path()) : Optional.empty();
      try (var sidecar =
              new Sidecar(
                  state,
                  cluster,
                  container,
                  disk,
                  identity -> member(identity, state, loop, executor));
          var server = HookServer.start(hooks, state.path(), sidecar, loop, executor)) {
        log.atInfo()
            .addKeyValue("socket", server.socket())
            .addKeyValue("millis", System.currentTimeMillis() - started())
            .log("Ready for KubeVirt");
        Runtime.getRuntime().addShutdownHook(new Thread(sidecar::close, "stop"));
        sidecar.resume();
        sidecar.awaitEnd();
        return 0;
      }
    } catch (IOException e) {
      log.atError().setCause(e).log("Cannot serve KubeVirt's hooks");
      return 1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    } finally {
      executor.shutdownNow();
      loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
  }

  private static long started() {
    return ProcessHandle.current()
        .info()
        .startInstant()
        .map(Instant::toEpochMilli)
        .orElseGet(System::currentTimeMillis);
  }

  private AutoCloseable member(
      Identity identity, StateDirectory state, EpollEventLoopGroup loop, Executor executor) {
    List<String> targets =
        Stream.of(adjudicator, adjudicatorIp).filter(target -> !target.isBlank()).toList();
    Optional<byte[]> trusted =
        ca.isBlank() ? Optional.empty() : Optional.of(Base64.getMimeDecoder().decode(ca));
    var dialer = new Dialer(targets, trusted, loop, executor);
    Orders orders = new Orders(state.term(), state::term);
    String version =
        Optional.ofNullable(getClass().getPackage().getImplementationVersion()).orElse("dev");
    var guest =
        new ProgramGuest(
            hooks.resolve("agent.sock"),
            orders::term,
            version,
            CarriedPrograms.in(guestPrograms, version));
    Set<String> probes = Gateway.read().map(Set::of).orElse(Set.of());
    var member =
        new MemberThread(
            identity,
            cluster,
            version,
            guest,
            orders,
            configure ->
                GuestWork.of(identity.name(), configure, guest, state, probes, System::nanoTime),
            (hello, beat, listener) -> new Link(dialer, hello, beat, listener));
    return () -> {
      member.close();
      guest.close();
    };
  }
}
