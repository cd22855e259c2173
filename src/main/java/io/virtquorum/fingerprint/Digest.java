package io.virtquorum.fingerprint;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * A 256-bit one-way hash. Immutable, so safe on any thread; held as four longs because a matrix
 * keeps millions of them.
 */
public record Digest(long a, long b, long c, long d) implements Comparable<Digest> {
  /** Length of a digest in bytes. */
  public static final int BYTES = 32;

  /**
   * Wraps the bytes of a hash.
   *
   * @throws IllegalArgumentException unless there are exactly {@value #BYTES}
   */
  public static Digest of(byte[] bytes) {
    if (bytes.length != BYTES) {
      throw new IllegalArgumentException("a digest has " + BYTES + " bytes, not " + bytes.length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new Digest(buffer.getLong(), buffer.getLong(), buffer.getLong(), buffer.getLong());
  }

  /**
   * Reads 64 hexadecimal digits.
   *
   * @throws IllegalArgumentException if it is anything else
   */
  public static Digest parse(String hex) {
    return of(HexFormat.of().parseHex(hex));
  }

  /** The 32 bytes, in a new array. */
  public byte[] bytes() {
    byte[] bytes = new byte[BYTES];
    putInto(ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** Adds the 32 bytes to a big-endian buffer that has room for them. */
  void putInto(ByteBuffer buffer) {
    buffer.putLong(a).putLong(b).putLong(c).putLong(d);
  }

  /** All 64 hexadecimal digits. */
  public String hex() {
    return HexFormat.of().formatHex(bytes());
  }

  /** The first four hexadecimal digits: enough for people to tell a few roots apart. */
  public String brief() {
    return hex().substring(0, 4);
  }

  /** Orders by unsigned bytes. */
  @Override
  public int compareTo(Digest other) {
    int order = Long.compareUnsigned(a, other.a);
    order = order != 0 ? order : Long.compareUnsigned(b, other.b);
    order = order != 0 ? order : Long.compareUnsigned(c, other.c);
    return order != 0 ? order : Long.compareUnsigned(d, other.d);
  }

  /** As a record's own, written out: a matrix asks millions of times. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Digest that && a == that.a && b == that.b && c == that.c && d == that.d;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(a); // a hash is random already
  }

  @Override
  public String toString() {
    return brief();
  }
}
