package io.virtquorum.sidecar;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.WireLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import kubevirt.hooks.info.InfoGrpc;
import kubevirt.hooks.info.InfoParams;
import kubevirt.hooks.info.InfoResult;
import kubevirt.hooks.v1alpha3.CallbacksGrpc;
import kubevirt.hooks.v1alpha3.OnDefineDomainParams;
import kubevirt.hooks.v1alpha3.OnDefineDomainResult;
import kubevirt.hooks.v1alpha3.PreCloudInitIsoParams;
import kubevirt.hooks.v1alpha3.PreCloudInitIsoResult;
import kubevirt.hooks.v1alpha3.ShutdownParams;
import kubevirt.hooks.v1alpha3.ShutdownResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * KubeVirt's hook protocol (v1alpha3) on a unix socket. The first Info must be answered within one
 * second or virt-launcher panics and takes the VM with it, so the socket appears at its place only
 * after this server has answered one of its own.
 */
public final class HookServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HookServer.class);
  private static final String NAME = "virtquorum";
  private static final int MOST_ANSWERED = 3 << 20; // bytes; KubeVirt's client takes four MiB
  private final Server server;
  private final Path socket;

  private HookServer(Server server, Path socket) {
    this.server = server;
    this.socket = socket;
  }

  /**
   * Starts, warms up, and then lets the socket {@code virtquorum.sock} appear.
   *
   * @param hooks KubeVirt's hooks directory
   * @param quiet a directory below it, which KubeVirt does not look into
   * @param loop an epoll loop; stays the caller's
   * @param executor runs the calls; stays the caller's
   * @throws IOException if the socket cannot be made
   */
  public static HookServer start(
      Path hooks, Path quiet, DomainHook hook, EventLoopGroup loop, Executor executor)
      throws IOException {
    Path warming = quiet.resolve("warming.sock");
    Files.deleteIfExists(warming); // of a life that ended too early
    Server server =
        NettyServerBuilder.forAddress(new DomainSocketAddress(warming.toFile()))
            .channelType(EpollServerDomainSocketChannel.class)
            .bossEventLoopGroup(loop)
            .workerEventLoopGroup(loop)
            .executor(executor)
            .maxInboundMessageSize(WireLimits.MESSAGE)
            .addService(new InfoService(hook.usesCloudInit()))
            .addService(new CallbacksService(hook))
            .build()
            .start();
    try {
      warmUp(warming, loop, executor);
      Path socket = hooks.resolve(NAME + ".sock");
      Files.move(warming, socket, StandardCopyOption.ATOMIC_MOVE);
      return new HookServer(server, socket);
    } catch (IOException | RuntimeException e) {
      server.shutdownNow();
      throw e;
    }
  }

  /** Where KubeVirt finds it. */
  public Path socket() {
    return socket;
  }

  /** Lets calls end for a second, then removes the socket. */
  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(1, TimeUnit.SECONDS)) {
        server.shutdownNow();
      }
      Files.deleteIfExists(socket);
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      log.atWarn().addKeyValue("socket", socket).setCause(e).log("Cannot remove the hook socket");
    }
  }

  private static void warmUp(Path socket, EventLoopGroup loop, Executor executor) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loop)
            .executor(executor)
            .usePlaintext()
            .build();
    try {
      InfoGrpc.newBlockingStub(channel)
          .withDeadlineAfter(30, TimeUnit.SECONDS)
          .info(InfoParams.getDefaultInstance());
    } finally {
      channel.shutdownNow();
    }
  }

  private static final class InfoService extends InfoGrpc.InfoImplBase {
    private final InfoResult info;

    InfoService(boolean usesCloudInit) {
      InfoResult.Builder builder = InfoResult.newBuilder().setName(NAME).addVersions("v1alpha3");
      builder.addHookPointsBuilder().setName("OnDefineDomain");
      builder.addHookPointsBuilder().setName("Shutdown");
      if (usesCloudInit) {
        builder.addHookPointsBuilder().setName("PreCloudInitIso");
      }
      info = builder.build();
    }

    @Override
    public void info(InfoParams request, StreamObserver<InfoResult> response) {
      response.onNext(info);
      response.onCompleted();
    }
  }

  private static final class CallbacksService extends CallbacksGrpc.CallbacksImplBase {
    private final DomainHook hook;

    CallbacksService(DomainHook hook) {
      this.hook = hook;
    }

    @Override
    public void onDefineDomain(
        OnDefineDomainParams request, StreamObserver<OnDefineDomainResult> response) {
      ByteString domain = request.getDomainXML();
      try {
        domain =
            ByteString.copyFrom(hook.define(domain.toByteArray(), request.getVmi().toByteArray()));
      } catch (RuntimeException | LinkageError e) {
        log.atError()
            .setCause(e)
            .log("The VM starts without VirtQuorum's channel: its domain could not be extended");
      }
      response.onNext(OnDefineDomainResult.newBuilder().setDomainXML(domain).build());
      response.onCompleted();
    }

    /** Where it is not subscribed a KubeVirt that asks all the same gets back what it sent. */
    @Override
    public void preCloudInitIso(
        PreCloudInitIsoParams request, StreamObserver<PreCloudInitIsoResult> response) {
      ByteString data = request.getCloudInitData();
      if (hook.usesCloudInit()) {
        try {
          data =
              ByteString.copyFrom(
                  hook.cloudInit(data.toByteArray(), request.getVmi().toByteArray()));
        } catch (RuntimeException | LinkageError e) {
          // Not with its message, which may quote what holds passwords.
          log.atError()
              .addKeyValue("failure", e.getClass().getName())
              .log("The VM starts without the guest program in its cloud-init data");
        }
      }
      ByteString legacy = request.getCloudInitNoCloudSource();
      if (data.size() + legacy.size() > MOST_ANSWERED) {
        legacy = ByteString.EMPTY; // KubeVirt reads it only where the other is not usable
      }
      response.onNext(
          PreCloudInitIsoResult.newBuilder()
              .setCloudInitNoCloudSource(legacy)
              .setCloudInitData(data)
              .build());
      response.onCompleted();
    }

    @Override
    public void shutdown(ShutdownParams request, StreamObserver<ShutdownResult> response) {
      response.onNext(ShutdownResult.getDefaultInstance());
      response.onCompleted();
      hook.shutDown();
    }
  }
}
