package io.virtquorum.sidecar;

import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import java.time.Duration;

/** A member's way to its adjudicator, whoever that is at the moment. Safe on any thread. */
interface Uplink extends AutoCloseable {
  /** The time between two beats, from now on; 10 ms at least. */
  void beatEvery(Duration interval);

  /** Sends a ballot, now or at the next stream; a newer one supersedes it. */
  void send(Ballot ballot);

  /** Takes back a ballot that still waits: what is done next makes it untrue. */
  void withdrawBallot();

  /** Sends how the member is, now or at the next stream; a newer one supersedes it. */
  void send(Health health);

  /** Sends an offer or a progress, now or at the next stream. */
  void send(FromMember result);

  /** Ends the stream and waits a second at most for the thread. */
  @Override
  void close();
}
