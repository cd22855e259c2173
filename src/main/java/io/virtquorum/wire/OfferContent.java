package io.virtquorum.wire;

import io.virtquorum.fingerprint.Matrix;

/**
 * A sample's offer in the core's vocabulary: where to pull from and what must arrive.
 *
 * @param matrix the rows; its root is the offered root
 * @param address on the sync network
 * @param port 1 to 65535
 * @param password for this one serving; never logged
 */
public record OfferContent(
    String commandId, Matrix matrix, String address, int port, String password) {
  @Override
  public String toString() {
    return "offer " + commandId + " of " + matrix + " at " + address + ":" + port;
  }
}
