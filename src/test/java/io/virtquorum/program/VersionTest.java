package io.virtquorum.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class VersionTest {
  @Test
  void givenTwoVersionsThenTheyAreComparedAsTheGuestProgramDoes() throws IOException {
    List<String[]> examples =
        Files.readAllLines(Path.of("guest/internal/update/testdata/versions.txt")).stream()
            .filter(line -> !line.startsWith("#"))
            .map(line -> line.split(" "))
            .toList();
    assertThat(examples).hasSizeGreaterThan(20);
    for (String[] example : examples) {
      assertThat(Version.isNewer(example[0], example[2]))
          .as(String.join(" ", example))
          .isEqualTo(example[1].equals("newer"));
    }
  }
}
