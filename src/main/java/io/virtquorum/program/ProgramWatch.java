package io.virtquorum.program;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Look;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.ProgramUpdates;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.ServeResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.UsersSeen;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.guest.wire.v1.Address;
import io.virtquorum.guest.wire.v1.ArchiveList;
import io.virtquorum.guest.wire.v1.HealthCheck;
import io.virtquorum.guest.wire.v1.MarkUsers;
import io.virtquorum.guest.wire.v1.Quiesce;
import io.virtquorum.guest.wire.v1.Quiesced;
import io.virtquorum.guest.wire.v1.Quiet;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.UserList;
import io.virtquorum.guest.wire.v1.Users;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import io.virtquorum.port.Sessions;
import io.virtquorum.port.Time;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A watch whose every operation is a request to the guest program. A plain look relies on events
 * where the program has them, which it gathers for some milliseconds; what verifies or repairs
 * walks. For one thread.
 */
final class ProgramWatch implements Watch {
  private static final Logger log = LoggerFactory.getLogger(ProgramWatch.class);
  private static final Duration CLOSING = Duration.ofSeconds(5);

  private final WatchSettings settings;
  private final Program program;
  private final Looks looks;
  private final Outputs outputs;
  private final Freezing freezing;
  private final Donor donor;
  private final Joining joining;
  private final OutputJoining outputJoining;
  private final Renewal renewal;
  private final Upkeep upkeep;
  private final Told told;
  private Session settledIn;
  private Marked marked; // null: an earlier life may have kept something
  private boolean quiet;
  private long opens;
  private long ownOpens;

  /** What was asked when the member remembered this, and the answer. */
  private record Marked(MarkUsers asked, Optional<Remembered> of, boolean seen) {}

  ProgramWatch(
      Sessions sessions,
      Time time,
      WatchSettings settings,
      RandomGenerator random,
      CarriedPrograms carried) {
    this.settings = settings;
    this.program = new Program(sessions, time, Program.configuration(settings));
    Paths paths = new Paths(program.wanted().getTreesList());
    Commands commands = new Commands(program);
    this.looks = new Looks(program, paths);
    this.outputs =
        new Outputs(program, commands, settings.key(), settings.commands(), settings.facts());
    this.freezing = new Freezing(program, looks);
    this.donor = new Donor(program, looks, freezing, paths, random);
    this.joining = new Joining(program, looks, paths, commands, settings.trees());
    this.renewal = new Renewal(joining, time);
    this.upkeep = new Upkeep(program, carried);
    this.outputJoining = new OutputJoining(program, outputs, commands);
    this.told = new Told(program);
  }

  @Override
  public String bootId(Duration limit) throws GuestException {
    return program.bootId(program.time().in(limit));
  }

  @Override
  public Look look(Duration limit) throws GuestException, Trouble {
    Limit end = program.time().in(limit);
    Looks.Sight sight = looks.withUsers(end);
    Look look =
        sight.users().isPresent()
            ? around(sight.snapshot(), sight.users().get())
            : around(looks::look, end); // a program from before this was part of a look
    if (!settings.readOnly()) {
      renewal.look(look.snapshot(), end);
    }
    return look;
  }

  @Override
  public Look audit(Duration limit) throws GuestException, Trouble {
    return around(looks::audit, program.time().in(limit));
  }

  private Look around(Snapshot snapshot, Looks.Around users) {
    Evidence before = evidence(users.before());
    return new Look(snapshot, before, evidence(users.after()));
  }

  private Look around(Seeing seeing, Limit end) throws GuestException, Trouble {
    Evidence before = users(end);
    return new Look(seeing.see(end).snapshot(), before, users(end));
  }

  private interface Seeing {
    Looks.Sight see(Limit limit) throws GuestException, Trouble;
  }

  @Override
  public Map<String, Output> outputs(boolean all) throws GuestException {
    return outputs.look(all);
  }

  @Override
  public Evidence users(Duration limit) throws GuestException {
    return users(program.time().in(limit));
  }

  private Evidence users(Limit end) throws GuestException {
    try {
      return evidence(
          program
              .demand(
                  Request.newBuilder().setUsers(Users.getDefaultInstance()),
                  "who uses the guest",
                  end)
              .getUsers());
    } catch (Trouble trouble) {
      throw new GuestException.Refused(trouble.getMessage());
    }
  }

  private Evidence evidence(UserList list) {
    if (donor.isServing() && list.getPassiveOpens() > opens) {
      ownOpens += list.getPassiveOpens() - opens; // those of who is served
    }
    opens = list.getPassiveOpens();
    return new Evidence(
        list.getSessions(),
        list.getConnections(),
        opens - ownOpens,
        list.getLastInput(),
        list.getWordsList().stream().limit(Evidence.MOST_NAMED).toList());
  }

  @Override
  public VerifyResult verify(Position position, Digest root, Duration limit)
      throws GuestException, Trouble {
    return verify(position, root, program.time().in(limit));
  }

  private VerifyResult verify(Position position, Digest root, Limit end)
      throws GuestException, Trouble {
    Looks.Sight first = looks.walk(end);
    if (!first.matrix().root().equals(root)) {
      return new VerifyResult.Differs(first.snapshot());
    }
    Snapshot known = first.snapshot();
    if (known.memory().isEmpty() || known.changesTotal() > known.changes().size()) {
      looks.audit(end); // with nothing to compare with, or too much, everything is read again
    } else {
      readBack(known.changes(), end);
    }
    Looks.Sight proven = joining.remember(position, root, end);
    return proven.matrix().root().equals(root)
        ? new VerifyResult.Equal(proven.snapshot())
        : new VerifyResult.Differs(proven.snapshot());
  }

  @Override
  public VerifyResult accept(Position position, Digest root, boolean again, Duration limit)
      throws GuestException, Trouble {
    Limit end = program.time().in(limit);
    Optional<Snapshot> accepted = freezing.accept(position, again, donor::endOldest, end);
    return accepted.isPresent()
        ? new VerifyResult.Equal(accepted.get())
        : verify(position, root, end);
  }

  private void readBack(List<Change> changes, Limit limit) throws GuestException, Trouble {
    NavigableMap<RowKey, Optional<Digest>> rows = new TreeMap<>();
    changes.forEach(change -> rows.put(change.key(), change.now()));
    if (rows.isEmpty()) {
      return;
    }
    try {
      joining.readBack(rows, limit);
    } catch (RefusedException refused) {
      throw Refusals.trouble(refused);
    }
  }

  @Override
  public boolean rememberUsers(Snapshot snapshot, boolean seen, Duration limit)
      throws GuestException, Trouble {
    if (settings.readOnly() || settings.trees().isEmpty()) {
      return seen;
    }
    MarkUsers.Builder mark = MarkUsers.newBuilder().setSeen(seen);
    snapshot
        .memory()
        .filter(held -> snapshot.changesTotal() > 0)
        .map(Paths::memory)
        .ifPresent(mark::setHeld);
    MarkUsers wanted = mark.build();
    if (marked != null && marked.asked().equals(wanted) && marked.of().equals(snapshot.memory())) {
      return seen || marked.seen();
    }
    boolean were =
        program
            .demand(
                Request.newBuilder().setMarkUsers(wanted),
                "keeping that users were there",
                program.time().in(limit))
            .getUsersMarked()
            .getSeen();
    marked = new Marked(wanted, snapshot.memory(), were);
    return seen || were;
  }

  @Override
  public void standing(Standing standing, Duration limit) throws GuestException {
    told.tell(standing, program.time().in(limit));
  }

  /** A session begins after the safe point of the one before; what a crash left is ended here. */
  @Override
  public void settle(Duration limit) throws GuestException, Trouble {
    if (settings.readOnly()) {
      return;
    }
    Limit end = program.time().in(limit);
    Session session = program.session(end);
    if (session == settledIn) {
      return;
    }
    try (Call call =
        program.begin(
            Request.newBuilder().setArchiveList(ArchiveList.getDefaultInstance()),
            "ending what was interrupted",
            List.of(),
            end)) {
      call.only(end);
      settledIn = session;
    } catch (RefusedException refused) {
      Trouble trouble = Refusals.trouble(refused);
      log.atInfo()
          .addKeyValue("message", trouble.getMessage())
          .log("The archive cannot be opened now: nothing can be repaired, nothing can end late");
    }
  }

  @Override
  public ServeResult serve(String id, Digest root, String address, String puller, Duration limit)
      throws GuestException, Trouble {
    return donor.rows(id, root, address, puller, program.time().in(limit));
  }

  @Override
  public Optional<Serving> serveOutput(
      String id, String feature, Digest wanted, String address, String puller, Duration limit)
      throws GuestException, Trouble {
    Limit end = program.time().in(limit);
    CommandFeature command = outputs.command(feature);
    ByteString said = outputs.say(command);
    return outputs.digest(command, said).equals(wanted)
        ? Optional.of(donor.output(id, address, puller, said, end))
        : Optional.empty();
  }

  @Override
  public void endServing() {
    donor.close();
  }

  @Override
  public PullResult pull(Offer offer, Goal goal, ArchiveNote note, UsersSeen users, Duration limit)
      throws GuestException, Trouble {
    return joining.pull(
        offer,
        goal,
        note,
        around -> users.sinceHeld(around.map(seen -> evidence(seen.after()))),
        program.time().in(limit));
  }

  @Override
  public PullResult applyOutput(
      Offer offer, String feature, Digest wanted, ArchiveNote note, Duration limit)
      throws GuestException, Trouble {
    return outputJoining.apply(
        offer, outputs.command(feature), wanted, note, program.time().in(limit));
  }

  @Override
  public void quiesce(Duration still, Duration limit) throws GuestException, Trouble {
    quiet = true;
    quiet((int) Math.clamp(still.toMillis(), 1_000, 86_400_000), limit);
  }

  @Override
  public Duration resume(Duration limit) throws GuestException, Trouble {
    Duration held = quiet(0, limit);
    quiet = false;
    return held;
  }

  private Duration quiet(int millis, Duration limit) throws GuestException, Trouble {
    List<Quiet> trees =
        settings.trees().stream()
            .filter(tree -> tree.canQuiesce())
            .map(
                t ->
                    Quiet.newBuilder()
                        .setTree(t.name())
                        .addAllArgv(t.quiesce())
                        .addAllUnits(t.quiesceUnits())
                        .build())
            .toList();
    if (trees.isEmpty()) {
      return Duration.ZERO;
    }
    Quiesced done =
        program
            .demand(
                Request.newBuilder()
                    .setQuiesce(Quiesce.newBuilder().addAllQuiet(trees).setStillMillis(millis)),
                millis > 0 ? "keeping the writers still" : "letting the writers go on",
                program.time().in(limit))
            .getQuiesced();
    return Duration.ofMillis(Math.clamp(done.getHeldMillis(), 0, Integer.MAX_VALUE));
  }

  @Override
  public AddressOutcome address(String mac, String address, Duration limit) throws GuestException {
    var request = Address.newBuilder().setMac(mac).setAddress(address);
    try {
      var done =
          program
              .ask(
                  Request.newBuilder().setAddress(request),
                  "setting an address",
                  program.time().in(limit))
              .getAddressed();
      return done.getChanged()
          ? new AddressOutcome.Done(done.getInterface())
          : new AddressOutcome.Already(done.getInterface());
    } catch (Trouble trouble) {
      return new AddressOutcome.Failed(trouble.getMessage());
    } catch (RefusedException refused) {
      return switch (refused.detail()) {
        case "NicMissing" -> new AddressOutcome.Absent(mac);
        case "AddressCollides" -> new AddressOutcome.Collides(refused.getMessage());
        case "AddressFailed" -> new AddressOutcome.Failed(refused.getMessage());
        default ->
            refused.reason() == Reason.REASON_INVALID // what the spec says is no address
                ? new AddressOutcome.Failed(refused.getMessage())
                : failed(refused);
      };
    }
  }

  private static AddressOutcome failed(RefusedException refused) throws GuestException {
    return new AddressOutcome.Failed(Refusals.trouble(refused).getMessage());
  }

  @Override
  public Set<String> silent(String own, Collection<String> others, Duration limit)
      throws GuestException, Trouble {
    var check = HealthCheck.newBuilder().setOwn(own).addAllPeers(others);
    return Set.copyOf(
        program
            .demand(
                Request.newBuilder().setHealth(check), "asking the peers", program.time().in(limit))
            .getHealth()
            .getSilentPeersList());
  }

  @Override
  public Optional<String> keepProgram(ProgramUpdates updates, Duration limit)
      throws GuestException, Trouble {
    return upkeep.keep(
        settings.readOnly() ? ProgramUpdates.NEVER : updates, program.time().in(limit));
  }

  @Override
  public void close() {
    boolean interrupted = Thread.interrupted(); // what is begun is ended all the same
    donor.close();
    if (quiet) {
      try {
        resume(CLOSING);
      } catch (GuestException | Trouble e) {
        log.atInfo().log("Writers that are kept still go on by themselves: {}", e.getMessage());
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
