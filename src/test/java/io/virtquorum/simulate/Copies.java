package io.virtquorum.simulate;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Fetch;
import io.virtquorum.guest.wire.v1.Fetched;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Row;
import io.virtquorum.guest.wire.v1.Serve;
import io.virtquorum.guest.wire.v1.Serving;
import io.virtquorum.port.RefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/** What a simulated guest program serves to others, and fetches from them. For one thread. */
final class Copies {
  private static final String STAGE = ProgramTree.OWN + "/stage";
  private static final long CONNECT = 2 * Timeline.MILLISECOND;
  private static final int PORT = 7787;
  private static final int PIN = 32;

  private final SimulatedGuest guest;
  private final Operations operations;
  private final List<TreeMap<String, Staged>> staged = new ArrayList<>();
  private long names;

  /**
   * A row that waits in the stage.
   *
   * @param name its path in the file system
   */
  record Staged(String name, Digest digest) {}

  Copies(SimulatedGuest guest, Operations operations) {
    this.guest = guest;
    this.operations = operations;
  }

  /** What was staged is of no use any more. */
  void forget() {
    staged.clear();
  }

  Optional<Staged> staged(ProgramTree tree, String path) {
    return tree.index < staged.size()
        ? Optional.ofNullable(staged.get(tree.index).get(path))
        : Optional.empty();
  }

  /** Serves until it is stopped. */
  void serve(SimulatedCall call) throws RefusedException {
    Serve request = call.request.getServe();
    var wanted = operations.targets(call);
    Optional<Frozen> frozen = operations.frozen(request.getFrozen());
    for (ProgramTree tree : operations.trees) {
      operations.use(tree);
      for (var row : wanted.get(tree.index).entrySet()) {
        if (frozen.filter(kept -> kept.has(tree, row.getKey())).isPresent()) {
          continue;
        }
        ProgramTree.Known known = tree.row(row.getKey());
        if (known == null || !Optional.ofNullable(known.digest).equals(row.getValue())) {
          throw new RefusedException(
              Reason.REASON_VOID, "", row.getKey() + " is not as it is to be served");
        }
      }
    }
    if (!request.getAddress().equals(guest.address) || !guest.hasAddress()) {
      throw new RefusedException(
          Reason.REASON_FAILED, "", "the address " + request.getAddress() + " is not here");
    }
    byte[] pin = new byte[PIN];
    guest.random.nextBytes(pin);
    var serving =
        new SyncNetwork.Serving(
            guest,
            ByteString.copyFrom(pin),
            request.getJoiners(0).getSeed(),
            operations.trees.stream().map(tree -> tree.path).toList(),
            frozen,
            call);
    operations.servings.add(serving);
    call.goesOn(
        () -> {
          operations.servings.remove(serving);
          guest.program.over(call, null, call.end());
        });
    call.piece(
        Answer.newBuilder()
            .setServing(
                Serving.newBuilder()
                    .setAddress(guest.address)
                    .setPort(PORT)
                    .setPin(serving.pin())));
  }

  private static RefusedException failed(String detail, String sentence) {
    return new RefusedException(Reason.REASON_FAILED, detail, sentence);
  }

  /** Fetches rows into the stage. */
  Answer.Builder fetch(SimulatedCall call) throws RefusedException {
    Fetch request = call.request.getFetch();
    var wanted = operations.targets(call);
    staged.clear();
    for (ProgramTree tree : operations.trees) {
      operations.use(tree);
      clear(tree.volume());
    }
    SyncNetwork.Serving from = connect(request, call);
    Fetched.Builder fetched = Fetched.newBuilder();
    long bytes = 0;
    for (ProgramTree tree : operations.trees) {
      TreeMap<String, Staged> here = new TreeMap<>();
      Volume theirs = from.guest().mounts.get(from.trees().get(tree.index));
      for (var row : wanted.get(tree.index).entrySet()) {
        step(request.getAddress(), from, call);
        Optional<Frozen.Row> kept = from.frozen().flatMap(frozen -> frozen.row(tree, row.getKey()));
        Node node = kept.map(Frozen.Row::node).orElseGet(() -> theirs.get(row.getKey()));
        Content read =
            kept.map(Frozen.Row::content)
                .orElseGet(() -> node == null || !node.isFile() ? null : theirs.read(node));
        boolean there = node != null && !theirs.isFailing() && from.guest().isMounted(tree.path);
        Digest digest = there ? guest.truth.disks.readDigest(node, read) : null;
        if (!Optional.ofNullable(digest).equals(row.getValue())) {
          fetched.setMovedTotal(fetched.getMovedTotal() + 1);
          fetched.addMoved(
              Row.newBuilder()
                  .setTree(tree.index)
                  .setPath(ProgramTree.bytes(row.getKey()))
                  .setTrouble("it is another by now"));
          continue;
        }
        String name = STAGE + "/" + ++names;
        stage(tree.volume(), name, node, read);
        here.put(row.getKey(), new Staged(name, digest));
        bytes += node.isFile() ? node.size() : 0;
      }
      staged.add(here);
      tree.volume().sync();
    }
    from.guest().program.served(from);
    return Answer.newBuilder()
        .setFetched(fetched.setReceived(bytes + 200).setSent(200).setRows(names));
  }

  /** What an earlier fetch left and no interrupted repair needs. */
  private void clear(Volume volume) {
    if (!volume.exists(Repairs.JOURNAL)) {
      volume.remove(STAGE, guest.fileTime());
    }
    volume.makeDirectories(STAGE, 0700, guest.fileTime());
  }

  private void stage(Volume volume, String name, Node like, Content content) {
    long time = guest.fileTime();
    if (like.isDirectory()) {
      volume.create(name, Node.directory(volume.inode(), like.mode, time), time);
    } else if (like.isFile()) {
      Node file = Node.file(volume.inode(), like.mode, like.mtime, time, content);
      volume.unsynced(file.inode);
      volume.create(name, file, time);
    } else {
      volume.create(name, Node.link(volume.inode(), time, like.target), time);
    }
  }

  private SyncNetwork.Serving connect(Fetch request, SimulatedCall call) throws RefusedException {
    String host = request.getAddress();
    pass(host, 10, call);
    guest.work(CONNECT + guest.network.delay(guest.address, host));
    pass(host, 10, call);
    SimulatedGuest donor = guest.network.guest(host);
    SyncNetwork.Serving serving =
        donor.program.servings().stream()
            .filter(one -> one.pin().equals(request.getPin()))
            .findFirst()
            .orElseThrow(() -> failed("DonorUnreachable", "nothing is served there"));
    donor.people.opened();
    donor.program.accepted();
    if (!serving.seed().equals(request.getSeed())) {
      throw failed("DonorRefused", "it is not for this member");
    }
    return serving;
  }

  private void step(String host, SyncNetwork.Serving from, SimulatedCall call)
      throws RefusedException {
    guest.work(guest.copying() + guest.network.delay(guest.address, host));
    call.checkOn();
    pass(host, 20, call);
    if (!from.guest().program.servings().contains(from)) {
      throw failed("DonorUnreachable", "it was lost");
    }
  }

  /** Waits for a network that is cut until the patience is over, or goes on at once. */
  private void pass(String host, long patience, SimulatedCall call) throws RefusedException {
    long since = guest.timeline.now();
    while (!guest.network.passes(guest.address, host)
        || guest.network.guest(host).hindrances.hangs()) {
      if (guest.timeline.now() - since >= patience * Timeline.SECOND) {
        throw failed("DonorUnreachable", "nothing comes from it");
      }
      guest.work(Timeline.SECOND);
      call.checkOn();
    }
  }
}
