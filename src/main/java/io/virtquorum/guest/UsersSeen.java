package io.virtquorum.guest;

/** Tells whether somebody used the member since it last held what it remembers; may ask it. */
@FunctionalInterface
public interface UsersSeen {
  boolean sinceHeld() throws GuestException;
}
