package io.virtquorum.program;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.wire.v1.Fetch;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What a joiner must know to fetch from a donor, as the password of a serving carries it from one
 * sidecar to the other: good for that serving only.
 *
 * @param pin SHA-256 of the certificate that the donor shows
 * @param seed that the joiner makes its own identity of
 */
record Secret(ByteString pin, ByteString seed) {
  private static final int BYTES = 32;
  private static final String KIND = "program-1:";

  /** As a password. */
  String password() {
    HexFormat hex = HexFormat.of();
    return KIND + hex.formatHex(pin.toByteArray()) + hex.formatHex(seed.toByteArray());
  }

  /** Out of a password; empty if it is that of another kind of serving. */
  static Optional<Secret> of(String password) {
    if (!password.startsWith(KIND) || password.length() != KIND.length() + 4 * BYTES) {
      return Optional.empty();
    }
    try {
      byte[] both = HexFormat.of().parseHex(password.substring(KIND.length()));
      return Optional.of(
          new Secret(ByteString.copyFrom(both, 0, BYTES), ByteString.copyFrom(both, BYTES, BYTES)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The order to fetch from who made the offer. */
  Fetch.Builder fetch(Offer offer) {
    return Fetch.newBuilder()
        .setDonor(offer.address())
        .setAddress(offer.address())
        .setPort(offer.port())
        .setPin(pin)
        .setSeed(seed);
  }

  /** What a pull ends with where the donor's guest is served in another way. */
  static PullResult ofAnotherKind() {
    return new PullResult.Failed(
        PullResult.Reason.SampleRefused,
        "The sample is served in a way that the guest program does not know; all members' sidecars"
            + " must reach their guests in the same way: restart the VM of the sample, whose sidecar"
            + " is of an earlier version");
  }

  @Override
  public String toString() {
    return "Secret[not shown]";
  }
}
