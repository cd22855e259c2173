package io.virtquorum.sidecar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

final class DomainXmlTest {
  private static final String PATH = "/var/run/kubevirt-hooks/hook-sidecar-2/agent.sock";
  private static final String CHANNEL =
      "<channel type='unix'><source mode='bind' path='"
          + PATH
          + "'/><target type='virtio' name='io.virtquorum.agent.0'/></channel>";

  private static final String DISK =
      "<disk type='file' device='disk'><driver name='qemu' type='raw' error_policy='report'/>"
          + "<source file='/var/run/kubevirt-hooks/hook-sidecar-2/virtquorum/guest.disk'/>"
          + "<target dev='vdzzz' bus='virtio'/><readonly/><serial>virtquorum-guest</serial>"
          + "<alias name='ua-virtquorum'/></disk>";

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

  @Test
  void givenADomainOfKubeVirtWhenItGetsTheDiskThenOnlyThatIsNewAndLast() throws IOException {
    String domain = domain();
    String extended = withDisk(domain);
    assertThat(extended.replace(DISK, "")).isEqualTo(domain);
    assertThat(extended.indexOf(DISK)).isGreaterThan(domain.lastIndexOf("</disk>"));
    assertThat(extend(extended).replace(CHANNEL, "")).isEqualTo(extended);
  }

  /** KubeVirt reads the domain back from libvirt and writes it by its own struct. */
  @Test
  void givenADomainThatWasReadBackWhenDefinedASecondTimeThenNothingChanges() throws IOException {
    String once = withDisk(domain());
    assertThat(withDisk(once)).isEqualTo(once);
    String readBack =
        once.replace(
            DISK,
            """
            <disk device="disk" type="file">
            \t<source file="/var/run/kubevirt-hooks/hook-sidecar-2/virtquorum/guest.disk"></source>
            \t<target bus="virtio" dev="vdzzz"></target>
            \t<serial>virtquorum-guest</serial>
            \t<driver error_policy="report" name="qemu" type="raw"></driver>
            \t<readonly></readonly>
            \t<alias name="ua-virtquorum"></alias>
            \t<address type="pci" domain="0x0000" bus="0x0a" slot="0x00" function="0x0"></address>
            </disk>
            """);
    assertThat(readBack).isNotEqualTo(once);
    assertThat(withDisk(readBack)).isEqualTo(readBack);
  }

  /** KubeVirt names disks from the first free letter on and gives up after 26³ of them. */
  @Test
  void givenEveryNameThatKubeVirtHasForAHotPluggedDiskThenOursIsNotAmongThem() {
    for (int i = 0; i < 26 * 26 * 26; i++) {
      StringBuilder name = new StringBuilder();
      for (int rest = i; rest >= 0; rest = rest / 26 - 1) {
        name.insert(0, (char) ('a' + rest % 26));
      }
      assertThat("vd" + name).isNotEqualTo("vdzzz");
    }
    assertThat(DISK).contains("dev='vdzzz'");
  }

  @Test
  void givenADiskOfTheVmsOwnThatHasOurNameThenItIsRefused() {
    for (String own :
        List.of(
            "<target dev='vdzzz'/>",
            "<alias name='ua-virtquorum'/>",
            "<target dev='vda'/><serial>virtquorum-guest</serial>")) {
      assertThatThrownBy(
              () -> withDisk("<domain><devices><disk>" + own + "</disk></devices></domain>"))
          .hasMessageContaining("of its own");
    }
  }

  @Test
  void givenAHotPluggedDiskAfterOursWhenDefinedAgainThenNothingChanges() throws IOException {
    String plugged =
        withDisk(domain())
            .replace(
                "</devices>",
                "<disk type='block'><target dev='sda' bus='scsi'/><alias name='ua-more'/></disk></devices>");
    assertThat(withDisk(plugged)).isEqualTo(plugged);
  }

  private static String withDisk(String domain) {
    return new String(
        DomainXml.withDisk(
            domain.getBytes(UTF_8), "/var/run/kubevirt-hooks/hook-sidecar-2/virtquorum/guest.disk"),
        UTF_8);
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
