package io.virtquorum.sync;

import io.virtquorum.fingerprint.Matrix;

/**
 * What a sample serves.
 *
 * @param rows all that the sample held when it was offered; their root is the target of a whole
 *     pull
 */
public record Offer(String address, int port, String password, Matrix rows) {
  /** As served. */
  public static Offer of(Serving serving, Matrix rows) {
    return new Offer(serving.address(), serving.port(), serving.password(), rows);
  }

  @Override
  public String toString() {
    return "Offer[" + address + ":" + port + ", " + rows + "]";
  }
}
