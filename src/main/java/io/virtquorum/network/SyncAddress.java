package io.virtquorum.network;

/**
 * An address on the sync network.
 *
 * @param ip IPv4 address, such as 172.31.77.12
 * @param prefix length of the network's prefix, in bits
 */
public record SyncAddress(String ip, int prefix) {

  /** As {@code ip address add} takes it: 172.31.77.12/24. */
  @Override
  public String toString() {
    return ip + "/" + prefix;
  }
}
