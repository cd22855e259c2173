package io.virtquorum.fingerprint;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Hashes the fields of an item one-way under the key of its HACluster (HMAC-SHA-256, RFC 2104), so
 * that fingerprints can be compared within the cluster and tell nothing outside it. Immutable; safe
 * on any thread.
 *
 * <p>Most items are short: the JDK's own Mac hashes the two blocks of the key anew for each, which
 * takes as long as the item (RFC 2104, section 4, says to keep what comes of them).
 */
public final class FingerprintKey {
  private static final int BLOCK = 64;
  private static final int BUFFER = 4096;

  /** What comes of the key's block, before the item and before its hash; only cloned. */
  private final MessageDigest inner;

  private final MessageDigest outer;
  private final byte[] secret;

  /**
   * @param secret 16 to 64 bytes
   * @throws IllegalArgumentException if it is shorter or longer
   */
  public FingerprintKey(byte[] secret) {
    if (secret.length < 16 || secret.length > 64) {
      throw new IllegalArgumentException(
          "a fingerprint key has 16 to 64 bytes, not " + secret.length);
    }
    this.secret = secret.clone();
    inner = started(secret, 0x36);
    outer = started(secret, 0x5c);
  }

  /** What it was made of, in a new array: for a guest that hashes by itself. Never to be logged. */
  public byte[] secret() {
    return secret.clone();
  }

  private static MessageDigest started(byte[] secret, int pad) {
    byte[] block = new byte[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
      block[i] = (byte) (pad ^ (i < secret.length ? secret[i] : 0));
    }
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(block);
      return digest;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /**
   * The fingerprint of an item described by fields, each length-prefixed so that no two lists of
   * fields look alike.
   *
   * @param fields Latin-1 views of bytes; chars above 255 are an error of the caller
   */
  public Digest fingerprint(List<String> fields) {
    MessageDigest hash = clone(inner);
    ByteBuffer buffer = ByteBuffer.allocate(room(fields));
    for (String field : fields) {
      if (buffer.remaining() < Integer.BYTES) {
        flush(buffer, hash);
      }
      buffer.putInt(field.length());
      for (int at = 0; at < field.length(); ) {
        if (!buffer.hasRemaining()) {
          flush(buffer, hash);
        }
        int end = Math.min(field.length(), at + buffer.remaining());
        copy(field, at, end, buffer);
        at = end;
      }
    }
    flush(buffer, hash);
    return Digest.of(clone(outer).digest(hash.digest()));
  }

  /** Enough for all fields, within reason. */
  private static int room(List<String> fields) {
    long room = 0;
    for (String field : fields) {
      room += Integer.BYTES + field.length();
    }
    return (int) Math.min(room, BUFFER);
  }

  private static void flush(ByteBuffer buffer, MessageDigest hash) {
    hash.update(buffer.array(), 0, buffer.position());
    buffer.clear();
  }

  /** The low byte of each char, without an array between. */
  @SuppressWarnings("deprecation") // exactly right where chars are bytes
  private static void copy(String field, int from, int to, ByteBuffer buffer) {
    field.getBytes(from, to, buffer.array(), buffer.position());
    buffer.position(buffer.position() + to - from);
  }

  private static MessageDigest clone(MessageDigest started) {
    try {
      return (MessageDigest) started.clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the JDK's own SHA-256 can be cloned", e);
    }
  }
}
