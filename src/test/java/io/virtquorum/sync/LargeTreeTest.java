package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LargeTreeTest {
  @TempDir Path directory;

  @Test
  void twoSidecarsWithTenThousandFilesEachFitAHeapOf32MiB() throws Exception {
    Process java =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-Xss256k",
                "-XX:+UseSerialGC",
                "-XX:+UseCompactObjectHeaders",
                "-cp",
                System.getProperty("java.class.path"),
                LargeTree.class.getName(),
                directory.toString())
            .redirectErrorStream(true)
            .start();
    try (var output = java.getInputStream()) {
      String said = new String(output.readAllBytes(), UTF_8);
      assertThat(java.waitFor(5, TimeUnit.MINUTES)).isTrue();
      assertThat(java.exitValue()).as(said).isZero();
      System.out.println(said);
    } finally {
      java.destroyForcibly();
    }
  }
}
