package io.virtquorum.guest;

/** What became of a member's address on the sync network, when it was to be set. */
public sealed interface AddressOutcome {
  /** Set now on the interface of this name. */
  record Done(String name) implements AddressOutcome {}

  /** The interface was up and had it. */
  record Already(String name) implements AddressOutcome {}

  /** No interface has the MAC address: the VM has not been restarted with its sync NIC yet. */
  record Absent(String mac) implements AddressOutcome {}

  /**
   * The guest has that network elsewhere; the address was not set.
   *
   * @param message says where
   */
  record Collides(String message) implements AddressOutcome {}

  /**
   * @param message why it could not be set
   */
  record Failed(String message) implements AddressOutcome {}
}
