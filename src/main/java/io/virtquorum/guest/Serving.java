package io.virtquorum.guest;

/**
 * Where and how one puller may fetch from a sample.
 *
 * @param id of the serving
 * @param address on the sync network
 * @param password good for this serving only; keep it out of logs
 */
public record Serving(String id, String address, int port, String password) {
  @Override
  public String toString() {
    return "Serving[" + id + ", " + address + ":" + port + "]";
  }
}
