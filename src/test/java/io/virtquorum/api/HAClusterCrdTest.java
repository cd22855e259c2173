package io.virtquorum.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.testing.HAClusterCrd;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class HAClusterCrdTest {

  /** {@code mvn test -Dtest=HAClusterCrdTest -Dcrd.write=true} renews the committed file. */
  @Test
  void whoeverInstallsTheCommittedCrdGetsWhatTheRecordsSay() throws IOException {
    String generated = HAClusterCrd.generate();
    if (Boolean.getBoolean("crd.write")) {
      Files.writeString(HAClusterCrd.COMMITTED, generated);
    }
    assertThat(Files.readString(HAClusterCrd.COMMITTED))
        .as(
            "crds/ is older than the records: run mvn test -Dtest=HAClusterCrdTest -Dcrd.write=true")
        .isEqualTo(generated);
  }
}
