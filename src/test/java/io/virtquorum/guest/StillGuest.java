package io.virtquorum.guest;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A guest in which nothing happens, and its own only watch: it says what it is told to say, and
 * keeps what was asked of it. For one thread.
 */
public class StillGuest implements Guest, Watch {
  /** Names of the operations, in the order in which they were asked for. */
  public final List<String> asked = new ArrayList<>();

  public Evidence users = new Evidence(0, 0, 0, 0, List.of());
  public Snapshot snapshot =
      new Snapshot("boot-1", Matrix.of(List.of()), Optional.empty(), List.of(), 0, false, 0);

  @Override
  public Watch watch(WatchSettings settings) {
    return this;
  }

  @Override
  public Presence presence() {
    return new Presence(State.ANSWERING, Duration.ZERO);
  }

  @Override
  public String bootId(Duration limit) {
    asked.add("bootId");
    return snapshot.bootId();
  }

  @Override
  public Look look(Duration limit) throws GuestException, Trouble {
    asked.add("look");
    return new Look(snapshot, users, users);
  }

  @Override
  public Look audit(Duration limit) {
    asked.add("audit");
    return new Look(snapshot, users, users);
  }

  @Override
  public Map<String, Output> outputs(boolean all) {
    asked.add("outputs");
    return Map.of();
  }

  @Override
  public Evidence users(Duration limit) {
    asked.add("users");
    return users;
  }

  @Override
  public VerifyResult verify(Position position, Digest root, Duration limit) {
    asked.add("verify");
    return snapshot.matrix().root().equals(root)
        ? new VerifyResult.Equal(snapshot)
        : new VerifyResult.Differs(snapshot);
  }

  @Override
  public boolean rememberUsers(Snapshot newest, boolean seen, Duration limit) throws Trouble {
    asked.add("rememberUsers");
    return seen;
  }

  @Override
  public void settle(Duration limit) {
    asked.add("settle");
  }

  @Override
  public VerifyResult accept(Position position, Digest root, boolean again, Duration limit) {
    asked.add("accept");
    return new VerifyResult.Equal(snapshot);
  }

  @Override
  public ServeResult serve(String id, Digest root, String address, String puller, Duration limit) {
    asked.add("serve");
    return snapshot.matrix().root().equals(root)
        ? new ServeResult.Begun(new Offer(address, 20_000, "secret", snapshot.matrix()))
        : new ServeResult.Differs(snapshot);
  }

  @Override
  public Optional<Serving> serveOutput(
      String id, String feature, Digest wanted, String address, String puller, Duration limit) {
    asked.add("serveOutput");
    return Optional.empty();
  }

  @Override
  public void endServing() {
    asked.add("endServing");
  }

  @Override
  public PullResult pull(Offer offer, Goal goal, ArchiveNote note, UsersSeen seen, Duration limit) {
    asked.add("pull");
    return new PullResult.Done(0, 0, "", 0, List.of());
  }

  @Override
  public PullResult applyOutput(
      Offer offer, String feature, Digest wanted, ArchiveNote note, Duration limit) {
    asked.add("applyOutput");
    return new PullResult.Done(0, 0, "", 0, List.of());
  }

  @Override
  public void quiesce(Duration still, Duration limit) {
    asked.add("quiesce");
  }

  @Override
  public Duration resume(Duration limit) {
    asked.add("resume");
    return Duration.ZERO;
  }

  @Override
  public AddressOutcome address(String mac, String address, Duration limit) {
    asked.add("address");
    return new AddressOutcome.Already("eth1");
  }

  @Override
  public Set<String> silent(String own, Collection<String> others, Duration limit) {
    asked.add("silent");
    return Set.of();
  }

  @Override
  public void close() {}
}
