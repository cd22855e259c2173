package io.virtquorum.wire;

/** A message that breaks the protocol's limits; the text is a sentence that says which and how. */
public final class WireException extends Exception {
  public WireException(String message) {
    super(message);
  }
}
