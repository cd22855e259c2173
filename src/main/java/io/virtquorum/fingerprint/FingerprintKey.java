package io.virtquorum.fingerprint;

import java.nio.ByteBuffer;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Hashes the fields of an item one-way under the key of its HACluster (HMAC-SHA-256, RFC 2104), so
 * that fingerprints can be compared within the cluster and tell nothing outside it. Immutable; safe
 * on any thread.
 */
public final class FingerprintKey {
  private static final String ALGORITHM = "HmacSHA256";
  private static final int BUFFER = 4096;

  /** Keyed and never updated again: each fingerprint is made by a clone. */
  private final Mac keyed;

  /**
   * @param secret 16 to 64 bytes
   * @throws IllegalArgumentException if it is shorter or longer
   */
  public FingerprintKey(byte[] secret) {
    if (secret.length < 16 || secret.length > 64) {
      throw new IllegalArgumentException(
          "a fingerprint key has 16 to 64 bytes, not " + secret.length);
    }
    try {
      keyed = Mac.getInstance(ALGORITHM);
      keyed.init(new SecretKeySpec(secret, ALGORITHM));
      keyed.update(new byte[0]); // hashes the key's own block here, once, and not in every clone
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    }
  }

  /**
   * The fingerprint of an item described by fields, each length-prefixed so that no two lists of
   * fields look alike.
   *
   * @param fields Latin-1 views of bytes; chars above 255 are an error of the caller
   */
  public Digest fingerprint(List<String> fields) {
    Mac mac = mac();
    ByteBuffer buffer = ByteBuffer.allocate(room(fields));
    for (String field : fields) {
      if (buffer.remaining() < Integer.BYTES) {
        flush(buffer, mac);
      }
      buffer.putInt(field.length());
      for (int at = 0; at < field.length(); ) {
        if (!buffer.hasRemaining()) {
          flush(buffer, mac);
        }
        int end = Math.min(field.length(), at + buffer.remaining());
        copy(field, at, end, buffer);
        at = end;
      }
    }
    flush(buffer, mac);
    return Digest.of(mac.doFinal());
  }

  /** Enough for all fields, within reason. */
  private static int room(List<String> fields) {
    long room = 0;
    for (String field : fields) {
      room += Integer.BYTES + field.length();
    }
    return (int) Math.min(room, BUFFER);
  }

  private static void flush(ByteBuffer buffer, Mac mac) {
    mac.update(buffer.array(), 0, buffer.position());
    buffer.clear();
  }

  /** The low byte of each char, without an array between. */
  @SuppressWarnings("deprecation") // exactly right where chars are bytes
  private static void copy(String field, int from, int to, ByteBuffer buffer) {
    field.getBytes(from, to, buffer.array(), buffer.position());
    buffer.position(buffer.position() + to - from);
  }

  private Mac mac() {
    try {
      return (Mac) keyed.clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the JDK's own " + ALGORITHM + " can be cloned", e);
    }
  }
}
