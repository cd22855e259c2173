package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Ends the order that runs when nobody waits for it any more: until then its member says nothing of
 * its state. What only looks or fetches is cut off; once rows are to be replaced, or a user's
 * command is to run, an order is carried to its end, which needs no network. Safe for many threads.
 */
final class Recall {
  private final Member.Driver driver;
  private Optional<Orders.Order> running = Optional.empty();
  private boolean recalled;

  /**
   * @param driver of the rounds in which orders run
   */
  Recall(Member.Driver driver) {
    this.driver = driver;
  }

  /** An order begins. By the thread of the rounds. */
  synchronized void begins(Orders.Order order) {
    running = Optional.of(order);
  }

  /** Recalls the order that runs unless it is wanted; does not wait for its end. */
  synchronized void unless(Predicate<Orders.Order> wanted) {
    if (running.isPresent() && !recalled && !wanted.test(running.get())) {
      recalled = true;
      driver.interrupt();
    }
  }

  /**
   * From here on the order is carried to its end.
   *
   * @throws GuestException if it was recalled before
   */
  synchronized void passed() throws GuestException {
    if (recalled) {
      throw new GuestException.Unreachable("The order was recalled", null);
    }
    running = Optional.empty();
  }

  /** The order is over; true if it was recalled. By the thread of the rounds. */
  synchronized boolean ends() {
    boolean was = recalled;
    running = Optional.empty();
    recalled = false;
    if (was) {
      driver.goOn();
    }
    return was;
  }
}
