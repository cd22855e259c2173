package io.virtquorum.sidecar;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Standing;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.FromMember;
import java.time.Duration;

/** What one configuration makes a member do in its guest. One caller at a time. */
interface MemberWork extends AutoCloseable {
  /**
   * Looks at the member's state and at who uses it.
   *
   * @param audit read every content from the disk; otherwise only what changed
   * @return a ballot with the number 0; with trouble if the state cannot be read as it should be
   */
  BallotContent look(boolean audit) throws GuestException;

  /** Does what can wait until nobody asks for anything; before a look. */
  default void tend() {}

  /**
   * Does what a look calls for and its ballot does not wait for; false: it is to be tried again.
   */
  boolean followUp() throws GuestException;

  /** Has the guest know how the member stands, now and in each session with it from now on. */
  void stand(Standing standing) throws GuestException;

  /** What keeps the member from its work, as of the last look. */
  HealthContent health();

  /**
   * Does what a command says, except for audits.
   *
   * @param left until the command expires
   * @param recall told when there is no way back
   * @return its one answer, an offer or a progress
   */
  FromMember run(Command command, Duration left, Recall recall) throws GuestException;

  /** Ends what still runs in the guest, within seconds. */
  @Override
  void close();
}
