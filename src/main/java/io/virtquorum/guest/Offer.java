package io.virtquorum.guest;

import io.virtquorum.fingerprint.Matrix;
import java.util.List;

/**
 * What a sample serves.
 *
 * @param rows all that the sample held when it was offered; their root is the target of a whole
 *     pull
 */
public record Offer(String address, int port, String password, Matrix rows) {
  /** Nothing has to come: rows only go. */
  public static Offer nothing() {
    return new Offer("", 0, "", Matrix.of(List.of()));
  }

  /** True if there is nobody to fetch from. */
  public boolean isNothing() {
    return address.isEmpty();
  }

  /** As served. */
  public static Offer of(Serving serving, Matrix rows) {
    return new Offer(serving.address(), serving.port(), serving.password(), rows);
  }

  @Override
  public String toString() {
    return "Offer[" + address + ":" + port + ", " + rows + "]";
  }
}
