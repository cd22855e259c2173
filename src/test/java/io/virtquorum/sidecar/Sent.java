package io.virtquorum.sidecar;

import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps what a member says to its adjudicator. */
final class Sent implements Uplink {
  final List<Ballot> ballots = new CopyOnWriteArrayList<>();
  final List<Health> health = new CopyOnWriteArrayList<>();
  final List<FromMember> answers = new CopyOnWriteArrayList<>();
  volatile Link.Listener listener;

  @Override
  public void beatEvery(Duration interval) {}

  @Override
  public void send(Ballot ballot) {
    ballots.add(ballot);
  }

  @Override
  public void withdrawBallot() {}

  @Override
  public void send(Health said) {
    health.add(said);
  }

  @Override
  public void send(FromMember result) {
    answers.add(result);
  }

  @Override
  public void close() {}
}
