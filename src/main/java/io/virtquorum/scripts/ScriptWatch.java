package io.virtquorum.scripts;

import io.virtquorum.collect.CollectSettings;
import io.virtquorum.collect.EvidenceReader;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Outputs;
import io.virtquorum.collect.Shell;
import io.virtquorum.collect.UserMark;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.UsersSeen;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.sync.OutputRepair;
import io.virtquorum.sync.PeerReach;
import io.virtquorum.sync.Puller;
import io.virtquorum.sync.Quiet;
import io.virtquorum.sync.SampleServer;
import io.virtquorum.sync.SyncInterface;
import io.virtquorum.verify.Verifier;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A watch whose every operation is some scripts that the guest's agent runs. For one thread. */
final class ScriptWatch implements Watch {
  private static final Logger log = LoggerFactory.getLogger(ScriptWatch.class);
  private static final Duration CLOSING = Duration.ofSeconds(5);

  private final Shell shell;
  private final boolean readOnly;
  private final FileTrees trees;
  private final Outputs outputs;
  private final EvidenceReader evidence;
  private final UserMark mark;
  private final Verifier verifier;
  private final SampleServer server;
  private final Puller puller;
  private final OutputRepair outputRepair;
  private final Quiet quiet;
  private final PeerReach peers;
  private boolean serving;

  /** Nothing is left in the guest of a repair whose end was not seen. */
  private boolean settled;

  private long guestMillis;

  /**
   * @param shell with no other caller
   */
  ScriptWatch(Shell shell, WatchSettings wanted, CollectSettings settings) {
    this.shell = shell;
    this.readOnly = wanted.readOnly();
    this.trees = new FileTrees(shell, wanted.key(), wanted.trees(), settings);
    this.outputs = new Outputs(shell, wanted.key(), wanted.commands(), wanted.facts());
    this.evidence = new EvidenceReader(shell.agent(), wanted.accessPorts(), wanted.probes());
    this.mark = new UserMark(shell, wanted.trees().getFirst());
    this.verifier = new Verifier(trees);
    this.server = new SampleServer(shell, wanted.trees());
    this.puller = new Puller(trees, wanted.archive());
    this.outputRepair = new OutputRepair(shell, outputs, wanted.trees(), wanted.archive());
    this.quiet = new Quiet(shell, wanted.trees());
    this.peers = new PeerReach(shell);
    if (readOnly) {
      trees.readOnly();
    }
  }

  @Override
  public String bootId(Duration limit) throws GuestException {
    return shell.agent().bootId(limit);
  }

  @Override
  public Snapshot look(Duration limit) throws GuestException, Trouble {
    return seen(trees.quick(limit));
  }

  @Override
  public Snapshot audit(Duration limit) throws GuestException, Trouble {
    return seen(trees.audit(limit));
  }

  private Snapshot seen(Snapshot snapshot) {
    guestMillis = snapshot.guestMillis();
    return snapshot;
  }

  @Override
  public Map<String, Output> outputs(boolean all) throws GuestException {
    return outputs.look(all);
  }

  @Override
  public Evidence users(Duration limit) throws GuestException {
    if (serving) {
      evidence.disregardOpens();
    }
    return evidence.read(limit);
  }

  @Override
  public VerifyResult verify(Position position, Digest root, Duration limit)
      throws GuestException, Trouble {
    VerifyResult result = verifier.verify(position, root, limit);
    seen(result.snapshot());
    return result;
  }

  @Override
  public boolean rememberUsers(Snapshot snapshot, boolean users, Duration limit)
      throws GuestException {
    return readOnly ? users : mark.look(snapshot, users, limit);
  }

  @Override
  public void settle(Duration limit) throws GuestException, Trouble {
    if (!settled && !readOnly) {
      puller.settle(limit);
      outputRepair.settle(limit);
      settled = true;
    }
  }

  @Override
  public Serving serve(String id, String address, String client, Duration limit)
      throws GuestException, Trouble {
    Serving at = server.start(id, address, client, limit, limit);
    serving = true;
    return at;
  }

  @Override
  public Optional<Serving> serveOutput(
      String id, String feature, Digest wanted, String address, String client, Duration limit)
      throws GuestException, Trouble {
    long end = shell.nanoTime() + limit.toNanos();
    CommandFeature command = outputs.command(feature);
    byte[] said = outputs.say(command);
    if (!outputs.digest(command, said).equals(wanted)) {
      return Optional.empty();
    }
    Duration life = Duration.ofNanos(Math.max(1, end - shell.nanoTime()));
    Serving at = server.start(id, address, client, said, life, life);
    serving = true;
    return Optional.of(at);
  }

  @Override
  public void endServing() {
    if (serving) {
      server.close();
      evidence.disregardOpens();
      serving = false;
    }
  }

  @Override
  public PullResult pull(Offer offer, Goal goal, ArchiveNote note, UsersSeen users, Duration limit)
      throws GuestException, Trouble {
    settled = false;
    PullResult result = puller.pull(offer, goal, note, users, limit);
    settled = true;
    return result;
  }

  @Override
  public PullResult applyOutput(
      Offer offer, String feature, Digest wanted, ArchiveNote note, Duration limit)
      throws GuestException, Trouble {
    CommandFeature command = outputs.command(feature);
    settled = false;
    PullResult result = outputRepair.apply(offer, command, wanted, note, guestMillis, limit);
    settled = true;
    return result;
  }

  @Override
  public void quiesce(Duration still, Duration limit) throws GuestException, Trouble {
    quiet.begin(still, limit);
  }

  @Override
  public void resume(Duration limit) throws GuestException, Trouble {
    quiet.end(limit);
  }

  @Override
  public AddressOutcome address(String mac, String address, Duration limit) throws GuestException {
    return new SyncInterface(shell.agent(), mac).set(address, limit);
  }

  @Override
  public Set<String> silent(String own, Collection<String> others, Duration limit)
      throws GuestException, Trouble {
    return peers.silent(own, others, limit);
  }

  @Override
  public void close() {
    server.close();
    try {
      quiet.end(CLOSING);
    } catch (GuestException | Trouble e) {
      log.atInfo().log("Writers that are kept still go on by themselves: {}", e.getMessage());
    }
  }
}
