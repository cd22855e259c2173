package io.virtquorum.sidecar;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.collect.EvidenceReader;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Outputs;
import io.virtquorum.collect.Shell;
import io.virtquorum.collect.UserMark;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.sync.OutputRepair;
import io.virtquorum.sync.Puller;
import io.virtquorum.sync.Quiet;
import io.virtquorum.sync.SampleServer;
import io.virtquorum.verify.Verifier;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireLimits;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.ApplyOutput;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.PullSample;
import io.virtquorum.wire.v1.RestoreRows;
import io.virtquorum.wire.v1.ServeOutput;
import io.virtquorum.wire.v1.ServeSample;
import io.virtquorum.wire.v1.Verify;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A member's work in a real guest: its file trees, its users, and its part in repairs. For one
 * thread.
 */
final class GuestWork implements MemberWork {
  private static final Logger log = LoggerFactory.getLogger(GuestWork.class);
  private static final Duration QUICK = Duration.ofMinutes(1);
  private static final Duration AUDIT = Duration.ofMinutes(15);
  private static final Duration ADDRESS = Duration.ofSeconds(20);
  private static final Duration QUIET = Duration.ofSeconds(5);

  private final FileTrees trees;
  private final Users users;
  private final SampleServer server;
  private final Puller puller;
  private final Verifier verifier;
  private final Quiet quiet;
  private final UserMark mark;
  private final SyncLink link;
  private final Outputs outputs;
  private final OutputRepair outputRepair;
  private final boolean observe;
  private boolean serving;

  /** Nothing is left in the guest of a repair whose end this sidecar did not see. */
  private boolean settled;

  private Optional<Snapshot> last = Optional.empty();

  /**
   * @param trees of the configuration, with no other caller
   */
  GuestWork(Configure configure, FileTrees trees, Users users) {
    this.trees = trees;
    this.users = users;
    this.server = new SampleServer(trees.shell(), trees.trees());
    var limits = new ArchiveLimits(configure.getArchiveEntries(), configure.getArchiveBytes());
    this.puller = new Puller(trees, limits);
    this.verifier = new Verifier(trees);
    this.quiet = new Quiet(trees.shell(), trees.trees());
    this.mark = new UserMark(trees.shell(), trees.trees().getFirst());
    this.link = new SyncLink(configure, trees.shell());
    this.outputs = outputs(configure, trees.shell());
    this.outputRepair = new OutputRepair(trees.shell(), outputs, trees.trees(), limits);
    // In Observe nothing in the guest is touched: no address, no serving, no memory, no repair.
    this.observe = configure.getObserve();
    if (observe) {
      trees.readOnly();
    }
  }

  /**
   * @param member whose guest it is
   * @param probes addresses whose connections are not users'
   * @throws IllegalArgumentException with a sentence, if the configuration cannot be worked with
   */
  static GuestWork of(
      String member,
      Configure configure,
      GuestAgent guest,
      StateDirectory state,
      Set<String> probes) {
    List<Tree> trees =
        configure.getFilesList().stream()
            .map(
                file ->
                    new Tree(
                        file.getName(),
                        file.getPath(),
                        file.getExcludeList(),
                        file.getAfterRepairList(),
                        file.getQuiesceList()))
            .toList();
    var key = new FingerprintKey(configure.getFingerprintKey().toByteArray());
    return new GuestWork(
        configure,
        new FileTrees(guest, key, trees, member),
        new Users(new EvidenceReader(guest, configure.getAccessPortsList(), probes), state));
  }

  private static Outputs outputs(Configure configure, Shell shell) {
    return new Outputs(
        shell,
        new FingerprintKey(configure.getFingerprintKey().toByteArray()),
        configure.getCommandsList().stream()
            .map(c -> new CommandFeature(c.getName(), c.getRunList(), c.getApplyList()))
            .toList(),
        configure.getGuestFactsList());
  }

  @Override
  public BallotContent look(boolean audit) throws GuestException {
    lookForUsers();
    try {
      if (!settled && !observe) {
        puller.settle(QUICK);
        outputRepair.settle(QUICK);
        settled = true; // users may be led here on the word of this look
      }
      Snapshot snapshot = audit ? trees.audit(AUDIT) : trees.quick(QUICK);
      last = Optional.of(snapshot);
      boolean holds = snapshot.memory().isPresent() && snapshot.changesTotal() == 0;
      if (holds) {
        users.held(); // it did so after the look for users, so who came since will still be seen
      } else if (!users.sinceHeld()) {
        lookForUsers(); // who wrote may have come and gone during the look at the files
      }
      if (!observe && mark.look(snapshot, users.sinceHeld(), QUICK)) {
        users.were();
      }
      link.look(snapshot.bootId());
      return ballot(snapshot, snapshot.audited(), Optional.empty(), outputs.look(audit));
    } catch (Trouble trouble) {
      return ballot(
          last.orElseGet(GuestWork::nothing),
          false,
          Optional.of(new BallotContent.Trouble(trouble.reason().name(), trouble.getMessage())),
          Map.of());
    }
  }

  @Override
  public HealthContent health() {
    return link.health();
  }

  @Override
  public FromMember run(Command command, Duration left) throws GuestException {
    String id = command.getId();
    if (observe) {
      return Answers.refused(id, "Observe", "In mode Observe nothing in the guest is touched");
    }
    try {
      endServing();
      return switch (command.getOrderCase()) {
        case VERIFY -> verify(id, command.getVerify(), left);
        case SERVE_SAMPLE -> serve(id, command.getServeSample(), left);
        case PULL_SAMPLE -> pull(id, command.getPullSample(), left);
        case RESTORE_ROWS -> restore(id, command.getRestoreRows(), left);
        case SERVE_OUTPUT -> serve(id, command.getServeOutput(), left);
        case APPLY_OUTPUT -> apply(id, command.getApplyOutput(), left);
        case QUIESCE -> quiesce(id, Duration.ofMillis(command.getQuiesce().getStillMillis()), left);
        case AUDIT, ORDER_NOT_SET ->
            Answers.refused(id, "UnknownOrder", "This sidecar does not know the order");
      };
    } catch (Trouble trouble) {
      return Answers.failed(id, trouble.reason().name(), trouble.getMessage());
    } catch (WireException e) {
      return Answers.refused(id, "BadOrder", e.getMessage());
    }
  }

  @Override
  public void close() {
    server.close();
    try {
      quiet.end(QUIET);
    } catch (GuestException | Trouble e) {
      log.atInfo().log("Writers that are kept still go on by themselves: {}", e.getMessage());
    }
  }

  private FromMember verify(String id, Verify order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest root = WireMapping.readDigest(order.getRoot(), "the root to verify");
    users.look();
    return switch (verifier.verify(WireMapping.read(order.getPosition()), root, left)) {
      case VerifyResult.Equal equal -> {
        last = Optional.of(equal.snapshot());
        users.held();
        yield Answers.message(Answers.done(id));
      }
      case VerifyResult.Differs differs -> {
        last = Optional.of(differs.snapshot());
        yield Answers.moved(id, differs(root, differs.snapshot()));
      }
    };
  }

  private FromMember serve(String id, ServeSample order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest root = WireMapping.readDigest(order.getRoot(), "the root to serve");
    long end = trees.shell().nanoTime() + left.toNanos();
    Snapshot snapshot = trees.quick(left);
    if (!snapshot.matrix().root().equals(root)) {
      return Answers.moved(id, differs(root, snapshot));
    }
    if (snapshot.matrix().rows().size() > WireLimits.ROWS) {
      return Answers.failed(
          id, "TooManyRows", "An offer has at most " + WireLimits.ROWS + " rows; split the state");
    }
    Optional<FromMember> unaddressed = unaddressed(id, snapshot.bootId());
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    Duration life = Duration.ofNanos(Math.max(1, end - trees.shell().nanoTime()));
    Serving at = server.start(id, link.host(), order.getPullerAddress(), life, life);
    serving = true;
    return offer(id, snapshot.matrix(), at);
  }

  private FromMember serve(String id, ServeOutput order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest wanted = WireMapping.readDigest(order.getDigest(), "the digest to serve");
    long end = trees.shell().nanoTime() + left.toNanos();
    CommandFeature command = outputs.command(order.getFeature());
    byte[] said = outputs.say(command);
    if (!outputs.digest(command, said).equals(wanted)) {
      return Answers.moved(id, command.name() + " says something else now");
    }
    Optional<FromMember> unaddressed = unaddressed(id, trees.shell().guest().bootId(ADDRESS));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    Duration life = Duration.ofNanos(Math.max(1, end - trees.shell().nanoTime()));
    Serving at = server.start(id, link.host(), order.getPullerAddress(), said, life, life);
    serving = true;
    return offer(id, Output.matrix(command.name(), wanted), at);
  }

  /** The answer of a member that has no address on the sync network. */
  private Optional<FromMember> unaddressed(String id, String bootId) throws GuestException {
    return link.missing(bootId).map(t -> Answers.failed(id, t.reason(), t.sentence()));
  }

  private static Offer source(OfferContent offer) {
    return new Offer(offer.address(), offer.port(), offer.password(), offer.matrix());
  }

  private static FromMember offer(String id, Matrix matrix, Serving at) {
    return FromMember.newBuilder()
        .setOffer(
            WireMapping.write(new OfferContent(id, matrix, at.address(), at.port(), at.password())))
        .build();
  }

  private FromMember apply(String id, ApplyOutput order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest wanted = WireMapping.readDigest(order.getDigest(), "the digest to apply");
    CommandFeature command = outputs.command(order.getFeature());
    users.look();
    Optional<FromMember> unaddressed = unaddressed(id, trees.shell().guest().bootId(ADDRESS));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    OfferContent offer = WireMapping.read(order.getOffer());
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict());
    long clock = last.map(Snapshot::guestMillis).orElse(0L);
    settled = false;
    PullResult result = outputRepair.apply(source(offer), command, wanted, note, clock, left);
    settled = true;
    return answer(id, result);
  }

  private FromMember quiesce(String id, Duration still, Duration left)
      throws GuestException, Trouble {
    if (still.isPositive()) {
      quiet.begin(still, left);
    } else {
      quiet.end(left);
    }
    return Answers.message(Answers.done(id));
  }

  private FromMember pull(String id, PullSample order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest root = WireMapping.readDigest(order.getRoot(), "the root to pull");
    OfferContent offer = WireMapping.read(order.getOffer());
    if (!offer.matrix().root().equals(root)) {
      throw new WireException("The offer is of another root than the one that must come out");
    }
    var goal = new Goal.Whole(WireMapping.read(order.getPosition()));
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict(), order.getAttributed());
    return pull(id, source(offer), goal, note, left);
  }

  private FromMember restore(String id, RestoreRows order, Duration left)
      throws GuestException, Trouble, WireException {
    Offer offer = order.hasOffer() ? source(WireMapping.read(order.getOffer())) : Offer.nothing();
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict(), order.getAttributed());
    return pull(id, offer, RestoredRows.goal(order), note, left);
  }

  private FromMember pull(String id, Offer offer, Goal goal, ArchiveNote note, Duration left)
      throws GuestException, Trouble {
    users.look();
    Optional<FromMember> unaddressed =
        offer.isNothing()
            ? Optional.empty()
            : unaddressed(id, trees.shell().guest().bootId(ADDRESS));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    settled = false;
    PullResult result = puller.pull(offer, goal, note, this::usersSinceHeld, left);
    settled = true;
    if (result instanceof PullResult.Done && goal instanceof Goal.Whole) {
      users.held();
    }
    return answer(id, result);
  }

  private boolean usersSinceHeld() throws GuestException {
    if (!users.sinceHeld()) {
      users.look();
    }
    return users.sinceHeld();
  }

  private static FromMember answer(String id, PullResult result) {
    return switch (result) {
      case PullResult.Done done ->
          Answers.message(
              Answers.done(id)
                  .setRows(done.rows())
                  .setBytes(done.bytes())
                  .setMillis(done.millis())
                  .setArchiveEntry(done.archiveEntry())
                  .setMessage(String.join(" ", done.warnings())));
      case PullResult.Void moved -> Answers.moved(id, moved.message());
      case PullResult.Failed failed -> Answers.failed(id, failed.reason().name(), failed.message());
    };
  }

  private void lookForUsers() throws GuestException {
    if (serving) {
      users.disregardOwn();
    }
    users.look();
  }

  /** What was served is over with the next order: a member has one part in one repair at a time. */
  private void endServing() {
    if (serving) {
      server.close();
      users.disregardOwn();
      serving = false;
    }
  }

  private BallotContent ballot(
      Snapshot snapshot,
      boolean audited,
      Optional<BallotContent.Trouble> trouble,
      Map<String, Output> seen) {
    return new BallotContent(
        0,
        snapshot.bootId(),
        snapshot.matrix().root(),
        snapshot.matrix().rows().size(),
        snapshot.memory(),
        snapshot.changes(),
        snapshot.changesTotal(),
        users.sessions(),
        users.sinceHeld(),
        audited,
        trouble,
        seen);
  }

  private static String differs(Digest root, Snapshot snapshot) {
    return "The member holds %s and not %s"
        .formatted(snapshot.matrix().root().brief(), root.brief());
  }

  private static Snapshot nothing() {
    return new Snapshot("", Matrix.of(List.of()), Optional.empty(), List.of(), 0, false, false, 0);
  }
}
