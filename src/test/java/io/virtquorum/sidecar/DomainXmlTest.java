package io.virtquorum.sidecar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class DomainXmlTest {
  private static final String PATH = "/var/run/kubevirt-hooks/hook-sidecar-2/agent.sock";
  private static final String CHANNEL =
      "<channel type='unix'><source mode='bind' path='"
          + PATH
          + "'/><target type='virtio' name='io.virtquorum.agent.0'/></channel>";

  @Test
  void givenADomainOfKubeVirtWhenExtendedThenOnlyTheChannelIsNew() throws IOException {
    String domain = domain();
    String extended = extend(domain);
    assertThat(extended).isNotEqualTo(domain);
    assertThat(extended.replace(CHANNEL, "")).isEqualTo(domain);
    int end = extended.indexOf(CHANNEL) + CHANNEL.length();
    assertThat(extended.substring(end)).startsWith("</devices>\n\t<metadata>");
  }

  @Test
  void givenADomainWithTheChannelWhenExtendedAgainThenNothingChanges() throws IOException {
    String once = extend(domain());
    assertThat(extend(once)).isEqualTo(once);
    String readBack =
        once.replace(
            CHANNEL,
            "<channel type=\"unix\">\n<target name=\"io.virtquorum.agent.0\" type=\"virtio\"></target>\n</channel>");
    assertThat(extend(readBack)).isEqualTo(readBack);
  }

  @Test
  void givenTheNameElsewhereThanInAChannelWhenExtendedThenTheChannelIsAdded() {
    String decoy =
        "<domain><devices/><metadata><channel><target name='io.virtquorum.agent.0'/></channel>"
            + "</metadata></domain>";
    assertThat(extend(decoy))
        .isEqualTo(decoy.replace("<devices/>", "<devices>" + CHANNEL + "</devices>"));
  }

  @Test
  void givenDevicesInsideMetadataWhenExtendedThenTheDomainsOwnAreFound() {
    String decoy =
        "<domain><devices>\n</devices><metadata><devices></devices></metadata><!--</devices>--></domain>";
    assertThat(extend(decoy))
        .isEqualTo(decoy.replaceFirst("\n</devices>", "\n" + CHANNEL + "</devices>"));
  }

  @Test
  void givenADomainWithoutDevicesWhenExtendedThenItIsRefused() {
    assertThatThrownBy(() -> extend("<domain><name>x</name></domain>"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no <devices>");
  }

  @Test
  void givenADocumentTypeWhenExtendedThenNoEntityIsRead() {
    String attack =
        "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
            + "<domain><name>&x;</name><devices></devices></domain>";
    assertThatThrownBy(() -> extend(attack)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void givenBrokenInputWhenExtendedThenItIsRefused() {
    assertThatThrownBy(() -> extend("<domain><devices></devices>"))
        .isInstanceOf(IllegalArgumentException.class);
    byte[] latin1 = "<domain><devices>ä</devices></domain>".getBytes(StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> DomainXml.withChannel(latin1, PATH))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("UTF-8");
    assertThatThrownBy(() -> DomainXml.withChannel(domain().getBytes(UTF_8), "/x' y='"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  static String domain() throws IOException {
    try (var in = DomainXmlTest.class.getResourceAsStream("/sidecar/domain.xml")) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  private static String extend(String domain) {
    return new String(DomainXml.withChannel(domain.getBytes(UTF_8), PATH), UTF_8);
  }
}
