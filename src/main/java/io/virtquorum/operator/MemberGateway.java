package io.virtquorum.operator;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where sidecars attach: leads each stream to the adjudicator of its cluster. */
final class MemberGateway extends AdjudicatorGrpc.AdjudicatorImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(MemberGateway.class);

  private final ClusterRuntimes runtimes;
  private final BooleanSupplier leading;

  MemberGateway(ClusterRuntimes runtimes, BooleanSupplier leading) {
    this.runtimes = runtimes;
    this.leading = leading;
  }

  @Override
  public StreamObserver<FromMember> attach(StreamObserver<ToMember> out) {
    return new Attachment(out);
  }

  private final class Attachment implements StreamObserver<FromMember> {
    private final StreamObserver<ToMember> out;
    private ClusterRuntime runtime;
    private MemberStream stream;
    private boolean refused;

    Attachment(StreamObserver<ToMember> out) {
      this.out = out;
    }

    @Override
    public void onNext(FromMember message) {
      if (refused) {
        return; // what the sidecar had sent before it heard of that
      }
      if (stream != null) {
        runtime.receive(stream, message);
      } else if (message.hasHello()) {
        greet(message.getHello());
      } else {
        refuse(
            Status.INVALID_ARGUMENT,
            "The first message of a sidecar must be Hello.",
            Hello.getDefaultInstance());
      }
    }

    private void greet(Hello hello) {
      if (!leading.getAsBoolean()) {
        refuse(Status.UNAVAILABLE, "This operator does not lead; try the next.", hello);
        return;
      }
      Optional<ClusterRuntime> found = runtimes.find(hello.getNamespace(), hello.getCluster());
      if (found.isEmpty()) {
        refuse(
            Status.UNAVAILABLE,
            "No HACluster %s/%s is led here (yet)."
                .formatted(hello.getNamespace(), hello.getCluster()),
            hello);
        return;
      }
      Optional<String> objection = found.get().objection(hello);
      if (objection.isPresent()) {
        refuse(Status.PERMISSION_DENIED, objection.get(), hello);
        return;
      }
      runtime = found.get();
      stream = new MemberStream(hello, out, System::nanoTime);
      runtime.attach(stream);
    }

    private void refuse(Status status, String sentence, Hello hello) {
      LOG.atDebug()
          .addKeyValue("namespace", hello.getNamespace())
          .addKeyValue("cluster", hello.getCluster())
          .addKeyValue("member", hello.getMember())
          .log("Refused a sidecar: {}", sentence);
      refused = true;
      out.onError(status.withDescription(sentence).asRuntimeException());
    }

    @Override
    public void onError(Throwable t) {
      end();
    }

    @Override
    public void onCompleted() {
      end();
    }

    private void end() {
      if (stream != null) {
        stream.close();
        runtime.detach(stream);
      }
    }
  }
}
