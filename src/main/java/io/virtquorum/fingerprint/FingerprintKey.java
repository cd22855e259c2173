package io.virtquorum.fingerprint;

import java.nio.charset.StandardCharsets;
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
  private final SecretKeySpec key;

  /**
   * @param secret 16 to 64 bytes
   * @throws IllegalArgumentException if it is shorter or longer
   */
  public FingerprintKey(byte[] secret) {
    if (secret.length < 16 || secret.length > 64) {
      throw new IllegalArgumentException(
          "a fingerprint key has 16 to 64 bytes, not " + secret.length);
    }
    key = new SecretKeySpec(secret, ALGORITHM);
  }

  /**
   * The fingerprint of an item described by fields, each length-prefixed so that no two lists of
   * fields look alike.
   *
   * @param fields Latin-1 views of bytes; chars above 255 are an error of the caller
   */
  public Digest fingerprint(List<String> fields) {
    Mac mac = mac();
    for (String field : fields) {
      byte[] bytes = field.getBytes(StandardCharsets.ISO_8859_1);
      mac.update((byte) (bytes.length >>> 24));
      mac.update((byte) (bytes.length >>> 16));
      mac.update((byte) (bytes.length >>> 8));
      mac.update((byte) bytes.length);
      mac.update(bytes);
    }
    return Digest.of(mac.doFinal());
  }

  private Mac mac() {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      return mac;
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    }
  }
}
