package io.virtquorum.bench;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Fingerprints beside the JDK's HMAC-SHA-256 as one would use it at its best: one Mac that is
 * initialised once, and bytes that are there already.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class FingerprintBenchmark {
  /** Bytes that are hashed. 0: the seven fields of a file of the product, which are 110 bytes. */
  @Param({"0", "1024", "65536", "1048576"})
  public int size;

  private FingerprintKey key;
  private Mac mac;
  private List<String> fields;
  private byte[] bytes;

  /** Makes the contents. */
  @Setup
  public void contents() throws GeneralSecurityException {
    byte[] secret = new byte[32];
    new Random(1).nextBytes(secret);
    key = new FingerprintKey(secret);
    mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret, "HmacSHA256"));
    if (size == 0) {
      fields = List.of("f", "100644", "1000", "1000", "245", "0123456789abcdef".repeat(4), "");
      bytes = new byte[fields.stream().mapToInt(field -> 4 + field.length()).sum()];
    } else {
      bytes = new byte[size];
      new Random(2).nextBytes(bytes);
      fields = List.of(new String(bytes, StandardCharsets.ISO_8859_1));
    }
  }

  /** Ours. */
  @Benchmark
  public Digest fingerprint() {
    return key.fingerprint(fields);
  }

  /** The JDK's. */
  @Benchmark
  public byte[] bareMac() {
    return mac.doFinal(bytes);
  }
}
