package io.virtquorum.cloudinit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/**
 * Adds a part to the user data of cloud-init, whatever these are, so that cloud-init does with them
 * what it did before. They become the first part of a MIME message, and ours the last. Pure.
 */
final class UserData {
  /** In bytes; no Secret is larger. */
  static final int MOST = 1 << 20;

  private static final int HEADERS = 4096; // cloud-init looks so far for the header of a message
  private static final String HEAD = "Content-Type: multipart/mixed; boundary=\"virtquorum-";

  private UserData() {}

  /**
   * The user data with our part; those that have it already as they are.
   *
   * @param user empty if there are none
   * @param part a boothook in ASCII
   * @throws UnusableException if cloud-init would not find in the result what is in these
   */
  static String with(byte[] user, String part) throws UnusableException {
    byte[] plain = unpacked(user);
    if (plain.length > MOST) {
      throw new UnusableException("The user data is larger than " + MOST + " bytes");
    }
    String head = new String(plain, 0, Math.min(plain.length, HEADERS), ISO_8859_1);
    boolean message = head.toLowerCase(Locale.ROOT).contains("mime-version:");
    if (head.startsWith(HEAD)) {
      return text(plain);
    }
    String boundary = "virtquorum-" + HexFormat.of().formatHex(digest(plain), 0, 16);
    StringBuilder whole = new StringBuilder(plain.length * 3 / 2 + 4096);
    whole.append("Content-Type: multipart/mixed; boundary=\"").append(boundary).append("\"\n");
    whole.append("MIME-Version: 1.0\n");
    if (plain.length > 0) {
      whole.append("\n--").append(boundary).append('\n');
      whole.append(message ? text(plain) : encoded(plain));
    }
    whole.append("\n--").append(boundary).append('\n');
    whole.append("Content-Type: text/cloud-boothook; charset=\"us-ascii\"\nMIME-Version: 1.0\n");
    whole.append("Content-Disposition: attachment; filename=\"virtquorum-guest\"\n\n").append(part);
    whole.append("\n--").append(boundary).append("--\n");
    return whole.toString();
  }

  /**
   * Of a kind that has cloud-init look at how it begins, as it does outside of a message too. In
   * base64, because Python's parser of mail changes what is no ASCII.
   */
  private static String encoded(byte[] plain) {
    return "Content-Type: text/plain; charset=\"utf-8\"\nMIME-Version: 1.0\n"
        + "Content-Transfer-Encoding: base64\n\n"
        + Base64.getMimeEncoder(76, "\n".getBytes(US_ASCII)).encodeToString(plain);
  }

  /** A message stays as it is, headers and all: a message may be a part of another. */
  private static String text(byte[] plain) throws UnusableException {
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(plain)).toString();
    } catch (CharacterCodingException e) {
      throw new UnusableException("The user data is a MIME message that is not UTF-8");
    }
  }

  private static byte[] unpacked(byte[] user) throws UnusableException {
    if (user.length < 2 || (user[0] & 0xff) != 0x1f || (user[1] & 0xff) != 0x8b) {
      return user;
    }
    try (var stream = new GZIPInputStream(new ByteArrayInputStream(user))) {
      return stream.readNBytes(MOST + 1);
    } catch (IOException e) {
      throw new UnusableException("The user data is compressed, and cannot be unpacked");
    }
  }

  private static byte[] digest(byte[] content) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
