package io.virtquorum.network;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The IPv4 network of one cluster, from which its members get addresses.
 *
 * <p>A member keeps the address that it carries. A new one gets the place that the hash of its name
 * points to, or the next free one; new members choose in the order of their names. So nobody's
 * address changes when others join or leave, and the same members get the same addresses even if
 * nothing was remembered.
 *
 * @param base first address of the network, as a number
 * @param prefix length of the prefix in bits, 8 to 29
 */
public record SyncSubnet(long base, int prefix) {

  private static final Pattern CIDR =
      Pattern.compile("(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})/(\\d{1,2})");

  /**
   * Reads a network such as 172.31.77.0/24.
   *
   * @throws NetworkException if it is none, or not from /8 to /29
   */
  public static SyncSubnet parse(String cidr) {
    Matcher parts = CIDR.matcher(cidr);
    if (!parts.matches()) {
      throw new NetworkException(
          "'" + cidr + "' is not an IPv4 network: write it like 172.31.77.0/24.");
    }
    long address = 0;
    for (int group = 1; group <= 4; group++) {
      address = address << 8 | Integer.parseInt(parts.group(group));
    }
    int prefix = Integer.parseInt(parts.group(5));
    if (prefix < 8 || prefix > 29 || !cidr.startsWith(text(address) + "/")) {
      throw new NetworkException("'" + cidr + "' is not an IPv4 network from /8 to /29.");
    }
    return new SyncSubnet(address >> (32 - prefix) << (32 - prefix), prefix);
  }

  /**
   * Gives every member an address of its own.
   *
   * @param members names, each with the address that its VM carries already ({@link
   *     SyncNic#addressOf})
   * @throws NetworkException if there are more members than addresses
   */
  public SortedMap<String, SyncAddress> assign(Map<String, Optional<SyncAddress>> members) {
    SortedMap<String, SyncAddress> assigned = new TreeMap<>();
    Set<SyncAddress> taken = new HashSet<>();
    new TreeMap<>(members)
        .forEach(
            (name, carried) ->
                carried
                    .filter(this::usable)
                    .filter(taken::add)
                    .ifPresent(address -> assigned.put(name, address)));
    for (String name : new TreeMap<>(members).keySet()) {
      if (!assigned.containsKey(name)) {
        assigned.put(name, free(name, taken));
      }
    }
    return assigned;
  }

  private SyncAddress free(String name, Set<SyncAddress> taken) {
    int first = Math.floorMod(ByteBuffer.wrap(MacAddress.sha256(name)).getInt(), places());
    for (int tried = 0; tried < places(); tried++) {
      SyncAddress address = place((first + tried) % places());
      if (taken.add(address)) {
        return address;
      }
    }
    throw new NetworkException(
        "The sync network "
            + text(base)
            + "/"
            + prefix
            + " has no address left for "
            + name
            + ": make the HACluster anew with a larger syncNetwork.cidr.");
  }

  private boolean usable(SyncAddress address) {
    return address.prefix() == prefix && within(address.ip());
  }

  private boolean within(String ip) {
    Matcher parts = CIDR.matcher(ip + "/32");
    if (!parts.matches()) {
      return false;
    }
    long address = 0;
    for (int group = 1; group <= 4; group++) {
      address = address << 8 | Integer.parseInt(parts.group(group));
    }
    return address > base && address < base + size() - 1;
  }

  private SyncAddress place(int index) {
    return new SyncAddress(text(base + skipped() + index), prefix);
  }

  private int places() {
    return (int) (size() - 1 - skipped());
  }

  // The network itself, and where there is room the first address too: people give it to bridges
  // and gateways.
  private int skipped() {
    return prefix <= 27 ? 2 : 1;
  }

  private long size() {
    return 1L << (32 - prefix);
  }

  private static String text(long address) {
    return (address >> 24 & 255)
        + "."
        + (address >> 16 & 255)
        + "."
        + (address >> 8 & 255)
        + "."
        + (address & 255);
  }

  @Override
  public String toString() {
    return text(base) + "/" + prefix;
  }
}
