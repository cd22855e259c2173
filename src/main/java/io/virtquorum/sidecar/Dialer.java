package io.virtquorum.sidecar;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoop;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollSocketChannel;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslProvider;
import io.virtquorum.wire.WireLimits;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;

/**
 * Opens connections to the adjudicator, trying its addresses in turn: the name of its Service
 * first, then the ClusterIP, because a pod's DNS may be missing. For one thread.
 */
final class Dialer {
  /** What the operator's certificate is issued to, whatever address it is reached by. */
  static final String AUTHORITY = "virtquorum";

  private static final Duration CONNECT = Duration.ofMillis(1_500);
  private final List<String> targets;
  private final Optional<SslContext> tls;
  private final EventLoopGroup loop;
  private final Executor executor;
  private int next;

  /**
   * @param targets {@code host:port}, at least one
   * @param ca PEM of the operator's CA; empty: no TLS
   * @throws IllegalArgumentException if the PEM holds no certificate
   */
  Dialer(List<String> targets, Optional<byte[]> ca, EventLoopGroup loop, Executor executor) {
    if (targets.isEmpty()) {
      throw new IllegalArgumentException("There must be an address of the adjudicator");
    }
    this.targets = List.copyOf(targets);
    this.tls = ca.map(Dialer::trust);
    this.loop = loop;
    this.executor = executor;
  }

  /**
   * Connects to the next address; empty if it is not there in time. The channel is the caller's to
   * shut down.
   */
  Optional<ManagedChannel> dial() throws InterruptedException {
    String target = targets.get(next);
    next = (next + 1) % targets.size();
    ManagedChannel channel = channel(target);
    if (ready(channel)) {
      next = (next + targets.size() - 1) % targets.size(); // what worked is tried first again
      return Optional.of(channel);
    }
    channel.shutdownNow();
    return Optional.empty();
  }

  /** The thread of its channels: what is sent by it needs no other to wake up. */
  EventLoop loop() {
    return loop.next();
  }

  /** The address that {@link #dial} will try. */
  String target() {
    return targets.get(next);
  }

  /** Leaves an address that accepts connections and then does not serve. */
  void skip() {
    next = (next + 1) % targets.size();
  }

  private ManagedChannel channel(String target) {
    NettyChannelBuilder builder =
        NettyChannelBuilder.forTarget("dns:///" + target)
            .channelType(EpollSocketChannel.class)
            .eventLoopGroup(loop)
            .executor(executor)
            .proxyDetector(address -> null) // the adjudicator is in the cluster, never beyond
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) CONNECT.toMillis())
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .maxInboundMessageSize(WireLimits.MESSAGE)
            .flowControlWindow(WireLimits.WINDOW)
            .disableRetry();
    return tls.map(context -> builder.sslContext(context).overrideAuthority(AUTHORITY))
        .orElseGet(builder::usePlaintext)
        .build();
  }

  private static boolean ready(ManagedChannel channel) throws InterruptedException {
    long end = System.nanoTime() + CONNECT.toNanos();
    ConnectivityState state = channel.getState(true);
    while (state == ConnectivityState.IDLE || state == ConnectivityState.CONNECTING) {
      CountDownLatch change = new CountDownLatch(1);
      channel.notifyWhenStateChanged(state, change::countDown);
      if (!change.await(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)) {
        return false;
      }
      state = channel.getState(true);
    }
    return state == ConnectivityState.READY;
  }

  private static SslContext trust(byte[] pem) {
    try {
      // The JDK's TLS: the bundled native one costs memory that only heavy traffic pays back.
      return GrpcSslContexts.configure(SslContextBuilder.forClient(), SslProvider.JDK)
          .trustManager(new ByteArrayInputStream(pem))
          .protocols("TLSv1.3")
          .build();
    } catch (SSLException | RuntimeException e) {
      throw new IllegalArgumentException("The operator's CA is no PEM certificate", e);
    }
  }
}
