package io.virtquorum.simulate;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.wire.v1.Addressed;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.ArchiveEntries;
import io.virtquorum.guest.wire.v1.Change;
import io.virtquorum.guest.wire.v1.Configure;
import io.virtquorum.guest.wire.v1.Configured;
import io.virtquorum.guest.wire.v1.Health;
import io.virtquorum.guest.wire.v1.HealthCheck;
import io.virtquorum.guest.wire.v1.Look;
import io.virtquorum.guest.wire.v1.MarkUsers;
import io.virtquorum.guest.wire.v1.Proven;
import io.virtquorum.guest.wire.v1.Quiesced;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Remember;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Request.OperationCase;
import io.virtquorum.guest.wire.v1.Row;
import io.virtquorum.guest.wire.v1.RowList;
import io.virtquorum.guest.wire.v1.Seen;
import io.virtquorum.guest.wire.v1.StaleProcess;
import io.virtquorum.guest.wire.v1.Stood;
import io.virtquorum.guest.wire.v1.Target;
import io.virtquorum.guest.wire.v1.UsersMarked;
import io.virtquorum.port.RefusedException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/** What the program of a simulated guest does when it is asked, in one boot. For one thread. */
final class Operations {
  /** What they have to read or write is in memory. */
  private static final Set<OperationCase> DISKLESS =
      EnumSet.of(
          OperationCase.USERS,
          OperationCase.ADDRESS,
          OperationCase.HEALTH,
          OperationCase.ROWS,
          OperationCase.STANDING,
          OperationCase.FACTS);

  /** What the simulated program carries out. */
  static final Set<OperationCase> KNOWN =
      EnumSet.of(
          OperationCase.CONFIGURE,
          OperationCase.LOOK,
          OperationCase.AUDIT,
          OperationCase.ROWS,
          OperationCase.REMEMBER,
          OperationCase.PROVE,
          OperationCase.MARK_USERS,
          OperationCase.USERS,
          OperationCase.ADDRESS,
          OperationCase.HEALTH,
          OperationCase.SERVE,
          OperationCase.FETCH,
          OperationCase.FREEZE,
          OperationCase.APPLY,
          OperationCase.ARCHIVE_LIST,
          OperationCase.STANDING,
          OperationCase.QUIESCE);

  private static final int MOST_STALE = 20;

  private static final Set<OperationCase> LONG =
      EnumSet.of(OperationCase.FETCH, OperationCase.APPLY, OperationCase.QUIESCE);

  final List<SyncNetwork.Serving> servings = new ArrayList<>();
  final List<ProgramTree> trees = new ArrayList<>();
  private final SimulatedGuest guest;
  private final UserCount users;
  private final Copies copies;
  private final Repairs repairs;
  final Barrier barrier;
  private Configure configured;
  private final SequencedMap<Long, Frozen> frozen = new LinkedHashMap<>();
  private long freezes;
  private long number;
  private long versions = -1;

  Operations(SimulatedGuest guest) {
    this.guest = guest;
    this.users = new UserCount(guest);
    this.copies = new Copies(guest, this);
    this.repairs = new Repairs(guest, this);
    this.barrier = new Barrier(guest, this);
  }

  /** Nothing is served any more. */
  void down() {
    servings.clear();
  }

  Configure configured() {
    return configured;
  }

  Copies copies() {
    return copies;
  }

  UserCount users() {
    return users;
  }

  /** True if it does not end at once. */
  boolean takesTime(Request request) {
    OperationCase operation = request.getOperationCase();
    return LONG.contains(operation)
        || (!DISKLESS.contains(operation)
            && (guest.hindrances.hangs()
                || guest.mounts.values().stream().anyMatch(v -> v.exists(Repairs.JOURNAL))));
  }

  /**
   * Does it.
   *
   * @return the answer's last piece; empty: it goes on by itself, or the guest died meanwhile
   */
  Optional<Answer.Builder> carryOut(SimulatedCall call) throws RefusedException {
    Request request = call.request;
    OperationCase operation = request.getOperationCase();
    if (!DISKLESS.contains(operation)) {
      guest.hindrances.await();
      call.checkOn();
    }
    if (!KNOWN.contains(operation)) {
      throw new IllegalStateException("the simulated program does not know " + operation);
    }
    if (configured == null && operation != OperationCase.CONFIGURE) {
      throw new RefusedException(Reason.REASON_NOT_CONFIGURED, "", "nothing is configured");
    }
    if (guest.sprung()) {
      return Optional.empty(); // nobody hears it
    }
    try {
      return switch (operation) {
        case CONFIGURE -> Optional.of(configure(request.getConfigure(), call));
        case LOOK -> {
          repairs.tryToFinish(call);
          yield Optional.of(look(request.getLook()));
        }
        case AUDIT -> {
          repairs.tryToFinish(call);
          yield Optional.of(audit());
        }
        case ROWS -> Optional.of(Answer.newBuilder().setRows(rows(request.getRows().getSince())));
        case REMEMBER -> remember(request.getRemember());
        case FREEZE -> freeze();
        case PROVE -> Optional.of(prove(targets(call)));
        case MARK_USERS -> Optional.of(mark(request.getMarkUsers()));
        case USERS -> Optional.of(Answer.newBuilder().setUsers(users.look()));
        case ADDRESS -> Optional.of(address());
        case HEALTH -> Optional.of(health(request.getHealth()));
        case SERVE -> {
          copies.serve(call);
          yield Optional.empty();
        }
        case FETCH -> Optional.of(copies.fetch(call));
        case APPLY -> repairs.apply(call);
        case ARCHIVE_LIST -> {
          repairs.finish(call);
          yield Optional.of(
              Answer.newBuilder().setArchiveEntries(ArchiveEntries.getDefaultInstance()));
        }
        case STANDING -> {
          barrier.stands(request.getStanding());
          yield Optional.of(Answer.newBuilder().setStood(Stood.getDefaultInstance()));
        }
        case QUIESCE -> {
          guest.quiesce.run(request.getQuiesce());
          yield Optional.of(Answer.newBuilder().setQuiesced(Quiesced.getDefaultInstance()));
        }
        default -> throw new IllegalStateException(operation + " is known and not carried out");
      };
    } catch (Volume.NoRoom e) {
      throw new RefusedException(Reason.REASON_FAILED, "DiskFull", e.getMessage());
    }
  }

  private Answer.Builder configure(Configure wanted, SimulatedCall call) throws RefusedException {
    barrier.configured(!wanted.equals(configured));
    if (!wanted.equals(configured)) {
      trees.clear();
      versions = -1;
      for (var tree : wanted.getTreesList()) {
        String path = tree.getPath().toString(ISO_8859_1);
        trees.add(new ProgramTree(guest, trees.size(), tree.getName(), path, wanted.getReadOnly()));
      }
      configured = wanted;
      agree();
      copies.forget();
      frozen.clear();
      repairs.finish(call);
    }
    Configured.Builder done = Configured.newBuilder();
    trees.forEach(tree -> done.addTrees(tree.state()));
    return Answer.newBuilder().setConfigured(done);
  }

  /** A crash may have come while the trees took a new state together. */
  private void agree() {
    List<Optional<Remembered>> states =
        trees.stream().map(t -> t.memory().map(MemoryFile::remembered)).toList();
    if (states.stream().distinct().count() > 1) {
      states.stream()
          .flatMap(Optional::stream)
          .max(Comparator.comparing(Remembered::position))
          .filter(newest -> trees.stream().allMatch(tree -> tree.couldRemember(newest)))
          .ifPresent(newest -> trees.forEach(tree -> tree.becomes(newest)));
    }
  }

  /** The number of what the trees hold now. */
  long number() {
    long now = 0;
    for (ProgramTree tree : trees) {
      now += tree.version();
    }
    if (now != versions || number == 0) {
      versions = now;
      number++;
    }
    return number;
  }

  private long next() {
    return number + 1;
  }

  Answer.Builder look(Look request) {
    // There are no events: every look walks, as one that is asked for soon would.
    for (ProgramTree tree : trees) {
      if (tree.trouble().isEmpty()) {
        tree.walk(next());
      }
    }
    barrier.decide();
    Answer.Builder answer = seen(false);
    if (request.getRows() && answer.getLook().getReadingBytes() == 0) {
      answer.getLookBuilder().setRowsThen(rows(request.getSince()));
    }
    if (request.getUsers()) { // nothing happens during a look
      answer.getLookBuilder().setUsersBefore(users.look()).setUsersAfter(users.look());
    }
    return answer;
  }

  private Answer.Builder audit() {
    boolean all = true;
    for (ProgramTree tree : trees) {
      if (tree.trouble().isPresent()) {
        all = false;
      } else {
        tree.audit(next());
      }
    }
    return seen(all);
  }

  private Answer.Builder seen(boolean audited) {
    Seen.Builder seen = Seen.newBuilder().setNumber(number()).setAudited(audited);
    seen.setBegan(guest.clock()).setAsks(barrier.asks());
    for (ProgramTree tree : trees) {
      seen.addTrees(tree.state());
      seen.setReadingBytes(seen.getReadingBytes() + tree.unread());
      List<Change> changes = tree.changes();
      seen.addAllChanges(changes);
      seen.setChangesTotal(seen.getChangesTotal() + changes.size());
    }
    return Answer.newBuilder().setLook(seen.addAllStale(stale()));
  }

  /** Who has files open that a repair took out of the trees. */
  private List<StaleProcess> stale() {
    if (guest.opened.isEmpty()) {
      return List.of();
    }
    return trees.stream()
        .flatMap(
            tree ->
                guest.opened.stream()
                    .filter(opened -> opened.tree().equals(tree.path))
                    .flatMap(opened -> opened.stale(tree.index).stream()))
        .limit(MOST_STALE)
        .toList();
  }

  private RowList.Builder rows(long since) {
    long from = since > number() ? 0 : since;
    RowList.Builder list = RowList.newBuilder().setLook(number()).setAll(from == 0);
    for (ProgramTree tree : trees) {
      for (Row row : tree.list(from)) {
        list.addRows(row);
      }
    }
    return list;
  }

  /** The rows that a call names, by tree. */
  List<TreeMap<String, Optional<Digest>>> targets(SimulatedCall call) {
    List<TreeMap<String, Optional<Digest>>> targets = new ArrayList<>();
    trees.forEach(tree -> targets.add(new TreeMap<>()));
    for (var piece : call.body) {
      for (Target target : piece.getTargetsList()) {
        targets
            .get(target.getTree())
            .put(
                target.getPath().toString(ISO_8859_1),
                target.getDigest().isEmpty()
                    ? Optional.empty()
                    : Optional.of(Digest.of(target.getDigest().toByteArray())));
      }
    }
    return targets;
  }

  /** A tree of which something is to be read or written. */
  void use(ProgramTree tree) throws RefusedException {
    var trouble = tree.trouble();
    if (trouble.isPresent()) {
      boolean away = !guest.isMounted(tree.path);
      throw new RefusedException(
          away ? Reason.REASON_VOID : Reason.REASON_FAILED,
          away ? "" : trouble.get().reason().name(),
          trouble.get().getMessage());
    }
  }

  private Answer.Builder prove(List<TreeMap<String, Optional<Digest>>> wanted)
      throws RefusedException {
    return Answer.newBuilder().setProven(readBack(wanted));
  }

  Proven.Builder readBack(List<TreeMap<String, Optional<Digest>>> wanted) throws RefusedException {
    Proven.Builder proven = Proven.newBuilder();
    for (ProgramTree tree : trees) {
      use(tree);
      for (String path : wanted.get(tree.index).keySet()) {
        tree.readBack(path, next());
        proven.setRows(proven.getRows() + 1);
      }
    }
    return proven;
  }

  /** Keeps what is different from what is remembered, two at a time. */
  private Optional<Answer.Builder> freeze() throws RefusedException {
    long look = next();
    for (ProgramTree tree : trees) {
      use(tree);
      tree.walk(look);
      if (tree.isUnread()) {
        throw new RefusedException(Reason.REASON_VOID, "", "a row is still to be read");
      }
      if (tree.memory().isEmpty()) {
        throw new RefusedException(Reason.REASON_VOID, "NoMemory", "nothing is remembered");
      }
    }
    long seen = number();
    for (ProgramTree tree : trees) {
      for (Change change : tree.changes()) {
        tree.readBack(change.getPath().toString(ISO_8859_1), look);
        if (guest.sprung()) {
          return Optional.empty();
        }
      }
    }
    if (trees.stream().anyMatch(ProgramTree::isUnread)) {
      throw new RefusedException(Reason.REASON_VOID, "", "it changes faster than it can be copied");
    }
    if (frozen.size() == 2) {
      Optional<Frozen> unserved =
          frozen.values().stream()
              .filter(
                  kept -> servings.stream().noneMatch(s -> s.frozen().equals(Optional.of(kept))))
              .findFirst();
      if (unserved.isEmpty()) {
        throw new RefusedException(
            Reason.REASON_VOID, "FrozenServed", "all that is kept is served");
      }
      frozen.remove(unserved.get().number());
    }
    Frozen kept = Frozen.of(++freezes, seen, trees);
    frozen.put(kept.number(), kept);
    var answer =
        io.virtquorum.guest.wire.v1.Frozen.newBuilder()
            .setNumber(kept.number())
            .setLook(seen)
            .setRemembers(true);
    for (ProgramTree tree : trees) {
      answer.addAllChanges(tree.changes());
    }
    return Optional.of(
        Answer.newBuilder().setFrozen(answer.setChangesTotal(answer.getChangesCount())));
  }

  /** What was frozen under this number; empty: it is not about such. */
  Optional<Frozen> frozen(long wanted) throws RefusedException {
    if (wanted != 0 && !frozen.containsKey(wanted)) {
      throw new RefusedException(Reason.REASON_VOID, "", "it is not kept any more");
    }
    return Optional.ofNullable(frozen.get(wanted));
  }

  private Optional<Answer.Builder> remember(Remember request) throws RefusedException {
    Optional<Frozen> kept = frozen(request.getFrozen());
    if (kept.isEmpty() && number() != request.getLook()) {
      throw new RefusedException(
          Reason.REASON_VOID, "", "look " + request.getLook() + " is not the newest any more");
    }
    Remembered state = remembered(request.getPosition(), request.getRoot());
    boolean again =
        trees.stream()
            .allMatch(tree -> tree.memory().map(MemoryFile::remembered).equals(Optional.of(state)));
    for (ProgramTree tree : trees) {
      use(tree);
      if (kept.isEmpty() && tree.isUnread()) {
        throw new RefusedException(Reason.REASON_VOID, "", "a row is still to be read");
      }
    }
    for (ProgramTree tree : trees) {
      kept.ifPresentOrElse(it -> tree.prepare(state, it), () -> tree.prepare(state));
      if (guest.sprung()) {
        return Optional.empty();
      }
    }
    for (ProgramTree tree : trees) { // only now: trees that differ remember nothing
      tree.commit();
      if (guest.sprung()) {
        return Optional.empty();
      }
    }
    repairs.setHalf(false);
    if (!again) { // else nothing is known of when it was committed
      barrier.remembered(state, kept.map(Frozen::look).orElse(request.getLook()));
    }
    return Optional.of(
        Answer.newBuilder()
            .setRemembered(io.virtquorum.guest.wire.v1.Remembered.getDefaultInstance()));
  }

  private Answer.Builder mark(MarkUsers request) throws RefusedException {
    Optional<ProgramTree.Mark> held =
        request.hasHeld()
            ? Optional.of(
                new ProgramTree.Mark(
                    Optional.of(
                        remembered(request.getHeld().getPosition(), request.getHeld().getRoot()))))
            : Optional.empty();
    boolean seen = request.getSeen();
    for (ProgramTree tree : trees) {
      use(tree);
      seen |=
          held.isPresent()
              ? tree.mark().equals(held)
              : tree.memory().isEmpty() && tree.mark().isPresent();
    }
    for (ProgramTree tree : trees) {
      Optional<ProgramTree.Mark> own = Optional.of(tree.ownMark());
      boolean differs = tree.memory().isEmpty() ? seen : !tree.changes().isEmpty();
      boolean keeps = held.isEmpty() && differs && (seen || tree.mark().equals(own));
      tree.mark(held.isPresent() && seen ? held : keeps ? own : Optional.empty());
    }
    return Answer.newBuilder().setUsersMarked(UsersMarked.newBuilder().setSeen(seen));
  }

  private static Remembered remembered(
      io.virtquorum.guest.wire.v1.Position position, com.google.protobuf.ByteString root) {
    return new Remembered(
        new Position(position.getTenure(), position.getSequence()), Digest.of(root.toByteArray()));
  }

  private Answer.Builder address() {
    boolean before = guest.hasAddress();
    guest.addressed();
    return Answer.newBuilder()
        .setAddressed(Addressed.newBuilder().setInterface("eth1").setChanged(!before));
  }

  private Answer.Builder health(HealthCheck check) {
    Health.Builder health = Health.newBuilder();
    for (String peer : check.getPeersList()) {
      if (!guest.network.passes(guest.address, peer)) {
        health.addSilentPeers(peer);
      }
    }
    return Answer.newBuilder().setHealth(health);
  }
}
