package io.virtquorum.sidecar;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Look;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.ServeResult;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.Watch;
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
import io.virtquorum.wire.v1.Progress;
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
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A member's work in its guest: what it says of its file trees and its users, and its part in
 * repairs. For one thread.
 */
final class GuestWork implements MemberWork {
  private static final Logger log = LoggerFactory.getLogger(GuestWork.class);
  private static final Duration QUICK = Duration.ofMinutes(1);
  private static final Duration AUDIT = Duration.ofMinutes(15);
  private static final Duration ANSWER = Duration.ofSeconds(20);
  private static final Duration NOW = Duration.ofSeconds(1);

  private final Watch watch;
  private final Users users;
  private final SyncLink link;
  private final LongSupplier nanoTime;
  private final boolean observe;
  private final ProgramKeeper keeper;
  private Optional<Snapshot> last = Optional.empty();
  private boolean recalled; // what an earlier life kept of users is known
  private String unkept = ""; // why that users were there is not kept; empty: it is
  private Optional<Standing> standing = Optional.empty();

  private GuestWork(Configure configure, Watch watch, Users users, LongSupplier nanoTime) {
    this.watch = watch;
    this.users = users;
    this.link = new SyncLink(configure, watch, nanoTime);
    this.nanoTime = nanoTime;
    this.observe = configure.getObserve();
    this.keeper = new ProgramKeeper(watch, configure.getGuestUpdate());
  }

  /**
   * Begins the work of a configuration.
   *
   * @param member whose guest it is
   * @param kept what is known of users, for the sidecar's next life
   * @param probes addresses whose connections are not users'
   * @param nanoTime as {@link System#nanoTime}
   * @throws IllegalArgumentException with a sentence, if the configuration cannot be worked with
   */
  static GuestWork of(
      String member,
      Configure configure,
      Guest guest,
      Users.Kept kept,
      Set<String> probes,
      LongSupplier nanoTime) {
    Watch watch = guest.watch(ConfiguredWatch.settings(member, configure, probes));
    return new GuestWork(configure, watch, new Users(watch, kept), nanoTime);
  }

  @Override
  public BallotContent look(boolean audit) throws GuestException {
    watch.bootId(ANSWER); // orders do not wait longer for a guest that is silent
    try {
      watch.settle(QUICK); // users may be led here on the word of this look
      Look look = audit ? watch.audit(AUDIT) : watch.look(QUICK);
      users.saw(look.before());
      Snapshot snapshot = look.snapshot();
      last = Optional.of(snapshot);
      if (standing.isPresent()) {
        watch.standing(standing.get(), QUICK); // the session may be another one
      }
      boolean holds = snapshot.memory().isPresent() && snapshot.changesTotal() == 0;
      if (holds) {
        users.held(); // it did so after the look for users, so who came since will still be seen
      } else if (!users.sinceHeld()) {
        users.saw(look.after()); // who wrote may have come and gone during the look at the files
      }
      if (!recalled) {
        recalled = rememberUsers(snapshot); // what an earlier life knew belongs into a ballot
      }
      return ballot(snapshot, snapshot.audited(), Optional.empty(), watch.outputs(audit));
    } catch (Trouble trouble) {
      users.look();
      return ballot(
          last.orElseGet(GuestWork::nothing),
          false,
          Optional.of(new BallotContent.Trouble(trouble.reason().name(), trouble.getMessage())),
          Map.of());
    }
  }

  /** Keeps whether users were there; false: it cannot be kept now. */
  private boolean rememberUsers(Snapshot snapshot) throws GuestException {
    try {
      if (watch.rememberUsers(snapshot, users.sinceHeld(), QUICK)) {
        users.were();
      }
      unkept = "";
      return true;
    } catch (Trouble trouble) {
      if (!unkept.equals(trouble.getMessage())) {
        unkept = trouble.getMessage();
        log.atWarn()
            .addKeyValue("reason", trouble.reason())
            .addKeyValue("message", unkept)
            .log("That users were there cannot be kept in the guest now");
      }
      return false;
    }
  }

  @Override
  public void tend() {
    keeper.keep();
  }

  @Override
  public boolean followUp() throws GuestException {
    if (last.isEmpty()) {
      return true;
    }
    watch.bootId(NOW);
    boolean kept = rememberUsers(last.get());
    link.look(last.get().bootId());
    return kept;
  }

  @Override
  public void stand(Standing now) throws GuestException {
    standing = Optional.of(now);
    watch.standing(now, QUICK);
  }

  @Override
  public HealthContent health() {
    HealthContent health = link.health();
    List<BallotContent.Trouble> ailments =
        Stream.concat(health.ailments().stream(), keeper.ailment().stream()).toList();
    return new HealthContent(ailments, health.silentPeers());
  }

  @Override
  public FromMember run(Command command, Duration left, Recall recall) throws GuestException {
    String id = command.getId();
    if (observe) {
      return Answers.refused(id, "Observe", "In mode Observe nothing in the guest is touched");
    }
    try {
      return switch (command.getOrderCase()) {
        case VERIFY -> verify(id, command.getVerify(), left);
        case SERVE_SAMPLE -> serve(id, command.getServeSample(), left);
        case PULL_SAMPLE -> {
          watch.endServing(); // it is not that any more; by other orders who copies from here goes
          // on
          yield pull(id, command.getPullSample(), left, recall);
        }
        case RESTORE_ROWS -> restore(id, command.getRestoreRows(), left, recall);
        case SERVE_OUTPUT -> serve(id, command.getServeOutput(), left);
        case APPLY_OUTPUT -> {
          watch.endServing();
          recall.passed(); // a user's command is not cut off in its midst
          yield apply(id, command.getApplyOutput(), left);
        }
        case QUIESCE -> {
          recall.passed();
          yield quiesce(id, Duration.ofMillis(command.getQuiesce().getStillMillis()), left);
        }
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
    watch.close();
  }

  private FromMember verify(String id, Verify order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest root = WireMapping.readDigest(order.getRoot(), "the root to verify");
    users.lookOnce(); // who came since the newest look will still be seen
    Position position = WireMapping.read(order.getPosition());
    VerifyResult result =
        order.getAccept()
            ? watch.accept(position, root, order.getAgain(), left)
            : watch.verify(position, root, left);
    return switch (result) {
      case VerifyResult.Equal equal -> {
        last = Optional.of(equal.snapshot());
        users.held();
        Digest held = equal.snapshot().matrix().root();
        yield Answers.message(
            held.equals(root)
                ? Answers.done(id)
                : Answers.done(id).setRoot(WireMapping.write(held)));
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
    long end = nanoTime.getAsLong() + left.toNanos();
    Optional<FromMember> unaddressed = unaddressed(id, watch.bootId(ANSWER));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    return switch (watch.serve(id, root, link.host(), order.getPullerAddress(), until(end))) {
      case ServeResult.Differs differs -> Answers.moved(id, differs(root, differs.snapshot()));
      case ServeResult.Begun begun when begun.offer().rows().rows().size() > WireLimits.ROWS -> {
        watch.endServing();
        yield Answers.failed(
            id,
            "TooManyRows",
            "An offer has at most " + WireLimits.ROWS + " rows; split the state");
      }
      case ServeResult.Begun begun -> offer(id, begun.offer());
    };
  }

  private FromMember serve(String id, ServeOutput order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest wanted = WireMapping.readDigest(order.getDigest(), "the digest to serve");
    long end = nanoTime.getAsLong() + left.toNanos();
    Optional<FromMember> unaddressed = unaddressed(id, watch.bootId(ANSWER));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    String feature = order.getFeature();
    return watch
        .serveOutput(id, feature, wanted, link.host(), order.getPullerAddress(), until(end))
        .map(at -> offer(id, Offer.of(at, Output.matrix(feature, wanted))))
        .orElseGet(() -> Answers.moved(id, feature + " says something else now"));
  }

  private Duration until(long end) {
    return Duration.ofNanos(Math.max(1, end - nanoTime.getAsLong()));
  }

  /** The answer of a member that has no address on the sync network. */
  private Optional<FromMember> unaddressed(String id, String bootId) throws GuestException {
    return link.missing(bootId).map(t -> Answers.failed(id, t.reason(), t.sentence()));
  }

  private static Offer source(OfferContent offer) {
    return new Offer(offer.address(), offer.port(), offer.password(), offer.matrix());
  }

  private static FromMember offer(String id, Offer at) {
    return FromMember.newBuilder()
        .setOffer(
            WireMapping.write(
                new OfferContent(id, at.rows(), at.address(), at.port(), at.password())))
        .build();
  }

  private FromMember apply(String id, ApplyOutput order, Duration left)
      throws GuestException, Trouble, WireException {
    Digest wanted = WireMapping.readDigest(order.getDigest(), "the digest to apply");
    users.look();
    Optional<FromMember> unaddressed = unaddressed(id, watch.bootId(ANSWER));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    OfferContent offer = WireMapping.read(order.getOffer());
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict());
    return answer(id, watch.applyOutput(source(offer), order.getFeature(), wanted, note, left));
  }

  private FromMember quiesce(String id, Duration still, Duration left)
      throws GuestException, Trouble {
    if (still.isPositive()) {
      watch.quiesce(still, left);
      return Answers.message(Answers.done(id));
    }
    return Answers.message(Answers.done(id).setMillis(watch.resume(left).toMillis()));
  }

  private FromMember pull(String id, PullSample order, Duration left, Recall recall)
      throws GuestException, Trouble, WireException {
    Digest root = WireMapping.readDigest(order.getRoot(), "the root to pull");
    OfferContent offer = WireMapping.read(order.getOffer());
    if (!offer.matrix().root().equals(root)) {
      throw new WireException("The offer is of another root than the one that must come out");
    }
    var goal = new Goal.Whole(WireMapping.read(order.getPosition()));
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict(), order.getAttributed());
    return pull(id, source(offer), goal, note, left, recall);
  }

  private FromMember restore(String id, RestoreRows order, Duration left, Recall recall)
      throws GuestException, Trouble, WireException {
    Offer offer = order.hasOffer() ? source(WireMapping.read(order.getOffer())) : Offer.nothing();
    var note = new ArchiveNote(order.getArchiveEntry(), order.getVerdict(), order.getAttributed());
    return pull(id, offer, RestoredRows.goal(order), note, left, recall);
  }

  private FromMember pull(
      String id, Offer offer, Goal goal, ArchiveNote note, Duration left, Recall recall)
      throws GuestException, Trouble {
    users.lookOnce();
    Optional<FromMember> unaddressed =
        offer.isNothing() ? Optional.empty() : unaddressed(id, watch.bootId(ANSWER));
    if (unaddressed.isPresent()) {
      return unaddressed.get();
    }
    PullResult result = watch.pull(offer, goal, note, now -> usersSinceHeld(now, recall), left);
    if (result instanceof PullResult.Done && goal instanceof Goal.Whole) {
      users.held();
    }
    return answer(id, result);
  }

  /** Asked when everything is there, right before the first row is replaced. */
  private boolean usersSinceHeld(Optional<Evidence> now, Recall recall) throws GuestException {
    if (now.isPresent()) {
      users.saw(now.get());
    } else if (!users.sinceHeld()) {
      users.look();
    }
    recall.passed();
    return users.sinceHeld();
  }

  private static FromMember answer(String id, PullResult result) {
    return switch (result) {
      case PullResult.Done done ->
          Answers.message(
              stale(Answers.done(id), done.stale())
                  .setRows(done.rows())
                  .setBytes(done.bytes())
                  .setMillis(done.millis())
                  .setArchiveEntry(done.archiveEntry())
                  .setMessage(String.join(" ", done.warnings())));
      case PullResult.Void moved -> Answers.moved(id, moved.message());
      case PullResult.Failed failed -> Answers.failed(id, failed.reason().name(), failed.message());
    };
  }

  private static Progress.Builder stale(Progress.Builder progress, List<StaleProcess> stale) {
    stale.forEach(process -> progress.addStale(WireMapping.write(process)));
    return progress;
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
        snapshot.newestTenure(),
        snapshot.changes(),
        snapshot.changesTotal(),
        users.sessions(),
        users.sinceHeld(),
        audited,
        trouble,
        seen,
        snapshot.stale(),
        snapshot.asks());
  }

  private static String differs(Digest root, Snapshot snapshot) {
    return "The member holds %s and not %s"
        .formatted(snapshot.matrix().root().brief(), root.brief());
  }

  private static Snapshot nothing() {
    return new Snapshot("", Matrix.of(List.of()), Optional.empty(), List.of(), 0, false, 0);
  }
}
