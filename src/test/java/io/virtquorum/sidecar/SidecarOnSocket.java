package io.virtquorum.sidecar;

import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.virtquorum.program.CarriedPrograms;
import io.virtquorum.program.ProgramGuest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A sidecar as it is beside a VM but for KubeVirt's hooks: it dials an adjudicator, and its guest
 * is a program on a socket.
 */
public final class SidecarOnSocket implements AutoCloseable {
  private final EpollEventLoopGroup loop = new EpollEventLoopGroup(1);
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final ProgramGuest guest;
  private final MemberThread member;

  /**
   * Begins.
   *
   * @param socket of the guest program
   * @param adjudicator host:port
   */
  public SidecarOnSocket(
      String namespace, String cluster, String name, String uid, Path socket, String adjudicator) {
    var dialer = new Dialer(List.of(adjudicator), Optional.empty(), loop, executor);
    Orders orders = new Orders(0, _ -> {});
    guest = new ProgramGuest(socket, orders::term, "dev", CarriedPrograms.none());
    Users.Kept kept = new KeptInMemory();
    member =
        new MemberThread(
            new Identity(namespace, name, uid),
            cluster,
            "dev",
            guest,
            orders,
            configure -> GuestWork.of(name, configure, guest, kept, Set.of(), System::nanoTime),
            (hello, beat, listener) -> new Link(dialer, hello, beat, listener));
  }

  @Override
  public void close() {
    member.close();
    guest.close();
    executor.shutdownNow();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
