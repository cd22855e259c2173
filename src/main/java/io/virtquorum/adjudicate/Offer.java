package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Matrix;

/**
 * A sample that serves its state: where to pull from and what must arrive.
 *
 * @param matrix the rows that the sample holds
 * @param address on the sync network
 * @param port where it serves
 * @param password for this one serving
 */
public record Offer(Matrix matrix, String address, int port, String password) {
  /** Leaves the password out: offers are logged. */
  @Override
  public String toString() {
    return "Offer[" + matrix + " at " + address + ":" + port + "]";
  }
}
