package io.virtquorum.wire;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Opens the adjudicator's end of the wire as the sidecars expect it. */
public final class WireServer {
  private WireServer() {}

  /**
   * The server's certificate, issued to {@code virtquorum} (the name that sidecars check whatever
   * address they dialled), and its key.
   *
   * @param certificates PEM, the server's own first
   * @param key PEM, PKCS 8
   */
  public record Tls(byte[] certificates, byte[] key) {
    @Override
    public String toString() {
      return "a certificate and its key";
    }
  }

  /**
   * Starts to serve; the server is the caller's to shut down.
   *
   * @param address port 0: any free one
   * @param tls empty: plaintext
   * @param executor runs the calls; a virtual thread each does well
   * @throws IOException if the address cannot be had, or certificate and key are not usable
   */
  public static Server start(
      InetSocketAddress address, Optional<Tls> tls, Executor executor, BindableService service)
      throws IOException {
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address)
            .executor(executor)
            .maxInboundMessageSize(WireLimits.MESSAGE)
            .flowControlWindow(WireLimits.WINDOW)
            // Sidecars ping every 10 s of silence from here; the default calls that abuse.
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .addService(service);
    if (tls.isPresent()) {
      try {
        builder.sslContext(
            GrpcSslContexts.configure(
                    SslContextBuilder.forServer(
                        new ByteArrayInputStream(tls.get().certificates()),
                        new ByteArrayInputStream(tls.get().key())))
                .protocols("TLSv1.3")
                .build());
      } catch (IllegalArgumentException e) {
        throw new IOException("The server's certificate and key are not usable PEM", e);
      }
    }
    return builder.build().start();
  }
}
