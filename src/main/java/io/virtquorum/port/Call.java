package io.virtquorum.port;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Answer;

/** A request in flight. It ends by the program's own word, or with its session. For one thread. */
public interface Call extends AutoCloseable {
  /**
   * The next piece of the answer; the last one says that it is. A call whose limit is over is
   * cancelled before this throws.
   *
   * @throws GuestException if it did not end in time or its session was lost: what it was to change
   *     is unknown
   */
  Answer next(Limit limit) throws GuestException, RefusedException;

  /** The last piece of the answer. */
  default Answer only(Limit limit) throws GuestException, RefusedException {
    Answer piece = next(limit);
    while (!piece.getLast()) {
      piece = next(limit);
    }
    return piece;
  }

  /** True if nothing of it runs any more, as far as is known here. Does not wait. */
  boolean isOver();

  /**
   * Cancels it if it has not ended and waits until it has; where that takes too long its session
   * ends, and the next one begins only when nothing of this one runs any more.
   */
  @Override
  void close();
}
