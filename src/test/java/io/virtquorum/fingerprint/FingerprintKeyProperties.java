package io.virtquorum.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class FingerprintKeyProperties {
  @Property
  void aFingerprintIsTheHmacOfTheFieldsEachAfterItsLength(
      @ForAll @Size(min = 16, max = 64) byte[] secret, @ForAll("fields") List<String> fields)
      throws GeneralSecurityException {
    assertThat(new FingerprintKey(secret).fingerprint(fields)).isEqualTo(slowly(secret, fields));
  }

  /** The buffer that fields are gathered in has 4096 bytes; nothing may change at its edges. */
  @Property(tries = 200)
  void howLongTheFieldsAreDoesNotMatter(
      @ForAll @IntRange(min = 4080, max = 4100) int first,
      @ForAll @IntRange(max = 12) int second,
      @ForAll @IntRange(max = 20_000) int third,
      @ForAll long seed)
      throws GeneralSecurityException {
    byte[] secret = new byte[32];
    List<String> fields = List.of(text(first, seed), text(second, seed), text(third, seed), "");
    assertThat(new FingerprintKey(secret).fingerprint(fields)).isEqualTo(slowly(secret, fields));
  }

  @Example
  void noFieldsAtAllHaveAFingerprintToo() throws GeneralSecurityException {
    byte[] secret = new byte[16];
    assertThat(new FingerprintKey(secret).fingerprint(List.of()))
        .isEqualTo(slowly(secret, List.of()));
  }

  @Example
  void aKeyHasFrom16To64Bytes() {
    List<String> fields = List.of("a");
    assertThat(new FingerprintKey(new byte[16]).fingerprint(fields)).isNotNull();
    assertThat(new FingerprintKey(new byte[64]).fingerprint(fields)).isNotNull();
    for (int length : new int[] {0, 15, 65}) {
      assertThatThrownBy(() -> new FingerprintKey(new byte[length]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("16 to 64 bytes, not " + length);
    }
  }

  @Example
  void theSecretMayBeWipedOnceTheKeyIsMade() {
    byte[] secret = new byte[32];
    secret[0] = 7;
    FingerprintKey key = new FingerprintKey(secret);
    Digest before = key.fingerprint(List.of("a"));
    secret[0] = 0;
    assertThat(key.fingerprint(List.of("a"))).isEqualTo(before);
  }

  @Example
  void givenManyThreadsOnOneKeyThenEachGetsItsOwnFingerprints() throws Exception {
    byte[] secret = new byte[32];
    FingerprintKey key = new FingerprintKey(secret);
    int threads = 8;
    CountDownLatch ready = new CountDownLatch(threads);
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<Digest>> found = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        List<String> fields = List.of("thread " + i, "x".repeat(i * 1000));
        found.add(
            pool.submit(
                () -> {
                  ready.countDown();
                  ready.await();
                  Digest first = key.fingerprint(fields);
                  for (int round = 0; round < 2000; round++) {
                    assertThat(key.fingerprint(fields)).isEqualTo(first);
                  }
                  return first;
                }));
      }
      for (int i = 0; i < threads; i++) {
        assertThat(found.get(i).get())
            .isEqualTo(slowly(secret, List.of("thread " + i, "x".repeat(i * 1000))));
      }
    }
  }

  /** All in one piece by the JDK. */
  private static Digest slowly(byte[] secret, List<String> fields) throws GeneralSecurityException {
    var all = new ByteArrayOutputStream();
    for (String field : fields) {
      all.writeBytes(ByteBuffer.allocate(4).putInt(field.length()).array());
      all.writeBytes(field.getBytes(StandardCharsets.ISO_8859_1));
    }
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret, "HmacSHA256"));
    return Digest.of(mac.doFinal(all.toByteArray()));
  }

  private static String text(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @Provide
  Arbitrary<List<String>> fields() {
    return Arbitraries.strings().withCharRange('\0', '\u00ff').ofMaxLength(300).list().ofMaxSize(8);
  }
}
