package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.WireServer;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The operator's Service gets another ClusterIP under a running sidecar, which has nothing but its
 * name. The sidecar's link is in a process of its own, whose names come from a file; Java itself
 * keeps an address for half a minute.
 */
@Timeout(150)
final class NewAddressTest {
  private static final String NAME = "virtquorum.virtquorum-system.svc";

  @TempDir Path directory;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final BlockingQueue<String> hellos = new LinkedBlockingQueue<>();

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
  }

  @Test
  void givenAServiceWithANewAddressThenARunningSidecarFindsIt() throws Exception {
    Path hosts = directory.resolve("hosts");
    Server first = serve("127.0.0.1", 0);
    int port = first.getPort();
    Files.writeString(hosts, "127.0.0.1 " + NAME + "\n");
    Process sidecar = start(hosts, port);
    try {
      assertThat(hellos.poll(60, TimeUnit.SECONDS)).isEqualTo("127.0.0.1");
      stop(first);
      hellos.clear();
      Server second = serve("127.0.0.2", port);
      Files.writeString(hosts, "127.0.0.2 " + NAME + "\n");
      try {
        assertThat(hellos.poll(90, TimeUnit.SECONDS)).isEqualTo("127.0.0.2");
      } finally {
        stop(second);
      }
    } finally {
      sidecar.destroyForcibly().waitFor();
      stop(first);
    }
  }

  private Server serve(String address, int port) throws IOException {
    return WireServer.start(
        new InetSocketAddress(address, port),
        Optional.empty(),
        executor,
        new AdjudicatorGrpc.AdjudicatorImplBase() {
          @Override
          public StreamObserver<FromMember> attach(StreamObserver<ToMember> response) {
            return new Hearing(address);
          }
        });
  }

  private static void stop(Server server) throws InterruptedException {
    server.shutdownNow();
    assertThat(server.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
  }

  private final class Hearing implements StreamObserver<FromMember> {
    private final String address;

    Hearing(String address) {
      this.address = address;
    }

    @Override
    public void onNext(FromMember message) {
      if (message.hasHello()) {
        hellos.add(address);
      }
    }

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }

  private static Process start(Path hosts, int port) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Djdk.net.hosts.file=" + hosts,
            "-Xmx64m",
            "-cp",
            System.getProperty("java.class.path"),
            Sidecar.class.getName(),
            NAME + ":" + port)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** A link to the address that it is given, until its input ends. */
  static final class Sidecar implements Link.Listener {
    /** Dials. */
    public static void main(String[] arguments) throws IOException {
      var loop = new EpollEventLoopGroup(1);
      try (var executor = Executors.newVirtualThreadPerTaskExecutor();
          var link =
              new Link(
                  new Dialer(List.of(arguments[0]), Optional.empty(), loop, executor),
                  () -> Hello.newBuilder().setMember("web-0").build(),
                  number -> Beat.newBuilder().setNumber(number).build(),
                  new Sidecar())) {
        System.in.transferTo(OutputStream.nullOutputStream()); // until it ends
      } finally {
        loop.shutdownGracefully();
      }
    }

    @Override
    public void attached() {}

    @Override
    public void configured(Configure configure) {}

    @Override
    public void recalled(io.virtquorum.wire.v1.Recall recall) {}

    @Override
    public void stands(io.virtquorum.wire.v1.Standing standing) {}

    @Override
    public void ordered(Command command) {}
  }
}
