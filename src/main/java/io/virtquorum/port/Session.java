package io.virtquorum.port;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Welcome;
import java.util.List;

/**
 * What one Hello began: it belongs to a boot of the guest and to a term. Safe for use by many
 * threads.
 */
public interface Session {
  /** What the program said of itself. */
  Welcome welcome();

  /** True until it is lost. */
  boolean isOpen();

  /** Why it is lost; empty while it is not. */
  String lost();

  /** Ends it for this side: another one begins, once nothing of this one runs. */
  void abandon(String why);

  /**
   * Asks.
   *
   * @param request without id, term and credit
   * @param what is asked, for people
   * @param body of the request; no elements: none
   * @param limit after which the program ends it by itself
   * @return to be closed
   */
  Call ask(Request.Builder request, String what, List<Body.Builder> body, Limit limit)
      throws GuestException;
}
