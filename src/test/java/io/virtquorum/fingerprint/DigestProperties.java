package io.virtquorum.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Size;

class DigestProperties {
  @Property
  void aDigestComesBackFromItsBytesAndItsDigits(@ForAll @Size(32) byte[] bytes) {
    Digest digest = Digest.of(bytes);
    assertThat(digest.bytes()).isEqualTo(bytes);
    assertThat(Digest.parse(digest.hex())).isEqualTo(digest);
    assertThat(digest.hex()).hasSize(64);
  }

  @Example
  void peopleSeeTheFirstFourDigits() {
    Digest digest = new Digest(0x00f2c81100000000L, 0, 0, 0);
    assertThat(digest.brief()).isEqualTo("00f2");
    assertThat(digest).hasToString("00f2");
    assertThat(new Position(2, 7)).hasToString("2.7");
  }

  @Property
  void digestsAreOrderedByUnsignedBytes(
      @ForAll @Size(32) byte[] one, @ForAll @Size(32) byte[] other) {
    assertThat(Integer.signum(Digest.of(one).compareTo(Digest.of(other))))
        .isEqualTo(Integer.signum(Arrays.compareUnsigned(one, other)));
  }

  @Property
  void anythingButThirtyTwoBytesIsRefused(@ForAll @Size(max = 64) byte[] bytes) {
    if (bytes.length != Digest.BYTES) {
      assertThatThrownBy(() -> Digest.of(bytes)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Property
  void positionsAreOrderedByTenureAndThenBySequence(
      @ForAll long tenure, @ForAll int sequence, @ForAll long otherTenure) {
    Position position = new Position(tenure, sequence);
    assertThat(position.next().isAfter(position)).isTrue();
    assertThat(position.isAfter(position)).isFalse();
    assertThat(new Position(otherTenure, Long.MAX_VALUE).isAfter(position))
        .isEqualTo(otherTenure >= tenure);
  }

  @Property
  void fingerprintsDependOnEveryFieldAndOnWhereItEnds(
      @ForAll @Size(max = 4) List<@CharRange(from = 'a', to = 'c') String> one,
      @ForAll @Size(max = 4) List<@CharRange(from = 'a', to = 'c') String> other) {
    FingerprintKey key = new FingerprintKey(new byte[16]);
    assertThat(key.fingerprint(one).equals(key.fingerprint(other))).isEqualTo(one.equals(other));
  }

  @Example
  void anotherClustersKeyGivesAnotherFingerprint() {
    byte[] secret = new byte[16];
    secret[3] = 1;
    assertThat(new FingerprintKey(secret).fingerprint(List.of("a")))
        .isNotEqualTo(new FingerprintKey(new byte[16]).fingerprint(List.of("a")));
    assertThatThrownBy(() -> new FingerprintKey(new byte[15]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new FingerprintKey(new byte[65]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Example
  void aFingerprintIsTheHmacThatTheStandardSays() throws Exception {
    byte[] secret = "0123456789abcdef".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    javax.crypto.Mac mac = javax.crypto.Mac.getInstance("HmacSHA256");
    mac.init(new javax.crypto.spec.SecretKeySpec(secret, "HmacSHA256"));
    mac.update(new byte[] {0, 0, 0, 2, 'h', (byte) 0xff, 0, 0, 0, 0});
    assertThat(new FingerprintKey(secret).fingerprint(List.of("h\u00ff", "")).bytes())
        .isEqualTo(mac.doFinal());
  }
}
