package io.virtquorum.explore;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.State;
import java.util.Optional;

/** One operator. Changed only while its {@link Draft} is open. */
final class Leader {
  /**
   * A change of the record by compare-and-swap; the leader waits for its end.
   *
   * @param unknown the leader gave up waiting and does not know how it ended
   */
  record Request(ClusterRecord expected, ClusterRecord wanted, boolean unknown) {
    Request givenUp() {
      return new Request(expected, wanted, true);
    }
  }

  State state;
  Optional<Request> request = Optional.empty();
  boolean stopped;

  Leader(State state) {
    this.state = state;
  }

  Leader copy() {
    Leader copy = new Leader(state);
    copy.request = request;
    copy.stopped = stopped;
    return copy;
  }

  long term() {
    return state.term();
  }

  /** It takes in events. */
  boolean listens() {
    return !stopped && request.filter(r -> !r.unknown()).isEmpty();
  }
}
