package io.virtquorum.operator;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.ToMember;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * A member whose guest is a map of files: speaks the wire protocol over a real connection as a
 * sidecar does, obeys orders at once, and attaches again whatever ends its stream. Safe on any
 * thread.
 */
final class ScriptedMember implements AutoCloseable {
  private static final String FEATURE = "site";

  private final Hello hello;
  private final IntSupplier port;
  private final Map<Digest, String> syncNetwork;
  private final Map<String, String> files = new TreeMap<>();
  private final Map<String, String> remembered = new TreeMap<>();
  private final ScriptedOutputs outputs = new ScriptedOutputs();
  private final Set<String> rotten = new HashSet<>();
  private final List<Command> orders = new CopyOnWriteArrayList<>();
  private final List<Configure> configured = new CopyOnWriteArrayList<>();
  private final List<Status> ends = new CopyOnWriteArrayList<>();
  private final List<Command> waiting = new ArrayList<>();
  private final Thread thread;
  private Optional<Position> position = Optional.empty();
  private boolean users;
  private boolean obeys = true;
  private long ballots;
  private long term;
  private StreamObserver<FromMember> out;
  private volatile GuestState guest = GuestState.GUEST_STATE_ANSWERING;
  private volatile boolean silent;
  private volatile boolean closed;

  /**
   * Begins to dial.
   *
   * @param port where the adjudicator is now
   * @param syncNetwork what samples serve, by digest; shared by the members of a cluster
   */
  ScriptedMember(
      String namespace,
      String cluster,
      String name,
      String vmiUid,
      IntSupplier port,
      Map<Digest, String> syncNetwork,
      Map<String, String> files) {
    this.hello =
        Hello.newBuilder()
            .setNamespace(namespace)
            .setCluster(cluster)
            .setMember(name)
            .setVmiUid(vmiUid)
            .setVersion("test")
            .build();
    this.port = port;
    this.syncNetwork = syncNetwork;
    this.files.putAll(files);
    this.thread = Thread.ofVirtual().name("member-" + name).start(this::keep);
  }

  /** A user's write: it goes through the guest's OS. */
  synchronized void write(String file, String text) {
    files.put(file, text);
    rotten.remove(file);
    ballot();
  }

  /** Content changes below the file system. */
  synchronized void rot(String file, String text) {
    files.put(file, text);
    rotten.add(file);
    ballot();
  }

  /** From now on it has that beside its files. */
  synchronized void has(String feature, Output output) {
    outputs.put(feature, output);
    ballot();
  }

  /** What it has beside its files. */
  synchronized Map<String, Output> outputs() {
    return outputs.all();
  }

  /** From now on a user is there. */
  synchronized void userComes() {
    users = true;
    ballot();
  }

  /** Whether orders are obeyed; those that came meanwhile are obeyed when it does again. */
  synchronized void obeys(boolean now) {
    obeys = now;
    if (now) {
      List<Command> late = List.copyOf(waiting);
      waiting.clear();
      late.forEach(this::obey);
    }
  }

  /** A leader of this term gave it an order. */
  synchronized void hears(long newer) {
    term = newer;
  }

  /** QEMU closes its end of the agent's socket. */
  void guestDies() {
    guest = GuestState.GUEST_STATE_GONE;
  }

  /** No beats any more, on an open stream. */
  void fallsSilent() {
    silent = true;
  }

  /** Sends a ballot that says nothing new. */
  synchronized void speak() {
    ballot();
  }

  /** How many ballots were sent. */
  synchronized int ballots() {
    return (int) ballots;
  }

  synchronized Map<String, String> files() {
    return Map.copyOf(files);
  }

  synchronized boolean remembersWhatItHolds() {
    return position.isPresent() && remembered.equals(files);
  }

  synchronized Optional<Position> position() {
    return position;
  }

  /** The orders that were received. */
  List<Command> orders() {
    return List.copyOf(orders);
  }

  /** How it was configured, each time. */
  List<Configure> configured() {
    return List.copyOf(configured);
  }

  /** How its streams ended. */
  List<Status> ends() {
    return List.copyOf(ends);
  }

  private void keep() {
    try {
      while (!closed) {
        ManagedChannel channel =
            NettyChannelBuilder.forAddress("127.0.0.1", port.getAsInt()).usePlaintext().build();
        try {
          serve(channel);
        } finally {
          channel.shutdownNow();
        }
        Thread.sleep(30); // as a sidecar does between two attempts
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  private void serve(ManagedChannel channel) throws InterruptedException {
    Stream stream = new Stream();
    StreamObserver<FromMember> mine = AdjudicatorGrpc.newStub(channel).attach(stream);
    synchronized (this) {
      out = mine;
      send(FromMember.newBuilder().setHello(hello.toBuilder().setTermSeen(term)).build());
    }
    long beats = 0;
    while (!closed && stream.ended.getCount() > 0) {
      if (!silent) {
        send(
            FromMember.newBuilder()
                .setBeat(Beat.newBuilder().setNumber(++beats).setGuest(guest).setLookAgeMillis(0))
                .build());
      }
      stream.ended.await(50, TimeUnit.MILLISECONDS);
    }
    synchronized (this) {
      out = null;
    }
  }

  private synchronized void send(FromMember message) {
    if (out != null) {
      try {
        out.onNext(message);
      } catch (IllegalStateException | StatusRuntimeException e) {
        out = null; // the stream ended a moment ago
      }
    }
  }

  private final class Stream implements StreamObserver<ToMember> {
    private final CountDownLatch ended = new CountDownLatch(1);

    @Override
    public void onNext(ToMember message) {
      if (message.hasConfigure()) {
        configured.add(message.getConfigure());
        ballot();
      } else if (message.hasCommand()) { // it has nobody who waits for a commit
        orders.add(message.getCommand());
        obey(message.getCommand());
      }
    }

    @Override
    public void onError(Throwable error) {
      ends.add(Status.fromThrowable(error));
      ended.countDown();
    }

    @Override
    public void onCompleted() {
      ends.add(Status.OK);
      ended.countDown();
    }
  }

  private synchronized void obey(Command order) {
    if (!obeys) {
      waiting.add(order);
      return;
    }
    if (order.getTerm() < term) {
      finish(order, Progress.Outcome.OUTCOME_REFUSED, "OldTerm", 0);
      return;
    }
    term = order.getTerm();
    try {
      switch (order.getOrderCase()) {
        case VERIFY -> verify(order);
        case SERVE_SAMPLE -> serve(order);
        case PULL_SAMPLE -> pull(order);
        case RESTORE_ROWS -> restore(order);
        case SERVE_OUTPUT -> serve(order, outputs.serve(order, address()));
        case APPLY_OUTPUT -> {
          outputs.apply(order.getApplyOutput());
          finish(order, Progress.Outcome.OUTCOME_DONE, "", 1);
        }
        case AUDIT -> ballot();
        case ORDER_NOT_SET -> throw new IllegalStateException("an order without an order");
      }
    } catch (WireException e) {
      throw new IllegalStateException("the adjudicator sent what its own reader refuses", e);
    }
  }

  private void verify(Command order) throws WireException {
    boolean holds = matrix().root().equals(WireMapping.readDigest(order.getVerify().getRoot(), ""));
    if (holds) {
      remember(WireMapping.read(order.getVerify().getPosition()));
    }
    finish(order, holds ? Progress.Outcome.OUTCOME_DONE : Progress.Outcome.OUTCOME_VOID, "", 0);
  }

  private void serve(Command order) throws WireException {
    Matrix matrix = matrix();
    Digest wanted = WireMapping.readDigest(order.getServeSample().getRoot(), "");
    files.values().forEach(text -> syncNetwork.put(digest(text), text));
    serve(
        order,
        Optional.of(matrix)
            .filter(m -> m.root().equals(wanted))
            .map(m -> new OfferContent(order.getId(), m, address(), 8730, "secret")));
  }

  /** On the sync network, as it was told. */
  private String address() {
    String address = configured.getLast().getSyncAddress();
    return address.substring(0, address.indexOf('/'));
  }

  private void serve(Command order, Optional<OfferContent> offer) {
    if (offer.isEmpty()) {
      finish(order, Progress.Outcome.OUTCOME_VOID, "", 0);
      return;
    }
    send(FromMember.newBuilder().setOffer(WireMapping.write(offer.get())).build());
    ballot();
  }

  private void pull(Command order) throws WireException {
    OfferContent offer = WireMapping.read(order.getPullSample().getOffer());
    int rows = matrix().differences(offer.matrix()).size();
    files.clear();
    offer
        .matrix()
        .rows()
        .forEach(row -> files.put(row.key().item(), syncNetwork.get(row.digest())));
    rotten.clear();
    remember(WireMapping.read(order.getPullSample().getPosition()));
    finish(order, Progress.Outcome.OUTCOME_DONE, "", rows);
  }

  private void restore(Command order) throws WireException {
    List<Row> rows = WireMapping.readRows(order.getRestoreRows().getRowsList());
    for (Row row : rows) {
      files.put(row.key().item(), syncNetwork.get(row.digest()));
      rotten.remove(row.key().item());
    }
    finish(order, Progress.Outcome.OUTCOME_DONE, "", rows.size());
  }

  private void remember(Position at) {
    position = Optional.of(at);
    remembered.clear();
    remembered.putAll(files);
    users = false;
  }

  private void finish(Command order, Progress.Outcome outcome, String reason, int rows) {
    send(
        FromMember.newBuilder()
            .setProgress(
                Progress.newBuilder()
                    .setCommandId(order.getId())
                    .setOutcome(outcome)
                    .setReason(reason)
                    .setRows(rows)
                    .setBytes(rows * 100L)
                    .setMillis(7)
                    .setArchiveEntry(rows > 0 ? "entry-" + order.getId() : ""))
            .build());
    ballot();
  }

  private synchronized void ballot() {
    List<Change> changes = changes();
    send(
        FromMember.newBuilder()
            .setBallot(
                WireMapping.write(
                    new BallotContent(
                        ++ballots,
                        "boot-" + hello.getVmiUid(),
                        matrix().root(),
                        files.size(),
                        position.map(p -> new Remembered(p, matrix(remembered).root())),
                        0,
                        changes,
                        changes.size(),
                        users ? 1 : 0,
                        users,
                        false,
                        Optional.empty(),
                        outputs.all(),
                        List.of(),
                        0)))
            .build());
  }

  private List<Change> changes() {
    if (position.isEmpty()) {
      return List.of();
    }
    return matrix(remembered).differences(matrix()).stream()
        .map(
            d ->
                new Change(
                    d.key(),
                    rotten.contains(d.key().item()) ? Change.Kind.ROT : Change.Kind.WRITTEN,
                    d.mine(),
                    d.theirs()))
        .toList();
  }

  private Matrix matrix() {
    return matrix(files);
  }

  private static Matrix matrix(Map<String, String> files) {
    return Matrix.of(
        files.entrySet().stream()
            .map(e -> new Row(new RowKey(FEATURE, e.getKey()), digest(e.getValue())))
            .toList());
  }

  static Digest digest(String text) {
    try {
      return Digest.of(
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Sends anything on the present stream. */
  void say(FromMember message) {
    send(message);
  }

  /** A fingerprint key as it was configured last. */
  ByteString key() {
    return configured.getLast().getFingerprintKey();
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(2_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
