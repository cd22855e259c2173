package io.virtquorum.sidecar;

import com.google.protobuf.ByteString;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.WireServer;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.ToMember;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.Executors;

/**
 * An operator's end that tells a sidecar once how to work, and then is quiet; for
 * tools/sidecar-cost. It leaves in a directory {@code port} and {@code ca}, what the sidecar is to
 * be started with, and {@code voted} once it has the first ballot.
 */
final class QuietOperator extends AdjudicatorGrpc.AdjudicatorImplBase {
  private final Path directory;
  private final Configure configure;

  private QuietOperator(Path directory, Configure configure) {
    this.directory = directory;
    this.configure = configure;
  }

  /**
   * Serves until it is killed: QuietOperator DIRECTORY TREE.
   *
   * @param arguments where it leaves its files, and the path of the tree in the guest
   */
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[0]);
    Configure configure =
        Configure.newBuilder()
            .setTerm(1)
            .setFingerprintKey(ByteString.copyFrom(new byte[32]))
            .addFiles(FileFeature.newBuilder().setName("site").setPath(arguments[1]))
            .setBeatMillis(100)
            .setQuickMillis(2_000)
            .setAuditMillis(600_000)
            .setSyncMac("00:00:00:00:00:00") // the loopback's
            .setSyncAddress("127.0.0.1/8")
            .addAccessPorts(80)
            .setArchiveEntries(20)
            .setArchiveBytes(1L << 30)
            .build();
    IssuedCertificate certificate = IssuedCertificate.issue(directory, Dialer.AUTHORITY);
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      Server server =
          WireServer.start(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              Optional.of(certificate.tls()),
              executor,
              new QuietOperator(directory, configure));
      Files.writeString(
          directory.resolve("ca"), Base64.getEncoder().encodeToString(certificate.ca()));
      Files.writeString(directory.resolve("port.new"), server.getPort() + "\n");
      Files.move(directory.resolve("port.new"), directory.resolve("port"));
      server.awaitTermination();
    }
  }

  @Override
  public StreamObserver<FromMember> attach(StreamObserver<ToMember> response) {
    return new StreamObserver<>() {
      @Override
      public void onNext(FromMember message) {
        if (message.hasHello()) {
          response.onNext(ToMember.newBuilder().setConfigure(configure).build());
        } else if (message.hasBallot() && message.getBallot().getTroubleReason().isEmpty()) {
          voted();
        }
      }

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        response.onCompleted();
      }
    };
  }

  private void voted() {
    try {
      Files.writeString(directory.resolve("voted"), "");
    } catch (IOException e) {
      throw new UncheckedIOException("That the sidecar voted cannot be told", e);
    }
  }
}
