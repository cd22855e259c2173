package io.virtquorum.docs;

import io.virtquorum.e2e.Host;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Somebody tries what the pages say about the testbed, on the one that runs. */
@Tag("e2e")
final class TestbedGuideIT {

  static Stream<Typed> commands() {
    return Typed.all().stream().filter(t -> t.how() == Typed.How.TESTBED);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandWorks(Typed typed) {
    new Terminal(Host.here().project().resolve("testbed"), Map.of()).type(typed.line());
  }
}
