package io.virtquorum.network;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A MAC address.
 *
 * @param text six lower-case hexadecimal bytes, joined by colons
 */
public record MacAddress(String text) {

  /**
   * The address of a member's sync NIC: always the same for the same names, so that it survives
   * every restart. It is locally administered unicast; 0e:76 is followed by 32 bits of a hash.
   */
  public static MacAddress ofMember(String namespace, String cluster, String member) {
    byte[] hash = sha256(namespace + "/" + cluster + "/" + member);
    return new MacAddress("0e:76:" + HexFormat.ofDelimiter(":").formatHex(hash, 0, 4));
  }

  static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("This Java has no SHA-256, which every Java must have.", e);
    }
  }

  @Override
  public String toString() {
    return text;
  }
}
