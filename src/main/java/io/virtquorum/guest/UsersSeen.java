package io.virtquorum.guest;

import java.util.Optional;

/** Tells whether somebody used the member since it last held what it remembers; may ask it. */
@FunctionalInterface
public interface UsersSeen {
  /**
   * @param now who uses it at this moment; empty: nobody looked
   */
  boolean sinceHeld(Optional<Evidence> now) throws GuestException;
}
