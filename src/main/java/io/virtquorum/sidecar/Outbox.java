package io.virtquorum.sidecar;

import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What waits to be sent to the adjudicator, bounded: results in order, at most {@value #RESULTS},
 * and one ballot and one health, since a newer one says all that an older one did. Safe for many
 * threads.
 */
final class Outbox {
  static final int RESULTS = 64;
  private final ReentrantLock lock = new ReentrantLock();
  private final Runnable news;
  private final Queue<FromMember> results = new ArrayDeque<>();
  private Ballot ballot;
  private Health health;
  private boolean audited; // what was withdrawn would have reported an audit

  /**
   * @param news called, on any thread, when there is something to send
   */
  Outbox(Runnable news) {
    this.news = news;
  }

  /** Adds an offer or a progress; the oldest is dropped when there are too many. */
  void result(FromMember result) {
    locked(
        () -> {
          if (results.size() >= RESULTS) {
            results.remove(); // remembered by its command's id, so it can be asked for again
          }
          results.add(result);
        });
  }

  /** Replaces the ballot that waits. */
  void ballot(Ballot newer) {
    locked(
        () -> {
          // The newer one builds on the audit that the unsent one would have reported.
          audited |= newer.getAudited() || (ballot != null && ballot.getAudited());
          ballot = newer.toBuilder().setAudited(audited).build();
          audited = false;
        });
  }

  /** Takes the ballot back, if it was not sent yet. */
  void withdrawBallot() {
    locked(
        () -> {
          audited |= ballot != null && ballot.getAudited();
          ballot = null;
        });
  }

  /** Replaces the health that waits. */
  void health(Health newer) {
    locked(() -> health = newer);
  }

  /** Takes the next message: results first, because somebody waits for them. */
  Optional<FromMember> poll() {
    lock.lock();
    try {
      if (!results.isEmpty()) {
        return Optional.of(results.remove());
      }
      FromMember.Builder message = FromMember.newBuilder();
      if (ballot != null) {
        message.setBallot(ballot);
        ballot = null;
      } else if (health != null) {
        message.setHealth(health);
        health = null;
      } else {
        return Optional.empty();
      }
      return Optional.of(message.build());
    } finally {
      lock.unlock();
    }
  }

  private void locked(Runnable change) {
    lock.lock();
    try {
      change.run();
    } finally {
      lock.unlock();
    }
    news.run();
  }
}
