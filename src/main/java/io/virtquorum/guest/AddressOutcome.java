package io.virtquorum.guest;

/** What became of a member's address on the sync network, when it was to be set. */
public sealed interface AddressOutcome {
  /** Set now on the interface of this name. */
  record Done(String name) implements AddressOutcome {}

  /** The interface was up and had it. */
  record Already(String name) implements AddressOutcome {}

  /** No interface has the MAC address: the VM has not been restarted with its sync NIC yet. */
  record Absent(String mac) implements AddressOutcome {}

  /** The guest has no {@code ip}; its package is called iproute2 or iproute. */
  record NoTool() implements AddressOutcome {}

  /**
   * The guest has that network elsewhere; the address was not set.
   *
   * @param route as {@code ip route} shows it
   */
  record Collides(String route) implements AddressOutcome {}

  /**
   * @param message what {@code ip} said
   */
  record Failed(String message) implements AddressOutcome {}
}
